/* lib/store/token.h - viewer tokens for doors without SIP (WHEP): JWTs signed with HS256 by a secret of the
 * store. A token names a user and what may be watched; the rights are checked again when it is used.
 * Spec: RFC 7519, RFC 7515. */
#pragma once

#include "lib/store/store.h"

typedef struct {
    char *sub;       /* impu: sip:demo@imstv.test */
    char *content;   /* "asset:ID", "channel:ID" or "*" (all that the user may watch) */
    int64_t expires; /* seconds since 1970 */
} StoreToken;

void store_token_free(StoreToken *token);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreToken, store_token_free)

/* A token for @impu (must exist), good for @content during @lifetime_s (1..31536000). (transfer full)
 * Errors: NOT_FOUND for an unknown user; INVALID_ARGUMENT. */
char *
store_token_issue(Store *self, const char *impu, const char *content, int64_t lifetime_s, GError **error);

/* Checks signature, algorithm and expiry at @now_s (seconds since 1970). (transfer full)
 * Errors: UNAUTHORIZED with a reason. */
StoreToken *store_token_parse(Store *self, const char *token, int64_t now_s, GError **error);

/* Checks the token for @content ("asset:ID" or "channel:ID") and the user's rights at this time.
 * Errors: UNAUTHORIZED; FORBIDDEN; NOT_FOUND. */
bool store_token_check(Store *self, const char *token, const char *content, int64_t now_s, GError **error);
