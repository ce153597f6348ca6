#include "lib/proto/jsonrtc-window.h"

struct ProtoJsonrtcWindow {
    GQueue retained;  /* char *, the frames lowest .. next - 1 */
    int64_t lowest;   /* number of the first retained frame; == next if there is none */
    int64_t next;     /* number of the next frame to send */
    int64_t received; /* last number received in order */
};

ProtoJsonrtcWindow *
proto_jsonrtc_window_new(void)
{
    ProtoJsonrtcWindow *self = g_new0(ProtoJsonrtcWindow, 1);

    g_queue_init(&self->retained);
    self->lowest = 1;
    self->next = 1;
    return self;
}

void
proto_jsonrtc_window_free(ProtoJsonrtcWindow *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->retained, g_free);
    g_free(self);
}

int64_t
proto_jsonrtc_window_next(const ProtoJsonrtcWindow *self)
{
    return self->next;
}

static void
forget_lowest(ProtoJsonrtcWindow *self)
{
    g_free(g_queue_pop_head(&self->retained));
    self->lowest++;
}

void
proto_jsonrtc_window_sent(ProtoJsonrtcWindow *self, char *text)
{
    g_queue_push_tail(&self->retained, text);
    self->next++;
    if (self->retained.length > PROTO_JSONRTC_WINDOW_FRAMES)
        forget_lowest(self);
}

ProtoJsonrtcReceipt
proto_jsonrtc_window_receive(ProtoJsonrtcWindow *self, int64_t sequence)
{
    if (sequence <= self->received)
        return PROTO_JSONRTC_DUPLICATE;
    if (sequence > self->received + 1)
        return PROTO_JSONRTC_GAP;
    self->received = sequence;
    return PROTO_JSONRTC_NEW;
}

int64_t
proto_jsonrtc_window_received(const ProtoJsonrtcWindow *self)
{
    return self->received;
}

bool
proto_jsonrtc_window_acknowledge(ProtoJsonrtcWindow *self, int64_t sequence)
{
    if (sequence >= self->next)
        return false;
    while (self->lowest <= sequence)
        forget_lowest(self);
    return true;
}

bool
proto_jsonrtc_window_reconnect(ProtoJsonrtcWindow *self, int64_t cslr, int64_t cslw, int64_t csuw)
{
    bool can_send = cslr >= self->lowest - 1 && cslr < self->next;
    bool can_receive = cslw > 0 && self->received >= cslw - 1 && self->received <= csuw;

    return can_send && can_receive && proto_jsonrtc_window_acknowledge(self, cslr);
}

void
proto_jsonrtc_window_each(const ProtoJsonrtcWindow *self,
                          void (*resend)(const char *text, void *user_data),
                          void *user_data)
{
    for (GList *l = self->retained.head; l; l = l->next)
        resend(l->data, user_data);
}

unsigned
proto_jsonrtc_window_retained(const ProtoJsonrtcWindow *self)
{
    return self->retained.length;
}
