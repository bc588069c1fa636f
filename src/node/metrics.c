#include "node/metrics.h"

#include <inttypes.h>

/* Upper bounds in microseconds. */
static const uint32_t bounds_us[PH_LATENCY_BUCKETS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 2000000, 10000000};

void ph_metrics_latency(struct ph_metrics *metrics, int64_t us)
{
    size_t i = 0;

    while (i < PH_LATENCY_BUCKETS && us > (int64_t)bounds_us[i])
        i++;
    metrics->latency[i]++;
    metrics->latency_sum_us += us > 0 ? (uint64_t)us : 0;
}

enum ph_err ph_metrics_print(const struct ph_metrics *metrics, struct ph_buf *out)
{
#define LINE(field, name, help, type)                                                              \
    PH_TRY(ph_buf_addf(                                                                            \
        out, "# HELP " name " " help "\n# TYPE " name " " type "\n" name " %" PRIu64 "\n",         \
        metrics->field));
#define C(field, name, help) LINE(field, name, help, "counter")
#define G(field, name, help) LINE(field, name, help, "gauge")
    PH_METRICS(C, G)
#undef C
#undef G
#undef LINE
    PH_TRY(ph_buf_add_str(out, "# HELP phala_call_seconds Duration of calls\n"
                               "# TYPE phala_call_seconds histogram\n"));
    uint64_t total = 0;
    for (size_t i = 0; i < PH_LATENCY_BUCKETS; i++) {
        total += metrics->latency[i];
        PH_TRY(ph_buf_addf(out, "phala_call_seconds_bucket{le=\"%g\"} %" PRIu64 "\n",
                           (double)bounds_us[i] / 1e6, total));
    }
    total += metrics->latency[PH_LATENCY_BUCKETS];
    return ph_buf_addf(out,
                       "phala_call_seconds_bucket{le=\"+Inf\"} %" PRIu64
                       "\nphala_call_seconds_sum %g\nphala_call_seconds_count %" PRIu64 "\n",
                       total, (double)metrics->latency_sum_us / 1e6, total);
}
