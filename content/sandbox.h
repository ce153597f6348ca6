/* content/sandbox.h - what the child that parses foreign media may still do: no network, bounded memory, time
 * and file size, gone with its parent. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    uint64_t memory_bytes;
    uint64_t cpu_s;
    uint64_t file_bytes;
} ContentLimits;

/* Limits for a file of @size_bytes. */
ContentLimits content_limits_for(int64_t size_bytes);

/* To be called first thing in the child, while it has one thread. @parent: ends at once if that is no longer
 * its parent. Returns true if the network is really gone (needs the right to make name spaces). */
bool content_sandbox_enter(const ContentLimits *limits, pid_t parent);

/* Leaves nothing of the file system but @file to read, @folder to write, and programs and libraries. To be
 * called once GStreamer has its registry. Returns false where the kernel cannot do it (Landlock): the rest
 * holds all the same. */
bool content_sandbox_files(const char *file, const char *folder);
