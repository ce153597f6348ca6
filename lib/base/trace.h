/* lib/base/trace.h - the protocol trace behind --trace: every message on every reference point.
 *
 * One summary line, then the message indented by four spaces:
 *   TRACE 2027-01-05T19:00:00.123456Z imstv-sgw Gm > 127.0.0.1:5060 session=<32 hex> INVITE sip:... SIP/2.0
 * '>' sent, '<' received; session=- where none is known. Secrets (digest responses, ICE passwords,
 * bearer tokens, passwords, keys) are replaced by ***; session ids stay, they are needed to follow a
 * call. Off by default and then free of cost. Thread: any. */
#pragma once

#include <glib.h>
#include <stdbool.h>

void base_trace_enable(bool on);
bool base_trace_enabled(void);

/* @reference_point: "W2", "Gm", "ISC", "y2", "Xa", "Xc", "Xp", "WHEP", "e*".
 * @sent: true for outgoing. @peer: address, borrowed. @session_id: may be NULL.
 * @summary: the message's first line or an equivalent. @text: the message; @length -1 if NUL-ended;
 * NULL for a summary alone. */
void base_trace(const char *reference_point,
                bool sent,
                const char *peer,
                const char *session_id,
                const char *summary,
                const char *text,
                gssize length);

/* The redaction alone, for tests and for logs that quote messages. (transfer full) */
char *base_trace_redact(const char *text, gssize length);
