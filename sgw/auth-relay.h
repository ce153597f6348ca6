/* sgw/auth-relay.h - digest challenges of the core on their way to the page and back.
 *
 * The page gets what it needs to compute a response and gives that back; the password, and what is made
 * of it, stay there. The nonce count is kept here. Spec: docs/w2.md, authenticate; RFC 2617 3.2.2. */
#pragma once

#include "lib/net/sip-ua.h"
#include "sgw/w2-link.h"

#include <glib.h>
#include <stdbool.h>

typedef struct SgwAuthRelay SgwAuthRelay;

/* @link: borrowed. @impi: whose answers are taken. */
SgwAuthRelay *sgw_auth_relay_new(SgwW2Link *link, const char *impi, const char *realm);
/* Declines what is pending. */
void sgw_auth_relay_free(SgwAuthRelay *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SgwAuthRelay, sgw_auth_relay_free)

/* Sends it to the page as `authenticate`. One of a foreign realm, or in an algorithm that no page can
 * compute, is declined; so is one that the page does not answer in 30 s.
 * @challenge: (transfer full). @package_type, @subsession, @correlation: of the frame; the last two may be
 * NULL. */
void sgw_auth_relay_challenge(SgwAuthRelay *self,
                              NetSipChallenge *challenge,
                              const char *package_type,
                              const char *subsession,
                              const char *correlation);
/* The page's response or error. False if it answers no challenge. */
bool sgw_auth_relay_answer(SgwAuthRelay *self, const ProtoJsonrtcFrame *frame);
