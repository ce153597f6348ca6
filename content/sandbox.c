#include "content/sandbox.h"

#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define GIB (UINT64_C(1) << 30)

/* The sanitizers' shadow memory looks like terabytes to the kernel. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMIT_MEMORY 0
#endif
#endif
#ifndef LIMIT_MEMORY
#define LIMIT_MEMORY 1
#endif

ContentLimits
content_limits_for(int64_t size_bytes)
{
    uint64_t size = (uint64_t)MAX(size_bytes, 0);

    /* A low-rate hour is 300 MB and takes an hour of one core at most; a small hostile file gets ten minutes.
     */
    return (ContentLimits){
        .memory_bytes = 6 * GIB,
        .cpu_s = 600 + size / 10000,
        .file_bytes = 2 * GIB + 4 * size,
    };
}

static void
limit(int resource, uint64_t value)
{
    struct rlimit rlimit = {.rlim_cur = value, .rlim_max = value};

    setrlimit((__rlimit_resource_t)resource, &rlimit);
}

static void
write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        g_debug("%s was not written", path);
    close(fd);
}

/* An own user name space where we may not make network name spaces otherwise; it keeps our user id, so that
 * the files written belong to whom they should. */
static bool
leave_network(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[64];

    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
        return false;
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    write_text("/proc/self/gid_map", map);
    return true;
}

bool
content_sandbox_enter(const ContentLimits *limits, pid_t parent)
{
    bool offline = leave_network();

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGXFSZ, SIG_IGN); /* a write then fails with EFBIG and is reported like a full disk */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 256);
    limit(RLIMIT_CPU, limits->cpu_s);
    limit(RLIMIT_FSIZE, limits->file_bytes);
    if (LIMIT_MEMORY)
        limit(RLIMIT_AS, limits->memory_bytes);
    if (setpriority(PRIO_PROCESS, 0, 5) != 0)
        g_debug("priority unchanged");
    return offline;
}
