/* The child that parses foreign media: no network, limited, gone with its parent. */
#include "content/sandbox.h"

#include <arpa/inet.h>
#include <glib.h>
#include <signal.h>
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
    g_test_add_func("/content/sandbox/ends-without-its-parent", test_wrong_parent);
    g_test_add_func("/content/sandbox/limits-grow-with-the-file", test_limits_grow);
    return g_test_run();
}
