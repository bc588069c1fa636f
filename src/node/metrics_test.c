#include "node/metrics.h"

#include "base/own.h"
#include "base/test.h"

TEST(every_counter_is_printed_and_buckets_add_up)
{
    struct ph_metrics m = {.calls_answered = 3, .phats = 2};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);

    ph_metrics_latency(&m, 50);
    ph_metrics_latency(&m, 100);
    ph_metrics_latency(&m, 101);
    ph_metrics_latency(&m, 60000000);
    CHECK(ph_metrics_print(&m, &text) == PH_OK);
    CHECK(ph_buf_add(&text, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK);
    const char *s = (const char *)text.ptr;
    CHECK(strstr(s, "\nphala_calls_answered_total 3\n") && strstr(s, "\nphala_phats 2\n"));
    CHECK(strstr(s, "# TYPE phala_phats gauge") &&
          strstr(s, "# TYPE phala_receipts_total counter"));
    CHECK(strstr(s, "phala_call_seconds_bucket{le=\"0.0001\"} 2\n"));
    CHECK(strstr(s, "phala_call_seconds_bucket{le=\"0.00025\"} 3\n"));
    CHECK(strstr(s, "phala_call_seconds_bucket{le=\"10\"} 3\n"));
    CHECK(strstr(s, "phala_call_seconds_bucket{le=\"+Inf\"} 4\n"));
    CHECK(strstr(s, "phala_call_seconds_count 4\n"));
}

PH_TEST_MAIN(CASE(every_counter_is_printed_and_buckets_add_up))
