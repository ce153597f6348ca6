/* The small modules of lib/base. */
#include "lib/base/clock.h"
#include "lib/base/error.h"
#include "lib/base/id.h"
#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "lib/base/trace.h"

#include <string.h>

static void
test_clock_stands_still(void)
{
    g_autoptr(BaseClock) clock = base_clock_fake_new(5);

    g_assert_cmpint(base_clock_now_us(clock), ==, 5);
    base_clock_fake_advance(clock, 10);
    g_assert_cmpint(base_clock_now_us(clock), ==, 15);
    g_assert_cmpint(base_clock_now_us(base_clock_monotonic()), >, 0);
}

static void
test_ids_are_valid_and_differ(void)
{
    g_autofree char *a = base_id_new();
    g_autofree char *b = base_id_new();

    g_assert_true(base_id_is_valid(a));
    g_assert_cmpstr(a, !=, b);
    g_assert_false(base_id_is_valid("ABCDEF0123456789ABCDEF0123456789"));
    g_assert_false(base_id_is_valid("abc"));
    g_assert_false(base_id_is_valid(NULL));
    g_assert_true(base_secret_equal(a, a));
    g_assert_false(base_secret_equal(a, b));
    g_assert_false(base_secret_equal(a, "x"));
}

static void
test_error_has_a_status_on_each_leg(void)
{
    g_autoptr(GError) forbidden = g_error_new_literal(BASE_ERROR, BASE_ERROR_FORBIDDEN, "no");
    g_autoptr(GError) codec = g_error_new_literal(BASE_ERROR, BASE_ERROR_NOT_ACCEPTABLE, "no");

    g_assert_cmpint(base_error_sip_status(forbidden), ==, 403);
    g_assert_cmpint(base_error_sip_status(codec), ==, 488);
    g_assert_cmpint(base_error_http_status(codec), ==, 406);
    g_assert_cmpint(base_error_http_status(NULL), ==, 500);
    g_assert_cmpint(base_error_from_status(454), ==, BASE_ERROR_NOT_FOUND);
    g_assert_cmpint(base_error_from_status(488), ==, BASE_ERROR_NOT_ACCEPTABLE);
    g_assert_cmpint(base_error_from_status(503), ==, BASE_ERROR_UNAVAILABLE);
}

static void
test_metrics_render_in_prometheus_format(void)
{
    g_autofree char *text = NULL;

    base_metric_add(base_counter("imstv_test_total", "code=\"200\"", "Test answers"), 2);
    base_metric_add(base_counter("imstv_test_total", "code=\"200\"", "Test answers"), 1);
    base_metric_add(base_counter("imstv_test_total", "code=\"404\"", "Test answers"), 1);
    base_metric_set(base_gauge("imstv_test_level", NULL, "Level"), -7);
    text = base_metrics_render();
    g_assert_nonnull(strstr(text, "# TYPE imstv_test_level gauge\nimstv_test_level -7\n"));
    g_assert_nonnull(strstr(text, "# TYPE imstv_test_total counter\nimstv_test_total{code=\"200\"} 3\n"
                                  "imstv_test_total{code=\"404\"} 1\n"));
}

static void
expect_redacted(const char *text, const char *secret, const char *kept)
{
    g_autofree char *clean = base_trace_redact(text, -1);

    g_assert_null(strstr(clean, secret));
    g_assert_nonnull(strstr(clean, "***"));
    g_assert_nonnull(strstr(clean, kept));
}

static void
test_trace_takes_secrets_out(void)
{
    expect_redacted("a=ice-pwd:9fKQm2p0V7sTtYb3LhWcE1aR\r\na=setup:actpass\r\n", "9fKQ", "a=setup:actpass");
    expect_redacted("{\"sdp\":\"a=ice-pwd:9fKQm2p0V7sTtYb3\\r\\na=mid:0\"}", "9fKQ", "\\r\\na=mid:0");
    expect_redacted(
        "Authorization: Digest username=\"demo\", response=\"6629fae49393a05397450978507c4ef1\", qop=auth",
        "6629fae4", "qop=auth");
    expect_redacted("{\"username\":\"demo\",\"response\":\"6629fae49393a05397450978507c4ef1\"}", "6629fae4",
                    "demo");
    expect_redacted("Authorization: Bearer abc.def.ghi\r\nHost: x\r\n", "abc.def", "Host: x");
    expect_redacted("{\"password\":\"hunter2\",\"user\":\"demo\"}", "hunter2", "demo");
}

static void
test_trace_is_off_by_default_and_writes_one_line(void)
{
    if (g_test_subprocess()) {
        g_set_prgname("imstv-x");
        base_trace("Gm", true, "127.0.0.1:5060", NULL, "OFF", NULL, 0);
        base_trace_enable(true);
        base_trace("Gm", true, "127.0.0.1:5060", "abc", "INVITE sip:x SIP/2.0\r\nVia: y",
                   "INVITE\r\nVia: y\r\n", -1);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("TRACE *Z imstv-x Gm > 127.0.0.1:5060 session=abc INVITE sip:x SIP/2.0\n"
                              "    INVITE\n    Via: y\n");
}

static void
test_log_escapes_and_limits(void)
{
    if (g_test_subprocess()) {
        BaseLogFields fields = {.session = "s1", .user = "evil\nERROR forged"};

        base_log_init("imstv-x", BASE_LOG_INFO);
        for (int i = 0; i < 25; i++)
            base_info(&fields, "line %d of a flood", i);
        base_debug(NULL, "below the level");
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*Z INFO imstv-x session=s1 user=evil?nERROR forged: line 0 of a flood\n*");
    g_test_trap_assert_stderr_unmatched("*below the level*");
    g_test_trap_assert_stderr_unmatched("*line 21 *line 22 *line 23 *");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/clock/stands-still", test_clock_stands_still);
    g_test_add_func("/base/id/valid-and-differ", test_ids_are_valid_and_differ);
    g_test_add_func("/base/error/has-a-status-on-each-leg", test_error_has_a_status_on_each_leg);
    g_test_add_func("/base/metrics/prometheus", test_metrics_render_in_prometheus_format);
    g_test_add_func("/base/trace/takes-secrets-out", test_trace_takes_secrets_out);
    g_test_add_func("/base/trace/off-by-default", test_trace_is_off_by_default_and_writes_one_line);
    g_test_add_func("/base/log/escapes-and-limits", test_log_escapes_and_limits);
    return g_test_run();
}
