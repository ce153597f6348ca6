#include "bench/report.h"

#include <math.h>

static const struct {
    const char *title, *key;
} steps[BENCH_STEPS] = {
    [BENCH_STEP_ANSWER] = {"answer after", "answer_ms"},
    [BENCH_STEP_ICE] = {"ICE", "ice_ms"},
    [BENCH_STEP_DTLS] = {"DTLS", "dtls_ms"},
    [BENCH_STEP_PACKET] = {"first packet", "first_packet_ms"},
};

static int
compare(gconstpointer left, gconstpointer right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

double
bench_quantile(const GArray *sorted, double q)
{
    double rank = ceil(q * sorted->len);

    if (sorted->len == 0)
        return 0;

    return g_array_index(sorted, double, rank < 1 ? 0 : (guint)rank - 1);
}

static double
cpu_of(const BenchUsage *before, const BenchUsage *after)
{
    return after->cpu_s - before->cpu_s;
}

static double
us_per_packet(const BenchReport *report)
{
    if (report->window.packets == 0)
        return 0;

    return cpu_of(&report->server_before, &report->server_after) * 1e6 / (double)report->window.packets;
}

/* What the viewers have added to the server's memory. */
static double
kb_per_viewer(const BenchReport *report)
{
    if (report->playing == 0)
        return 0;

    return ((double)report->server_after.rss_bytes - (double)report->server_idle.rss_bytes) / 1000 /
           report->playing;
}

static void
print_server(const BenchReport *r, FILE *out)
{
    double cpu = cpu_of(&r->server_before, &r->server_after);

    fprintf(out,
            "server        %.2f us of CPU per packet, %.1f %% of a core, %.1f MB (%.0f kB a viewer), %u "
            "threads\n",
            us_per_packet(r), 100 * cpu / r->window_s, (double)r->server_after.rss_bytes / 1e6,
            kb_per_viewer(r), r->server_after.threads);
}

static void
print_text(const BenchReport *r, FILE *out)
{
    const BenchViewerTotals *w = &r->window;
    double busy = cpu_of(&r->self_before, &r->self_after) / r->window_s;

    fprintf(out, "viewers       %u, playing %u; sessions %u, failed %u\n", r->viewers, r->playing,
            r->sessions, r->failed);
    fprintf(out,
            "in %.1f s     %" G_GUINT64_FORMAT
            " packets (%.0f a second), %.1f Mbit/s, lost %" G_GUINT64_FORMAT
            " (dropped by this program's sockets: %" G_GUINT64_FORMAT ")\n",
            r->window_s, w->packets, (double)w->packets / r->window_s, (double)w->bytes * 8e-6 / r->window_s,
            w->lost, w->dropped_here);
    fprintf(out, "authentic     %" G_GUINT64_FORMAT ", forged %" G_GUINT64_FORMAT "\n", w->verified,
            w->forged);
    for (unsigned i = 0; i < BENCH_STEPS; i++)
        fprintf(out, "%-13s min %.1f, median %.1f, p95 %.1f, max %.1f ms\n", steps[i].title,
                bench_quantile(r->step_ms[i], 0), bench_quantile(r->step_ms[i], 0.5),
                bench_quantile(r->step_ms[i], 0.95), bench_quantile(r->step_ms[i], 1));
    if (r->has_server)
        print_server(r, out);
    fprintf(out, "this program  %.0f %% of a core%s\n", 100 * busy,
            busy > 0.9 ? ": it was the limit, use more of them" : "");
}

static void
print_json(const BenchReport *r, FILE *out)
{
    const BenchViewerTotals *w = &r->window;

    fprintf(out, "{\"viewers\":%u,\"playing\":%u,\"sessions\":%u,\"failed\":%u,\"window_s\":%.3f,",
            r->viewers, r->playing, r->sessions, r->failed, r->window_s);
    fprintf(out,
            "\"packets\":%" G_GUINT64_FORMAT ",\"bytes\":%" G_GUINT64_FORMAT ",\"lost\":%" G_GUINT64_FORMAT
            ",\"dropped_here\":%" G_GUINT64_FORMAT ",\"verified\":%" G_GUINT64_FORMAT
            ",\"forged\":%" G_GUINT64_FORMAT ",",
            w->packets, w->bytes, w->lost, w->dropped_here, w->verified, w->forged);
    for (unsigned i = 0; i < BENCH_STEPS; i++)
        fprintf(out, "\"%s\":{\"min\":%.2f,\"median\":%.2f,\"p95\":%.2f,\"max\":%.2f},", steps[i].key,
                bench_quantile(r->step_ms[i], 0), bench_quantile(r->step_ms[i], 0.5),
                bench_quantile(r->step_ms[i], 0.95), bench_quantile(r->step_ms[i], 1));
    if (r->has_server)
        fprintf(out,
                "\"server\":{\"cpu_s\":%.2f,\"us_per_packet\":%.3f,\"rss_bytes\":%" G_GUINT64_FORMAT
                ",\"kb_per_viewer\":%.1f,\"threads\":%u},",
                cpu_of(&r->server_before, &r->server_after), us_per_packet(r), r->server_after.rss_bytes,
                kb_per_viewer(r), r->server_after.threads);
    fprintf(out, "\"self_cpu_s\":%.2f}\n", cpu_of(&r->self_before, &r->self_after));
}

void
bench_report_clear(BenchReport *self)
{
    for (unsigned i = 0; i < BENCH_STEPS; i++)
        g_clear_pointer(&self->step_ms[i], g_array_unref);
}

void
bench_report_print(BenchReport *report, bool json, FILE *out)
{
    for (unsigned i = 0; i < BENCH_STEPS; i++)
        g_array_sort(report->step_ms[i], compare);
    if (json)
        print_json(report, out);
    else
        print_text(report, out);
}
