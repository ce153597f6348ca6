#include "core/triggers.h"

#include <string.h>

#include "lib/base/error.h"
#include "lib/net/sip-uri.h"

typedef struct {
    char **methods;
    GRegex *pattern;
    char *server;
} Trigger;

struct CoreTriggers {
    GPtrArray *list; /* Trigger */
};

static void
trigger_free(gpointer data)
{
    Trigger *self = data;

    g_strfreev(self->methods);
    g_clear_pointer(&self->pattern, g_regex_unref);
    g_free(self->server);
    g_free(self);
}

static Trigger *
trigger_parse(const char *text, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(text, " \t", 0);
    g_autoptr(GError) why = NULL;
    g_autoptr(NetSipUri) server = NULL;
    Trigger *self = g_new0(Trigger, 1);

    if (g_strv_length(words) == 3) {
        self->methods = g_strsplit(words[0], ",", 0);
        self->pattern = g_regex_new(words[1], G_REGEX_OPTIMIZE, 0, &why);
        self->server = g_strdup(words[2]);
        server = net_sip_uri_parse(words[2], NULL);
    }
    if (self->pattern && server)
        return self;
    g_set_error(error, BASE_ERROR, BASE_ERROR_INVALID_ARGUMENT,
                "trigger '%s' is not 'METHODS REGEX SIP-URI'%s%s", text, why ? ": " : "",
                why ? why->message : "");
    trigger_free(self);

    return NULL;
}

CoreTriggers *
core_triggers_new(const char *const *table, GError **error)
{
    g_autoptr(CoreTriggers) self = g_new0(CoreTriggers, 1);

    self->list = g_ptr_array_new_with_free_func(trigger_free);
    for (; table && *table; table++) {
        Trigger *trigger = trigger_parse(*table, error);

        if (!trigger)
            return NULL;
        g_ptr_array_add(self->list, trigger);
    }

    return g_steal_pointer(&self);
}

void
core_triggers_free(CoreTriggers *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->list);
    g_free(self);
}

static bool
has_method(const Trigger *self, const char *method)
{
    return g_strv_contains((const char *const *)self->methods, method) ||
           g_strv_contains((const char *const *)self->methods, "*");
}

int
core_triggers_match(const CoreTriggers *self, const char *method, const char *request_uri, int start)
{
    for (guint i = (guint)MAX(start, 0); i < self->list->len; i++) {
        const Trigger *trigger = g_ptr_array_index(self->list, i);

        if (has_method(trigger, method) && g_regex_match(trigger->pattern, request_uri, 0, NULL))
            return (int)i;
    }

    return -1;
}

const char *
core_triggers_server(const CoreTriggers *self, int index)
{
    return ((Trigger *)g_ptr_array_index(self->list, index))->server;
}

int
core_triggers_count(const CoreTriggers *self)
{
    return (int)self->list->len;
}
