/* lib/base/error.h - the one error domain of imstv, and what each code is on the wire.
 *
 * Every fallible control function ends in GError **error and uses BASE_ERROR. A message says what
 * failed, on what, why, and where it helps what to do; it is fit for an operator's log. */
#pragma once

#include <glib.h>

#define BASE_ERROR (base_error_quark())
GQuark base_error_quark(void);

typedef enum {
    BASE_ERROR_INVALID_ARGUMENT, /* the caller asked for something that makes no sense */
    BASE_ERROR_PROTOCOL,         /* the peer sent what its protocol does not allow */
    BASE_ERROR_UNAUTHORIZED,     /* no or wrong credentials */
    BASE_ERROR_FORBIDDEN,        /* known, but not granted */
    BASE_ERROR_NOT_FOUND,        /* no such user, content, session */
    BASE_ERROR_NOT_ACCEPTABLE,   /* no common codec, transport or bandwidth */
    BASE_ERROR_TOO_LARGE,        /* over a cap */
    BASE_ERROR_BUSY,             /* at capacity; try again later */
    BASE_ERROR_TIMEOUT,          /* the peer did not answer in time */
    BASE_ERROR_UNAVAILABLE,      /* the peer cannot be reached */
    BASE_ERROR_INTERNAL,         /* our own fault */
} BaseErrorCode;

/* Status codes for an error of the BASE_ERROR domain; any other domain counts as INTERNAL.
 * @error: may be NULL (INTERNAL).
 * Spec: RFC 3261 21, RFC 2326 7.1.1, RFC 9110 15. */
int base_error_sip_status(const GError *error);
int base_error_rtsp_status(const GError *error);
int base_error_http_status(const GError *error);

/* The code that a failure status (300..699) of SIP, RTSP or HTTP stands for. */
BaseErrorCode base_error_from_status(int status);
