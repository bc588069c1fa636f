#ifndef PH_NODE_METRICS_H
#define PH_NODE_METRICS_H

/* What /metrics tells, in one table. Totals of the whole worker only: which phat is how busy is its
 * owner's business.
 *
 * Layer: node. Spec: Prometheus text exposition format 0.0.4. Tests: metrics_test.c.
 */

#include "base/bytes.h"

/* C(field, name, help): counters; they only grow. G: gauges. */
/* clang-format off */
#define PH_METRICS(C, G)                                                                           \
    C(calls_answered,   "phala_calls_answered_total",    "Calls answered by their phat")           \
    C(calls_failed,     "phala_calls_failed_total",      "Calls that the worker answered for the phat: limits, crashes, errors") \
    C(calls_cut,        "phala_calls_cut_total",         "Streamed answers that ended early")      \
    C(calls_redirected, "phala_calls_redirected_total",  "Calls sent to the worker that has the phat's state") \
    C(calls_refused,    "phala_calls_refused_total",     "Calls refused before they reached a phat") \
    C(private_opened,   "phala_private_calls_total",     "Private calls whose envelope was opened and taken") \
    C(private_refused,  "phala_private_refused_total",   "Envelopes that were refused unopened, or were taken before") \
    C(request_bytes,    "phala_request_bytes_total",     "Bytes of request bodies given to phats") \
    C(response_bytes,   "phala_response_bytes_total",    "Bytes of answer bodies from phats")      \
    C(egress_started,   "phala_egress_started_total",    "Outgoing requests of phats")             \
    C(egress_denied,    "phala_egress_denied_total",     "Outgoing requests refused by rule or address") \
    C(egress_failed,    "phala_egress_failed_total",     "Outgoing requests that failed otherwise") \
    C(cold_starts,      "phala_cold_starts_total",       "Instances started for a call")           \
    C(instances_killed, "phala_instances_killed_total",  "Instances killed for crossing a limit")  \
    C(instances_died,   "phala_instances_died_total",    "Instances that ended on their own")      \
    C(receipts,         "phala_receipts_total",          "Leaves signed")                          \
    C(receipt_batches,  "phala_receipt_batches_total",   "Batches signed")                         \
    C(deploys,          "phala_deploys_total",           "Bundles accepted")                       \
    C(deploys_refused,  "phala_deploys_refused_total",   "Bundles refused")                        \
    C(log_lines,        "phala_log_lines_total",         "Lines logged by phats")                  \
    G(calls_in_flight,  "phala_calls_in_flight",         "Calls between request and end of answer") \
    G(instances,        "phala_instances",               "Instances that run a phat")              \
    G(instances_warm,   "phala_instances_warm",          "Instances that wait for a phat")         \
    G(phats,            "phala_phats",                   "Deployed phats")                         \
    C(chain_refused,    "phala_chain_refused_total",     "Times that the worker could not go on with its place in the registry") \
    G(chain_live,       "phala_chain_live",              "1: the registry has the worker and its lease runs") \
    G(chain_lease_s,    "phala_chain_lease_seconds",     "Seconds of its lease that are left") \
    G(chain_requests,   "phala_chain_requests",          "Requests of contracts that are not answered for good") \
    G(chain_transactions, "phala_chain_transactions",    "Transactions that are not final, or whose outcome is still needed") \
    G(connections,      "phala_http_connections",        "Open HTTP connections")
/* clang-format on */

enum { PH_LATENCY_BUCKETS = 12 };

struct ph_metrics {
#define F(field, name, help) uint64_t field;
    PH_METRICS(F, F)
#undef F
    uint64_t latency[PH_LATENCY_BUCKETS + 1]; /* calls by duration; the last is +Inf */
    uint64_t latency_sum_us;
};

/* Count one call's duration. */
void ph_metrics_latency(struct ph_metrics *metrics, int64_t us);
/* Append the exposition text. */
PH_CHECKED enum ph_err ph_metrics_print(const struct ph_metrics *metrics, struct ph_buf *out);

#endif
