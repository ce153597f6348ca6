#include "iptv/sip-identity.h"

#include <string.h>

char *
iptv_asserted_identity(const NetSipMsg *message)
{
    for (guint i = 0; i < net_sip_msg_header_count(message, "P-Asserted-Identity"); i++) {
        g_autofree char *uri = net_sip_msg_address_uri(message, "P-Asserted-Identity", i);

        if (uri && g_ascii_strncasecmp(uri, "sip:", 4) == 0)
            return g_steal_pointer(&uri);
    }
    return NULL;
}
