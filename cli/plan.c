#include "cli/plan.h"

#include "lib/base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE_PORT 8080
#define CHOSEN_LOWEST 20000
#define CHOSEN_HIGHEST 32000 /* the system's own range begins at 32768 */
#define CHOSEN_TRIES 200

struct CliPlan {
    GKeyFile *effective;
    GArray *taken; /* uint16_t: ports that are already given to somebody */
};

/* Every port a headend listens on. The page's comes first: the choice of the rest depends on it. */
static const struct {
    const char *section, *key;
    uint16_t usual;
    bool udp, tcp;
} ports[] = {
    {"sgw", "port", PAGE_PORT, false, true},     {"core", "port", 5060, true, true},
    {"core", "isc_port", 5062, true, true}, /* fixed: Route headers outlive a restart */
    {"iptv", "sip_port", 5070, true, true},      {"iptv", "http_port", 8088, false, true},
    {"mcf", "sip_port", 5080, true, true},       {"mcf", "rtsp_port", 8554, false, true},
    {"mcf", "events_port", 8192, false, true},   {"mdf", "xp_port", 8191, false, true},
    {"mdf", "media_port", 8189, true, true},     {"whep", "port", 8190, false, true},
    {"ingest", "http_port", 8193, false, true},  {"sgw", "admin_port", 9998, false, true},
    {"core", "admin_port", 9991, false, true},   {"iptv", "admin_port", 9992, false, true},
    {"mcf", "admin_port", 9993, false, true},    {"mdf", "admin_port", 9994, false, true},
    {"ingest", "admin_port", 9995, false, true},
};

static bool
can_bind(const char *address, uint16_t port, int type)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    int on = 1;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool bound;

    if (fd < 0)
        return false;
    if (inet_pton(AF_INET, address, &in.sin_addr) != 1)
        in.sin_addr.s_addr = htonl(INADDR_ANY);
    if (type == SOCK_STREAM) /* connections in TIME_WAIT do not keep a server out */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bound = bind(fd, (struct sockaddr *)&in, sizeof in) == 0;
    if (bound && type == SOCK_STREAM)
        bound = listen(fd, 1) == 0;
    close(fd);
    return bound;
}

bool
cli_port_is_free(const char *address, uint16_t port, bool udp, bool tcp)
{
    return (!udp || can_bind(address, port, SOCK_DGRAM)) && (!tcp || can_bind(address, port, SOCK_STREAM));
}

uint16_t
cli_free_port(bool udp, bool tcp)
{
    for (int i = 0; i < CHOSEN_TRIES; i++) {
        uint16_t port = (uint16_t)g_random_int_range(CHOSEN_LOWEST, CHOSEN_HIGHEST);

        if (cli_port_is_free("127.0.0.1", port, udp, tcp))
            return port;
    }
    return 0;
}

static bool
is_taken(const CliPlan *self, uint16_t port)
{
    for (guint i = 0; i < self->taken->len; i++)
        if (g_array_index(self->taken, uint16_t, i) == port)
            return true;
    return false;
}

static uint16_t
choose_port(CliPlan *self, const char *address, size_t index, bool usual_first)
{
    if (usual_first && !is_taken(self, ports[index].usual) &&
        cli_port_is_free(address, ports[index].usual, ports[index].udp, ports[index].tcp))
        return ports[index].usual;
    for (int i = 0; i < CHOSEN_TRIES; i++) {
        uint16_t port = cli_free_port(ports[index].udp, ports[index].tcp);

        if (port != 0 && !is_taken(self, port))
            return port;
    }
    return 0;
}

/* What the operator configured: the environment counts, too, since the daemons will follow it. */
static char *
configured(const CliPlan *self, const char *section, const char *key)
{
    g_autofree char *joined = g_strdup_printf("IMSTV_%s_%s", section, key);
    g_autofree char *variable = g_ascii_strup(joined, -1);
    const char *text = g_getenv(variable);

    if (text != NULL)
        return g_strdup(text);
    return g_key_file_get_value(self->effective, section, key, NULL);
}

static bool
settle_port(CliPlan *self, size_t index, bool usual_first, GError **error)
{
    const char *section = ports[index].section;
    g_autofree char *text = configured(self, section, ports[index].key);
    g_autofree char *address = configured(self, section, "listen");
    const char *bind_to = address != NULL ? address : "127.0.0.1";
    bool is_page = index == 0;
    guint64 port = 0;

    if (text == NULL && is_page)
        port = PAGE_PORT;
    else if (text != NULL && !g_ascii_string_to_unsigned(text, 10, 0, 65535, &port, NULL)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                    "%s.%s = \"%s\": has to be a whole number from 0 to 65535", section, ports[index].key,
                    text);
        return false;
    }
    if (port != 0 && !cli_port_is_free(bind_to, (uint16_t)port, ports[index].udp, ports[index].tcp)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE,
                    "port %u of %s is in use by another program; %s", (unsigned)port, bind_to,
                    is_page ? "give another one with --port N (0: any free one)"
                            : "stop that program or configure another port");
        return false;
    }
    if (port == 0)
        port = choose_port(self, bind_to, index, usual_first);
    if (port == 0) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "no free port for %s.%s", section,
                    ports[index].key);
        return false;
    }
    g_array_append_val(self->taken, (uint16_t){(uint16_t)port});
    g_key_file_set_uint64(self->effective, section, ports[index].key, port);
    return true;
}

static bool
settle_ports(CliPlan *self, GError **error)
{
    bool usual_first = true;

    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++) {
        if (!settle_port(self, i, usual_first, error))
            return false;
        /* A headend beside the first one leaves the usual ports alone: two that start at the same
         * moment would both find them free. */
        if (i == 0)
            usual_first = g_key_file_get_uint64(self->effective, "sgw", "port", NULL) == PAGE_PORT;
    }
    return true;
}

static unsigned
port_of(const CliPlan *self, const char *section, const char *key)
{
    return (unsigned)g_key_file_get_uint64(self->effective, section, key, NULL);
}

static void G_GNUC_PRINTF(4, 5)
    fill(CliPlan *self, const char *section, const char *key, const char *format, ...)
{
    g_autofree char *have = configured(self, section, key);
    g_autofree char *text = NULL;
    va_list arguments;

    if (have != NULL)
        return;
    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_key_file_set_value(self->effective, section, key, text);
}

/* The addresses by which the daemons of one machine find each other. */
static void
join_daemons(CliPlan *self, const char *program_dir, const char *web_dir)
{
    unsigned application = port_of(self, "iptv", "sip_port");
    unsigned http = port_of(self, "iptv", "http_port");

    fill(self, "sgw", "web_dir", "%s", web_dir);
    fill(self, "sgw", "pcscf", "127.0.0.1:%u", port_of(self, "core", "port"));
    fill(self, "sgw", "api_upstream", "http://127.0.0.1:%u", http);
    fill(self, "sgw", "whep_upstream", "http://127.0.0.1:%u", port_of(self, "whep", "port"));
    fill(self, "core", "triggers",
         "INVITE,SUBSCRIBE,MESSAGE,OPTIONS ^sip:iptv- sip:127.0.0.1:%u\\;transport=tcp", application);
    fill(self, "iptv", "mcf", "sip:mcf@127.0.0.1:%u;transport=tcp", port_of(self, "mcf", "sip_port"));
    fill(self, "iptv", "ssf_url", "http://127.0.0.1:%u", http);
    fill(self, "mcf", "mdf", "http://127.0.0.1:%u", port_of(self, "mdf", "xp_port"));
    fill(self, "mdf", "input_program", "%s/imstv-input", program_dir);
    fill(self, "whep", "token_check", "http://127.0.0.1:%u/scf/v1/token", http);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool
merge_file(CliPlan *self, const char *path, GError **error)
{
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) cause = NULL;
    g_auto(GStrv) groups = NULL;

    if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, &cause)) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "configuration %s: %s", path,
                    cause->message);
        return false;
    }
    groups = g_key_file_get_groups(file, NULL);
    for (char **group = groups; *group != NULL; group++) {
        g_auto(GStrv) keys = g_key_file_get_keys(file, *group, NULL, NULL);

        for (char **key = keys; key != NULL && *key != NULL; key++) {
            g_autofree char *value = g_key_file_get_value(file, *group, *key, NULL);

            g_key_file_set_value(self->effective, *group, *key, value);
        }
    }
    return true;
}

static bool
merge_files(CliPlan *self, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);
    g_autofree char *extra = g_build_filename(folder, "conf.d", NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(extra, 0, NULL);
    const char *name;

    if (!merge_file(self, path, error))
        return false;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
        if (g_str_has_suffix(name, ".conf"))
            g_ptr_array_add(names, g_build_filename(extra, name, NULL));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++)
        if (!merge_file(self, g_ptr_array_index(names, i), error))
            return false;
    return true;
}

static bool
merge_assignment(CliPlan *self, const char *assignment, GError **error)
{
    const char *equals = strchr(assignment, '=');
    const char *dot = strchr(assignment, '.');
    g_autofree char *section = NULL;
    g_autofree char *key = NULL;

    if (equals == NULL || dot == NULL || dot > equals || dot == assignment || dot + 1 == equals) {
        g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT, "--set %s: has to be SECTION.KEY=VALUE",
                    assignment);
        return false;
    }
    section = g_strndup(assignment, (gsize)(dot - assignment));
    key = g_strndup(dot + 1, (gsize)(equals - dot - 1));
    g_key_file_set_value(self->effective, section, key, equals + 1);
    return true;
}

CliPlan *
cli_plan_new(const char *config_path,
             const char *const *sets,
             const char *state_dir,
             const char *program_dir,
             const char *web_dir,
             GError **error)
{
    g_autoptr(CliPlan) self = g_new0(CliPlan, 1);

    self->effective = g_key_file_new();
    self->taken = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    if (config_path != NULL && !merge_files(self, config_path, error))
        return NULL;
    for (size_t i = 0; sets != NULL && sets[i] != NULL; i++)
        if (!merge_assignment(self, sets[i], error))
            return NULL;
    g_key_file_set_value(self->effective, "headend", "state_dir", state_dir);
    if (!settle_ports(self, error))
        return NULL;
    join_daemons(self, program_dir, web_dir);
    return g_steal_pointer(&self);
}

void
cli_plan_free(CliPlan *self)
{
    if (self == NULL)
        return;
    g_clear_pointer(&self->effective, g_key_file_free);
    g_clear_pointer(&self->taken, g_array_unref);
    g_free(self);
}

bool
cli_plan_write(const CliPlan *self, const char *path, GError **error)
{
    g_autoptr(GError) cause = NULL;

    if (g_key_file_save_to_file(self->effective, path, &cause))
        return true;
    g_set_error(error, BASE_ERROR, BASE_ERROR_UNAVAILABLE, "cannot write %s: %s", path, cause->message);
    return false;
}

char *
cli_plan_get(const CliPlan *self, const char *section, const char *key)
{
    char *value = g_key_file_get_value(self->effective, section, key, NULL);

    return value != NULL ? value : g_strdup("");
}

char *
cli_plan_page_url(const CliPlan *self)
{
    g_autofree char *listen = cli_plan_get(self, "sgw", "listen");
    const char *host = *listen == '\0' || strcmp(listen, "0.0.0.0") == 0 ? "127.0.0.1" : listen;

    return g_strdup_printf("http://%s:%u/", host, port_of(self, "sgw", "port"));
}
