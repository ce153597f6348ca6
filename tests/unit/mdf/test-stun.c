#include <arpa/inet.h>
#include <glib.h>
#include <string.h>
#include <stun/usages/ice.h>

#include "mdf/delivery/stun.h"

/* RFC 5769 2.1: a connectivity check with short-term credentials. */
static const uint8_t rfc5769_request[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};
static const char rfc5769_password[] = "VOkJxbRl1RmTxUk/WvJxBt";

typedef struct {
    const char *name, *password;
    unsigned lookups;
} Account;

static const char *
look_up(const char *name, size_t length, void *user_data)
{
    Account *account = user_data;

    account->lookups++;
    return length == strlen(account->name) && memcmp(name, account->name, length) == 0 ? account->password
                                                                                       : NULL;
}

static MdfAddress
from(void)
{
    MdfAddress address = {0};

    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(32853);
    inet_pton(AF_INET, "192.0.2.1", &address.v4.sin_addr);
    return address;
}

static bool
handle(const uint8_t *data, size_t length, Account *account, MdfStunCheck *check)
{
    g_autoptr(MdfStun) stun = mdf_stun_new();
    MdfAddress address = from();

    *check = (MdfStunCheck){0};
    return mdf_stun_handle(stun, data, length, &address, look_up, account, check);
}

static void
test_rfc5769(void)
{
    Account account = {"evtj:h6vY", rfc5769_password, 0};
    MdfStunCheck check;

    g_assert_true(handle(rfc5769_request, sizeof rfc5769_request, &account, &check));
    g_assert_false(check.accepted); /* its client calls itself controlled, and so are we */
    g_assert_false(check.use_candidate);
    g_assert_cmpuint(check.reply_length, >, 0);
    g_assert_cmpuint(check.reply_length, <=, sizeof rfc5769_request); /* amplifies nothing */
    g_assert_cmphex(check.reply[1], ==, 0x11);                        /* error response: 487 */
    g_assert_cmpmem(check.reply + 8, 12, rfc5769_request + 8, 12);    /* the transaction */
}

static void
test_wrong_password(void)
{
    Account account = {"evtj:h6vY", "VOkJxbRl1RmTxUk/WvJxBu", 0};
    MdfStunCheck check;

    g_assert_false(handle(rfc5769_request, sizeof rfc5769_request, &account, &check));
    g_assert_cmpuint(check.reply_length, ==, 0);
}

static void
test_unknown_user(void)
{
    Account account = {"evtj:other", rfc5769_password, 0};
    MdfStunCheck check;

    g_assert_false(handle(rfc5769_request, sizeof rfc5769_request, &account, &check));
    g_assert_cmpuint(account.lookups, ==, 1);
    g_assert_cmpuint(check.reply_length, ==, 0);
}

/* Every single changed bit breaks the signature or the shape. */
static void
test_changed_bits(void)
{
    Account account = {"evtj:h6vY", rfc5769_password, 0};

    for (size_t byte = 0; byte < sizeof rfc5769_request; byte++) {
        uint8_t copy[sizeof rfc5769_request];
        MdfStunCheck check;

        memcpy(copy, rfc5769_request, sizeof copy);
        copy[byte] ^= 0x10;
        g_assert_false(handle(copy, sizeof copy, &account, &check));
        g_assert_cmpuint(check.reply_length, ==, 0);
    }
}

/* A request without USERNAME and MESSAGE-INTEGRITY, as to a STUN server. */
static void
test_unsigned(void)
{
    const uint8_t bare[20] = {0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, 1,  2,
                              3,    4,    5,    6,    7,    8,    9,    10,   11, 12};
    Account account = {"evtj:h6vY", rfc5769_password, 0};
    MdfStunCheck check;

    g_assert_false(handle(bare, sizeof bare, &account, &check));
    g_assert_cmpuint(check.reply_length, ==, 0);
    for (size_t length = 0; length < sizeof rfc5769_request; length++)
        g_assert_false(handle(rfc5769_request, length, &account, &check));
}

static size_t
make_check(uint8_t *out, size_t size, bool nominate, bool controlling)
{
    static const uint16_t known[] = {STUN_ATTRIBUTE_USERNAME, STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
                                     STUN_ATTRIBUTE_FINGERPRINT, 0};
    StunAgent agent;
    StunMessage message;

    stun_agent_init(&agent, known, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
    return stun_usage_ice_conncheck_create(&agent, &message, out, size, (const uint8_t *)"ours:theirs", 11,
                                           (const uint8_t *)"0123456789012345678901", 22, nominate,
                                           controlling, 1853824767u, 42, NULL,
                                           STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
}

static void
test_nomination(void)
{
    Account account = {"ours:theirs", "0123456789012345678901", 0};
    uint8_t request[256];
    MdfStunCheck check;
    size_t length = make_check(request, sizeof request, true, true);

    g_assert_true(handle(request, length, &account, &check));
    g_assert_true(check.accepted && check.use_candidate);
    g_assert_cmphex(check.reply[1], ==, 0x01); /* success response */
    g_assert_cmpuint(check.reply_length, <=, length);
    length = make_check(request, sizeof request, false, true);
    g_assert_true(handle(request, length, &account, &check));
    g_assert_false(check.use_candidate);
}

/* Two controlled sides: a lite agent does not give way. RFC 8445 7.3.1.1 */
static void
test_role_conflict(void)
{
    Account account = {"ours:theirs", "0123456789012345678901", 0};
    uint8_t request[256];
    MdfStunCheck check;
    size_t length = make_check(request, sizeof request, false, false);

    g_assert_true(handle(request, length, &account, &check));
    g_assert_false(check.accepted);
    g_assert_cmphex(check.reply[1], ==, 0x11); /* error response */
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mdf/stun/rfc5769-2.1", test_rfc5769);
    g_test_add_func("/mdf/stun/wrong-password-is-silence", test_wrong_password);
    g_test_add_func("/mdf/stun/unknown-user-is-silence", test_unknown_user);
    g_test_add_func("/mdf/stun/changed-bits", test_changed_bits);
    g_test_add_func("/mdf/stun/unsigned-is-silence", test_unsigned);
    g_test_add_func("/mdf/stun/nomination", test_nomination);
    g_test_add_func("/mdf/stun/role-conflict", test_role_conflict);
    return g_test_run();
}
