#include "iptv/iptv.h"

#include <string.h>

#include "iptv/offering.h"
#include "iptv/scf.h"
#include "iptv/sdf.h"
#include "iptv/ssf.h"
#include "lib/net/admin.h"
#include "lib/net/http-api.h"
#include "lib/net/sip-ua.h"
#include "lib/store/catalogue.h"
#include "lib/store/store.h"

struct Iptv {
    IptvSettings *settings;
    Store *store;
    StoreCatalogue *catalogue;
    IptvOffering *offering;
    NetSipUa *ua;
    NetHttpApi *api;
    NetAdmin *admin;
    IptvSdf *sdf;
    IptvScf *scf;
    IptvSsf *ssf;
    unsigned watch;
    char *status;
    const IptvEvents *events;
    void *user_data;
};

/* ---- SIP: who gets what ---- */

static void
on_invite(NetSipUa *ua G_GNUC_UNUSED, NetSipSession *session, const NetSipMsg *invite, void *user_data)
{
    iptv_scf_handle_invite(((Iptv *)user_data)->scf, session, invite);
}

static void
on_subscribe(NetSipUa *ua G_GNUC_UNUSED,
             NetSipNotifier *notifier,
             const NetSipMsg *subscribe,
             void *user_data)
{
    iptv_sdf_handle_subscribe(((Iptv *)user_data)->sdf, notifier, subscribe);
}

static void
on_request(NetSipUa *ua G_GNUC_UNUSED, NetSipIncoming *incoming, void *user_data)
{
    Iptv *self = user_data;
    const NetSipMsg *request = net_sip_incoming_request(incoming);

    if (net_sip_msg_is_method(request, "REGISTER"))
        iptv_sdf_handle_register(self->sdf, incoming);
    else
        net_sip_incoming_reply(incoming, net_sip_msg_is_method(request, "OPTIONS") ? 200 : 405, NULL);
}

static const NetSipUaEvents ua_events = {
    .request = on_request,
    .invite = on_invite,
    .subscribe = on_subscribe,
};

/* ---- changes ---- */

static void
on_changed(void *user_data)
{
    iptv_sdf_offering_changed(((Iptv *)user_data)->sdf);
}

static void
on_drained(IptvScf *scf G_GNUC_UNUSED, void *user_data)
{
    Iptv *self = user_data;

    self->events->stopped(self, self->user_data);
}

static const IptvScfEvents scf_events = {.drained = on_drained};

/* ---- life ---- */

static bool
open_store(Iptv *self, GError **error)
{
    self->store = store_open(self->settings->state_dir, error);
    if (!self->store)
        return false;
    self->catalogue = store_catalogue_new(self->settings->state_dir, error);
    if (!self->catalogue)
        return false;

    self->offering = iptv_offering_new(self->settings, self->store, self->catalogue);
    self->watch = store_watch(self->store, on_changed, self);
    store_catalogue_watch(self->catalogue, on_changed, self);
    return true;
}

static bool
open_sip(Iptv *self, uint16_t *ret_port, GError **error)
{
    NetSipUaConfig config = {
        .name = "imstv-iptv/" IMSTV_VERSION,
        .session_expires_s = self->settings->session_expires_s,
        .transport.peers = (const char *const *)self->settings->sip_peers,
    };
    const char *address = self->settings->listen;

    self->ua = net_sip_ua_new(&config, &ua_events, self);
    self->sdf = iptv_sdf_new(self->settings, self->ua, self->store, self->offering);
    self->scf = iptv_scf_new(self->settings, self->ua, self->store, self->catalogue, &scf_events, self);

    /* one number for both transports; with port 0 TCP chooses it */
    return net_sip_ua_listen(self->ua, NET_SIP_TCP, address, self->settings->sip_port, "ISC", ret_port,
                             error) &&
           net_sip_ua_listen(self->ua, NET_SIP_UDP, address, *ret_port, "ISC", NULL, error);
}

static char *
public_url(const Iptv *self, uint16_t http_port)
{
    const char *configured = self->settings->ssf_url;
    const char *address = self->settings->listen;
    size_t length = strlen(configured);

    if (!length)
        return g_strdup_printf(strchr(address, ':') ? "http://[%s]:%u" : "http://%s:%u", address, http_port);
    return g_strndup(configured, configured[length - 1] == '/' ? length - 1 : length);
}

static bool
open_http(Iptv *self, uint16_t *ret_port, GError **error)
{
    NetHttpApiOptions options = {.reference_point = "Xa"};
    g_autofree char *url = NULL;

    self->api = net_http_api_new(&options);
    self->ssf = iptv_ssf_new(self->settings, self->store, self->catalogue, self->offering);
    iptv_ssf_serve(self->ssf, self->api);
    if (!net_http_api_listen(self->api, self->settings->listen, self->settings->http_port, ret_port, error))
        return false;

    url = public_url(self, *ret_port);
    iptv_ssf_set_base_url(self->ssf, url);
    iptv_sdf_set_ssf_url(self->sdf, url);
    return true;
}

Iptv *
iptv_new(IptvSettings *settings, const IptvEvents *events, void *user_data, GError **error)
{
    g_autoptr(Iptv) self = g_new0(Iptv, 1);
    uint16_t sip_port = 0, http_port = 0, admin_port = 0;

    self->settings = settings;
    self->events = events;
    self->user_data = user_data;
    if (!open_store(self, error) || !open_sip(self, &sip_port, error) || !open_http(self, &http_port, error))
        return NULL;

    self->admin = net_admin_new(settings->admin_port, &admin_port, error);
    if (!self->admin)
        return NULL;
    net_admin_set_ready(self->admin, NULL);

    self->status = g_strdup_printf("sip=%u http=%u admin=%u", sip_port, http_port, admin_port);
    return g_steal_pointer(&self);
}

void
iptv_free(Iptv *self)
{
    if (!self)
        return;

    net_admin_free(self->admin);
    net_http_api_free(self->api);
    iptv_ssf_free(self->ssf);
    iptv_scf_free(self->scf);
    iptv_sdf_free(self->sdf);
    net_sip_ua_free(self->ua);
    iptv_offering_free(self->offering);
    store_catalogue_free(self->catalogue);
    store_free(self->store);
    iptv_settings_free(self->settings);
    g_free(self->status);
    g_free(self);
}

const char *
iptv_status(const Iptv *self)
{
    return self->status;
}

void
iptv_stop(Iptv *self)
{
    net_admin_set_ready(self->admin, "shutting down");
    iptv_scf_drain(self->scf);
}
