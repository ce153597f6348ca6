/* What one call costs the core: N calls from one terminal to one server, set up, acknowledged and ended.
 * Usage: bench-core PATH-OF-IMSTV-CORE [CALLS]. Prints the CPU time that the core used. */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/contract-peers.h"
#include "tests/integration/core-process.h"

/* User and system time of a process. */
static double
cpu_s(const char *pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", pid);
    g_autofree char *text = NULL;
    unsigned long user = 0, system = 0;

    g_file_get_contents(path, &text, NULL, NULL);
    sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);

    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

int
main(int argc, char **argv)
{
    uint16_t port = 0;
    int calls = argc > 2 ? atoi(argv[2]) : 1000;
    Peer *server = peer_new_server(0, &port);
    CoreProcess *core = core_process_start(argv[1], "imstv.test", "alice:a", port);
    Peer *user = peer_new_terminal(NET_SIP_TCP, "127.0.0.1", core->port, "imstv.test", "alice", "a");
    const char *pid = g_subprocess_get_identifier(core->process);
    double before;

    g_assert_cmpint(peer_register(user, 600), ==, 200);
    before = cpu_s(pid);
    for (int i = 0; i < calls; i++) {
        g_assert_cmpint(peer_call(user, "sip:iptv-film@imstv.test"), ==, 200);
        peer_hang_up(user);
    }
    printf("%d calls, core CPU per call: %.0f us\n", calls, (cpu_s(pid) - before) * 1e6 / calls);
    peer_free(user);
    peer_free(server);

    return core_process_stop(core);
}
