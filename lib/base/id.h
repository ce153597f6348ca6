/* lib/base/id.h - unguessable identifiers from the kernel's random source. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* 128 random bits as 32 lower-case hex digits; also a valid RFC 7989 UUID. (transfer full) */
char *base_id_new(void);

/* Fills @buffer; aborts if the kernel has no randomness (it always has). */
void base_random_bytes(void *buffer, size_t length);

/* True for 32 lower-case hex digits. */
bool base_id_is_valid(const char *id);

/* Compares secrets without telling by the time it takes where they differ. */
bool base_secret_equal(const char *a, const char *b);
