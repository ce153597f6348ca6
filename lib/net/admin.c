#include "lib/net/admin.h"

#include "lib/base/metrics.h"
#include "lib/net/http-api.h"

#define MAX_CONNECTIONS 32

struct NetAdmin {
    NetHttpApi *api;
    char *not_ready; /* NULL: ready */
};

static void
handle_metrics(NetHttpExchange *exchange, void *user_data G_GNUC_UNUSED)
{
    g_autofree char *text = base_metrics_render();

    net_http_respond(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text, -1);
}

static void
handle_livez(NetHttpExchange *exchange, void *user_data G_GNUC_UNUSED)
{
    net_http_respond(exchange, 200, "text/plain", "ok\n", -1);
}

static void
handle_readyz(NetHttpExchange *exchange, void *user_data)
{
    const NetAdmin *self = user_data;

    if (self->not_ready)
        net_http_respond_problem(exchange, 503, self->not_ready);
    else
        net_http_respond(exchange, 200, "text/plain", "ready\n", -1);
}

static const NetHttpRoute routes[] = {
    {.method = "GET", .path = "/metrics", .handler = handle_metrics},
    {.method = "GET", .path = "/livez", .handler = handle_livez},
    {.method = "GET", .path = "/readyz", .handler = handle_readyz},
};

NetAdmin *
net_admin_new(uint16_t port, uint16_t *ret_port, GError **error)
{
    g_autoptr(NetAdmin) self = g_new0(NetAdmin, 1);
    NetHttpApiOptions options = {.reference_point = "admin", .max_connections = MAX_CONNECTIONS};

    self->not_ready = g_strdup("starting");
    self->api = net_http_api_new(&options);
    net_http_api_add_routes(self->api, routes, G_N_ELEMENTS(routes), self);

    if (!net_http_api_listen(self->api, "127.0.0.1", port, ret_port, error)) {
        g_prefix_error(error, "admin: ");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
net_admin_free(NetAdmin *self)
{
    if (!self)
        return;

    net_http_api_free(self->api);
    g_free(self->not_ready);
    g_free(self);
}

void
net_admin_set_ready(NetAdmin *self, const char *not_ready_reason)
{
    g_free(self->not_ready);
    self->not_ready = g_strdup(not_ready_reason);
}
