/* The child that parses foreign media: no network, limited, gone with its parent. */
#include "content/sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OFFLINE = 10, ONLINE = 11, WRONG = 12 };

static int
listen_on_loopback(struct sockaddr_in *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t length = sizeof *ret_address;

    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    g_assert_cmpint(bind(fd, (struct sockaddr *)ret_address, sizeof *ret_address), ==, 0);
    g_assert_cmpint(listen(fd, 1), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)ret_address, &length), ==, 0);
    return fd;
}

static int
in_child(const struct sockaddr_in *address, pid_t parent)
{
    ContentLimits limits = content_limits_for(0);
    bool offline = content_sandbox_enter(&limits, parent);
    struct rlimit files, core;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    getrlimit(RLIMIT_NOFILE, &files);
    getrlimit(RLIMIT_CORE, &core);
    if (files.rlim_max > 256 || core.rlim_max != 0 || !prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
        return WRONG;
    if (offline && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
        return WRONG;
    return offline ? OFFLINE : ONLINE;
}

static int
exit_code_of(pid_t child)
{
    int status;

    waitpid(child, &status, 0);
    g_assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
test_no_network(void)
{
    struct sockaddr_in address;
    int fd = listen_on_loopback(&address);
    pid_t parent = getpid(), child = fork();
    int code;

    if (child == 0)
        _exit(in_child(&address, parent));
    code = exit_code_of(child);
    close(fd);
    g_assert_cmpint(code, !=, WRONG);
    if (code == ONLINE)
        g_test_skip("this machine lets nobody make a network name space");
}

static void
test_wrong_parent(void)
{
    ContentLimits limits = content_limits_for(0);
    pid_t child = fork();

    if (child == 0) {
        content_sandbox_enter(&limits, 1); /* init is not our parent */
        _exit(WRONG);
    }
    g_assert_cmpint(exit_code_of(child), ==, 1);
}

static bool
can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int
in_files_child(const char *folder, const char *file, const char *beside)
{
    g_autofree char *out = g_build_filename(folder, "out", NULL);
    ContentLimits limits = content_limits_for(0);

    content_sandbox_enter(&limits, getppid());
    if (!content_sandbox_files(file, folder))
        return ONLINE;
    if (!can_open(file, O_RDONLY) || !can_open(out, O_WRONLY | O_CREAT) || !can_open("/usr", O_RDONLY))
        return WRONG;
    if (can_open("/etc/passwd", O_RDONLY) || can_open(beside, O_RDONLY) || can_open(file, O_WRONLY) ||
        can_open("/", O_RDONLY))
        return WRONG;
    return OFFLINE;
}

static void
test_only_its_files(void)
{
    g_autofree char *top = g_dir_make_tmp("sandbox-XXXXXX", NULL);
    g_autofree char *folder = g_build_filename(top, "staging", NULL),
                    *out = g_build_filename(folder, "out", NULL);
    g_autofree char *file = g_build_filename(top, "film", NULL),
                    *beside = g_build_filename(top, "other", NULL);
    pid_t child;
    int code;

    g_mkdir(folder, 0700);
    g_file_set_contents(file, "film", -1, NULL);
    g_file_set_contents(beside, "secret", -1, NULL);
    child = fork();
    if (child == 0)
        _exit(in_files_child(folder, file, beside));
    code = exit_code_of(child);
    g_unlink(out);
    g_unlink(file);
    g_unlink(beside);
    g_rmdir(folder);
    g_rmdir(top);
    g_assert_cmpint(code, !=, WRONG);
    if (code == ONLINE)
        g_test_skip("this kernel has no Landlock");
}

static void
test_limits_grow(void)
{
    ContentLimits small = content_limits_for(1000), large = content_limits_for(INT64_C(20) << 30);

    g_assert_cmpuint(small.cpu_s, >=, 600);
    g_assert_cmpuint(large.cpu_s, >, 100 * 3600);
    g_assert_cmpuint(large.file_bytes, >, UINT64_C(20) << 30);
    g_assert_cmpuint(content_limits_for(-1).cpu_s, ==, 600);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/content/sandbox/no-network", test_no_network);
    g_test_add_func("/content/sandbox/only-its-files", test_only_its_files);
    g_test_add_func("/content/sandbox/ends-without-its-parent", test_wrong_parent);
    g_test_add_func("/content/sandbox/limits-grow-with-the-file", test_limits_grow);
    return g_test_run();
}
