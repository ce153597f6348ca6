#include "lib/net/sip-names.h"

#include "lib/net/sip-msg.h"

/* In the order in which they are looked for: frequent ones first. A repeated SINGLE header is refused, so
 * those that a known core repeats (P-Served-User at Kamailio 5.6.3) are not SINGLE. */
static const NetSipHeaderInfo headers[] = {
    {"Via", 'v', NET_SIP_HEADER_ADDRESSES},
    {"From", 'f', NET_SIP_HEADER_SINGLE},
    {"To", 't', NET_SIP_HEADER_SINGLE},
    {"Call-ID", 'i', NET_SIP_HEADER_SINGLE},
    {"CSeq", 0, NET_SIP_HEADER_SINGLE},
    {"Contact", 'm', NET_SIP_HEADER_ADDRESSES},
    {"Max-Forwards", 0, NET_SIP_HEADER_SINGLE},
    {"Route", 0, NET_SIP_HEADER_ADDRESSES},
    {"Record-Route", 0, NET_SIP_HEADER_ADDRESSES},
    {"Content-Length", 'l', NET_SIP_HEADER_SINGLE},
    {"Content-Type", 'c', NET_SIP_HEADER_SINGLE},
    {"Session-ID", 0, NET_SIP_HEADER_ANY},
    {"Supported", 'k', NET_SIP_HEADER_TOKENS},
    {"Require", 0, NET_SIP_HEADER_TOKENS},
    {"Allow", 0, NET_SIP_HEADER_TOKENS},
    {"Expires", 0, NET_SIP_HEADER_SINGLE},
    {"Event", 'o', NET_SIP_HEADER_SINGLE},
    {"Session-Expires", 'x', NET_SIP_HEADER_SINGLE},
    {"Min-SE", 0, NET_SIP_HEADER_SINGLE},
    {"Authorization", 0, NET_SIP_HEADER_ANY},
    {"WWW-Authenticate", 0, NET_SIP_HEADER_ANY},
    {"Proxy-Authorization", 0, NET_SIP_HEADER_ANY},
    {"Proxy-Authenticate", 0, NET_SIP_HEADER_ANY},
    {"Authentication-Info", 0, NET_SIP_HEADER_ANY},
    {"P-Asserted-Identity", 0, NET_SIP_HEADER_ADDRESSES},
    {"P-Preferred-Identity", 0, NET_SIP_HEADER_ADDRESSES},
    {"P-Associated-URI", 0, NET_SIP_HEADER_ADDRESSES},
    {"P-Charging-Vector", 0, NET_SIP_HEADER_ANY},
    {"P-Access-Network-Info", 0, NET_SIP_HEADER_ANY},
    {"P-Visited-Network-ID", 0, NET_SIP_HEADER_ANY},
    {"P-Served-User", 0, NET_SIP_HEADER_ANY},
    {"P-Called-Party-ID", 0, NET_SIP_HEADER_ANY},
    {"P-Preferred-Service", 0, NET_SIP_HEADER_ANY},
    {"P-Asserted-Service", 0, NET_SIP_HEADER_ANY},
    {"Path", 0, NET_SIP_HEADER_ADDRESSES},
    {"Service-Route", 0, NET_SIP_HEADER_ADDRESSES},
    {"Privacy", 0, NET_SIP_HEADER_ANY},
    {"Accept", 0, NET_SIP_HEADER_TOKENS},
    {"Accept-Encoding", 0, NET_SIP_HEADER_TOKENS},
    {"Accept-Language", 0, NET_SIP_HEADER_TOKENS},
    {"Accept-Contact", 'a', NET_SIP_HEADER_TOKENS},
    {"Reject-Contact", 'j', NET_SIP_HEADER_TOKENS},
    {"Allow-Events", 'u', NET_SIP_HEADER_TOKENS},
    {"Proxy-Require", 0, NET_SIP_HEADER_TOKENS},
    {"Unsupported", 0, NET_SIP_HEADER_TOKENS},
    {"Content-Encoding", 'e', NET_SIP_HEADER_TOKENS},
    {"Content-Language", 0, NET_SIP_HEADER_TOKENS},
    {"Content-Disposition", 0, NET_SIP_HEADER_SINGLE},
    {"Subscription-State", 0, NET_SIP_HEADER_SINGLE},
    {"Subject", 's', NET_SIP_HEADER_SINGLE},
    {"Refer-To", 'r', NET_SIP_HEADER_SINGLE},
    {"Referred-By", 'b', NET_SIP_HEADER_SINGLE},
    {"Reason", 0, NET_SIP_HEADER_TOKENS},
    {"Warning", 0, NET_SIP_HEADER_TOKENS},
    {"Retry-After", 0, NET_SIP_HEADER_SINGLE},
    {"Min-Expires", 0, NET_SIP_HEADER_SINGLE},
    {"Info-Package", 0, NET_SIP_HEADER_SINGLE},
    {"Recv-Info", 0, NET_SIP_HEADER_TOKENS},
    {"RSeq", 0, NET_SIP_HEADER_SINGLE},
    {"RAck", 0, NET_SIP_HEADER_SINGLE},
    {"User-Agent", 0, NET_SIP_HEADER_SINGLE},
    {"Server", 0, NET_SIP_HEADER_SINGLE},
    {"Timestamp", 0, NET_SIP_HEADER_ANY},
    {"Date", 0, NET_SIP_HEADER_SINGLE},
    {"MIME-Version", 0, NET_SIP_HEADER_SINGLE},
    {"Organization", 0, NET_SIP_HEADER_ANY},
    {"Priority", 0, NET_SIP_HEADER_ANY},
    {"In-Reply-To", 0, NET_SIP_HEADER_TOKENS},
    {"Replaces", 0, NET_SIP_HEADER_SINGLE},
    {"Request-Disposition", 'd', NET_SIP_HEADER_TOKENS},
    {"Identity", 'y', NET_SIP_HEADER_ANY},
    {"Identity-Info", 'n', NET_SIP_HEADER_ANY},
    {"SIP-ETag", 0, NET_SIP_HEADER_SINGLE},
    {"SIP-If-Match", 0, NET_SIP_HEADER_SINGLE},
};

const NetSipHeaderInfo *
net_sip_header_info(const char *name)
{
    char letter = name[1] == '\0' ? g_ascii_tolower(name[0]) : '\0';

    for (guint i = 0; i < G_N_ELEMENTS(headers); i++)
        if (letter ? headers[i].compact == letter : g_ascii_strcasecmp(headers[i].name, name) == 0)
            return &headers[i];

    return NULL;
}

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Trying"},
    {180, "Ringing"},
    {181, "Call Is Being Forwarded"},
    {182, "Queued"},
    {183, "Session Progress"},
    {200, "OK"},
    {202, "Accepted"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Moved Temporarily"},
    {305, "Use Proxy"},
    {380, "Alternative Service"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {410, "Gone"},
    {412, "Conditional Request Failed"},
    {413, "Request Entity Too Large"},
    {414, "Request-URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Unsupported URI Scheme"},
    {420, "Bad Extension"},
    {421, "Extension Required"},
    {422, "Session Interval Too Small"},
    {423, "Interval Too Brief"},
    {430, "Flow Failed"},
    {469, "Bad Info Package"},
    {478, "Unresolvable Destination"},
    {480, "Temporarily Unavailable"},
    {481, "Call/Transaction Does Not Exist"},
    {482, "Loop Detected"},
    {483, "Too Many Hops"},
    {484, "Address Incomplete"},
    {486, "Busy Here"},
    {487, "Request Terminated"},
    {488, "Not Acceptable Here"},
    {489, "Bad Event"},
    {491, "Request Pending"},
    {500, "Server Internal Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Server Time-out"},
    {505, "Version Not Supported"},
    {513, "Message Too Large"},
    {580, "Precondition Failure"},
    {600, "Busy Everywhere"},
    {603, "Decline"},
    {604, "Does Not Exist Anywhere"},
    {606, "Not Acceptable"},
};

const char *
net_sip_reason(int status)
{
    static const char *const classes[] = {"Trying",         "Session Progress", "OK",
                                          "Redirection",    "Request Failure",  "Server Failure",
                                          "Global Failure", "Unknown"};

    for (guint i = 0; i < G_N_ELEMENTS(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;

    return classes[CLAMP(status / 100, 0, 7)];
}
