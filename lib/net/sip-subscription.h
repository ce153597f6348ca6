/* lib/net/sip-subscription.h - event subscriptions, both sides. Include lib/net/sip-ua.h.
 *
 * Spec: RFC 6665, RFC 3265 (implicit dialog by NOTIFY before 200 tolerated). */
#pragma once

#include "lib/net/sip-ua.h"

/* --- Subscriber ------------------------------------------------------------------------------- */

typedef struct NetSipSubscription NetSipSubscription;

typedef struct {
    /* 2xx to the first SUBSCRIBE; may be NULL. */
    void (*accepted)(NetSipSubscription *subscription, const NetSipMsg *response, void *user_data);
    /* NOTIFY (200 is sent when this returns). With Subscription-State terminated, `ended` follows. */
    void (*notify)(NetSipSubscription *subscription, const NetSipMsg *notify, void *user_data);
    /* Refused (@message: response), terminated (@message: NOTIFY), lapsed or lost (@error). Only free it. */
    void (*ended)(NetSipSubscription *subscription,
                  const NetSipMsg *message,
                  const GError *error,
                  void *user_data);
} NetSipSubscriptionEvents;

/* Subscribes and keeps it refreshed at half of the granted time. @subscribe: (transfer full) with
 * Request-URI, From, To, Event, Accept, Expires (600 if missing; 0 fetches once), body if any.
 * @flow: may be NULL. Never fails; trouble comes as `ended`, not from within this call. */
NetSipSubscription *net_sip_subscribe(NetSipUa *ua,
                                      NetSipFlow *flow,
                                      NetSipMsg *subscribe,
                                      const NetSipSubscriptionEvents *events,
                                      void *user_data);
/* Ends it with Expires 0 if it is alive; nothing is reported afterwards. */
void net_sip_subscription_free(NetSipSubscription *self);
/* Forgets it without a word, when the registration below it is gone. */
void net_sip_subscription_abandon(NetSipSubscription *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipSubscription, net_sip_subscription_free)
const char *net_sip_subscription_session_id(const NetSipSubscription *self);
NetSipFlow *net_sip_subscription_flow(const NetSipSubscription *self);

/* --- Notifier --------------------------------------------------------------------------------- */

typedef struct {
    /* A SUBSCRIBE came again (200 was sent); send a NOTIFY with the full state. */
    void (*refreshed)(NetSipNotifier *notifier, const NetSipMsg *subscribe, void *user_data);
    /* Lapsed, ended by the subscriber (Expires 0), NOTIFY failed, flow lost, or terminated by us. In the
     * first two cases the last NOTIFY (terminated) was sent with the body set last. Only free it. */
    void (*ended)(NetSipNotifier *notifier, void *user_data);
} NetSipNotifierEvents;

/* 200 with min(asked, @max_expires_s). Send the first NOTIFY right after. Expires 0 in the first SUBSCRIBE:
 * send one NOTIFY, then `ended` comes. */
void net_sip_notifier_accept(NetSipNotifier *self,
                             guint max_expires_s,
                             const NetSipNotifierEvents *events,
                             void *user_data);
/* Refuses and frees it: 403, 404, 489, ... */
void net_sip_notifier_reject(NetSipNotifier *self, int status, const char *reason);
/* NOTIFY with Subscription-State active and the time left. @event: value of the Event header; NULL: as
 * subscribed, without parameters but id. Waits for its turn if one is under way (only the last waits).
 * @content_type, @body: may be NULL. */
void
net_sip_notifier_notify(NetSipNotifier *self, const char *event, const char *content_type, const char *body);
/* The last NOTIFY, `terminated;reason=...` ("noresource", "deactivated", "timeout"); `ended` follows. */
void net_sip_notifier_terminate(NetSipNotifier *self,
                                const char *reason,
                                const char *content_type,
                                const char *body);
/* Terminates with "noresource" if alive. */
void net_sip_notifier_free(NetSipNotifier *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NetSipNotifier, net_sip_notifier_free)
const NetSipMsg *net_sip_notifier_subscribe_message(const NetSipNotifier *self); /* the first one */
NetSipFlow *net_sip_notifier_flow(const NetSipNotifier *self);
guint net_sip_notifier_expires_s(const NetSipNotifier *self);
