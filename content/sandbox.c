#include "content/sandbox.h"

#include <fcntl.h>
#include <glib.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

#define READ_FILES (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_FILES                                                                                          \
    (READ_FILES | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                              \
     LANDLOCK_ACCESS_FS_REMOVE_FILE)
#define ALL_FILES                                                                                            \
    (WRITE_FILES | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |                            \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |             \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* Rights that the kernel takes for a single file. */
#define ON_A_FILE (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)

/* What is not there needs no rule. */
static void
allow(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access};
    struct stat info;

    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return;
    if (fstat(rule.parent_fd, &info) == 0 && !S_ISDIR(info.st_mode))
        rule.allowed_access &= ON_A_FILE;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

bool
content_sandbox_files(const char *file, const char *folder)
{
    /* Plug-ins are loaded when they are first used, and count the processors. */
    static const char *const system[] = {
        "/usr",       "/lib",          "/lib64",        "/etc/ld.so.cache",
        "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system",
        "/dev/null",  "/dev/urandom"};
    struct landlock_ruleset_attr handled = {.handled_access_fs = ALL_FILES};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    bool restricted;

    if (rules < 0)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(system); i++)
        allow(rules, system[i], READ_FILES);
    allow(rules, file,
          LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR); /* a folder is told from a film */
    allow(rules, folder, WRITE_FILES);
    restricted = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close(rules);
    return restricted;
}
