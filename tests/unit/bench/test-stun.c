#include "bench/stun.h"

#include <netinet/in.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#define OUR_PWD "0123456789012345678901"
#define THEIR_PWD "abcdefghijabcdefghijab"

static const struct sockaddr_in somewhere = {
    .sin_family = AF_INET, .sin_port = 0x1234, .sin_addr.s_addr = 0x0100007f};
static const uint16_t known_attributes[] = {
    STUN_ATTRIBUTE_USERNAME,           STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
    STUN_ATTRIBUTE_PRIORITY,           STUN_ATTRIBUTE_USE_CANDIDATE,
    STUN_ATTRIBUTE_ICE_CONTROLLED,     STUN_ATTRIBUTE_ICE_CONTROLLING,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, 0};

static void
server_init(StunAgent *agent)
{
    stun_debug_disable();
    stun_agent_init(agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
                    STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

static BenchStunResult
handle(BenchStun *stun, const uint8_t *data, size_t length, uint8_t *reply, size_t *ret_reply_bytes)
{
    return bench_stun_handle(stun, data, length, (const struct sockaddr *)&somewhere, sizeof somewhere, reply,
                             ret_reply_bytes);
}

static void
test_check_nominates_and_its_answer_is_known(void)
{
    g_autoptr(BenchStun) stun = bench_stun_new("aaaa", OUR_PWD, "bbbb", THEIR_PWD);
    StunDefaultValidaterData users[] = {{(uint8_t *)"bbbb:aaaa", 9, (uint8_t *)THEIR_PWD, strlen(THEIR_PWD)},
                                        {NULL, 0, NULL, 0}};
    uint8_t check[BENCH_STUN_BYTES_MAX], reply[BENCH_STUN_BYTES_MAX], unused[BENCH_STUN_BYTES_MAX];
    size_t length = bench_stun_check(stun, check), reply_bytes = sizeof reply, unused_bytes = 0;
    struct sockaddr_storage from = {0};
    StunMessage request, answer;
    bool controlling = false;
    StunAgent server;

    server_init(&server);
    memcpy(&from, &somewhere, sizeof somewhere);
    g_assert_cmpint(
        stun_agent_validate(&server, &request, check, length, stun_agent_default_validater, users), ==,
        STUN_VALIDATION_SUCCESS);
    g_assert_true(stun_usage_ice_conncheck_use_candidate(&request));
    g_assert_cmpint(stun_usage_ice_conncheck_create_reply(&server, &request, &answer, reply, &reply_bytes,
                                                          &from, sizeof somewhere, &controlling, 0,
                                                          STUN_USAGE_ICE_COMPATIBILITY_RFC5245),
                    ==, STUN_USAGE_ICE_RETURN_SUCCESS);
    g_assert_cmpint(handle(stun, reply, reply_bytes, unused, &unused_bytes), ==, BENCH_STUN_SUCCEEDED);
    /* a copy answers no check of ours */
    g_assert_cmpint(handle(stun, reply, reply_bytes, unused, &unused_bytes), ==, BENCH_STUN_IGNORED);
}

/* Full ICE: the controlled side checks, too. */
static BenchStunResult
handle_their_check(const char *password)
{
    g_autoptr(BenchStun) stun = bench_stun_new("aaaa", OUR_PWD, "bbbb", THEIR_PWD);
    uint8_t check[BENCH_STUN_BYTES_MAX], reply[BENCH_STUN_BYTES_MAX];
    size_t length, reply_bytes = 0;
    StunMessage request;
    StunAgent server;

    server_init(&server);
    length = stun_usage_ice_conncheck_create(
        &server, &request, check, sizeof check, (const uint8_t *)"aaaa:bbbb", 9, (const uint8_t *)password,
        strlen(password), false, false, 1, 5, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);

    return handle(stun, check, length, reply, &reply_bytes);
}

static void
test_their_check_is_answered(void)
{
    g_assert_cmpint(handle_their_check(OUR_PWD), ==, BENCH_STUN_REPLY);
}

static void
test_strangers_are_ignored(void)
{
    g_autoptr(BenchStun) stun = bench_stun_new("aaaa", OUR_PWD, "bbbb", THEIR_PWD);
    uint8_t reply[BENCH_STUN_BYTES_MAX];
    size_t reply_bytes = 0;

    g_assert_cmpint(handle_their_check("wrongwrongwrongwrongwr"), ==, BENCH_STUN_IGNORED);
    g_assert_cmpint(handle(stun, (const uint8_t *)"nonsense", 8, reply, &reply_bytes), ==,
                    BENCH_STUN_IGNORED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bench/stun/check-nominates-and-its-answer-is-known",
                    test_check_nominates_and_its_answer_is_known);
    g_test_add_func("/bench/stun/their-check-is-answered", test_their_check_is_answered);
    g_test_add_func("/bench/stun/strangers-are-ignored", test_strangers_are_ignored);

    return g_test_run();
}
