/* POST /v1/evidence/verify, on requests as clients send them. */

#include "node/test_verify.h"

#include "attest/eventlog/runtime_log.h"
#include "attest/synth/synth_world.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"

/* A synthetic bundle from the fuzzer's corpus: judged at its own time, its root is nobody's. */
static void bundle_request(const char *rest)
{
    FILE *f = fopen("src/attest/evidence_bundle_corpus/tdx4", "rb");
    CHECK(f);
    size_t n = (size_t)snprintf(rig.body, sizeof(rig.body), "{\"evidence\":");
    n += fread(rig.body + n, 1, sizeof(rig.body) - n - 1, f);
    (void)fclose(f);
    (void)snprintf(rig.body + n, sizeof(rig.body) - n, "%s}", rest);
}

/* The header of a TDX quote, version 4, and no more. */
#define QUOTE_START "BAACAIEAAAAAAAAAk5pyM/ecTKmUCg2zlX8GBwAAAAAAAAAAAAAAAAAAAAAAAAAA"

TEST(evidence_is_judged_when_and_how_the_request_says)
{
    static const struct ph_attest_roots nobody;

    rig.roots = nobody;
    bundle_request("");
    CHECK(ask(ph_verify_evidence, rig.body) == 200);
    CHECK(is("verdict", NULL, "rejected") && is("judged_at_from", NULL, "clock"));
    CHECK(is("judged_at", NULL, "2025-06-15T15:06:40Z") && is("collateral_from", NULL, "evidence"));
    bundle_request(",\"at\":\"bundle\"");
    CHECK(ask(ph_verify_evidence, rig.body) == 200);
    CHECK(is("reason", NULL, "root-untrusted") && is("judged_at_from", NULL, "bundle"));
    bundle_request(",\"at\":\"2020-01-01T00:00:00Z\"");
    CHECK(ask(ph_verify_evidence, rig.body) == 200);
    CHECK(is("reason", NULL, "pck-not-yet-valid") && is("judged_at_from", NULL, "request"));
    bundle_request(",\"collateral\":{}");
    CHECK(ask(ph_verify_evidence, rig.body) == 200);
    CHECK(is("collateral_from", NULL, "request"));

    static const struct {
        const char *rest, *code;
    } wrong[] = {
        {",\"at\":\"yesterday\"", "bad-request"},
        {",\"at\":7", "bad-request"},
        {",\"report_data\":\"00\"", "bad-request"},
        {",\"event_log\":7", "bad-request"},
        {",\"event_log\":\"!\"", "bad-request"},
        {",\"policy\":{\"typo\":1}", "bad-policy"},
        {",\"policy\":7", "bad-policy"},
        {",\"collateral\":{\"typo\":1}", "bad-collateral"},
        {",\"collateral\":{\"tcb_info\":\"{}\"}", "bad-collateral"},
        {",\"collateral\":7", "bad-collateral"},
        {",\"typo\":1", "bad-request"},
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        bundle_request(wrong[i].rest);
        CHECK(ask(ph_verify_evidence, rig.body) == 400 && is("error", "code", wrong[i].code));
    }
    static const struct {
        const char *request, *code;
    } evidence[] = {
        {"{}", "bad-request"},
        {"{\"evidence\":7}", "bad-evidence"},
        {"{\"evidence\":\"\"}", "bad-evidence"},
        {"{\"evidence\":\"!\"}", "bad-evidence"},
        {"{\"evidence\":{}}", "bad-evidence"},
        {"{\"evidence\":\"AAAA\"}", "bad-evidence"}, /* of no kind */
        {"{\"evidence\":\"" QUOTE_START "\",\"at\":\"bundle\"}", "bad-request"},
        {"x", "bad-request"},
    };
    for (size_t i = 0; i < PH_LEN(evidence); i++)
        CHECK(ask(ph_verify_evidence, evidence[i].request) == 400 &&
              is("error", "code", evidence[i].code));
    CHECK(ask(ph_verify_evidence, "{\"evidence\":\"" QUOTE_START "\"}") == 200);
    CHECK(is("reason", NULL, "quote-truncated") && json_is_null(at("collateral_from", NULL)));
    done();
}

/* The synthetic guest again, as a bare quote with the worker's collateral. */
TEST(a_bare_quote_is_judged_with_kept_collateral_and_what_was_demanded)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX), b64 = PH_BUF(1 << 17);
    struct world w;

    for (int round = 0; round < 4; round++) {
        char report_data[129], log[8192];
        quote.len = b64.len = 0;
        forget_kept();
        world_init(&w);
        struct ph_event_claims claims;
        struct ph_event_why why;
        (void)snprintf(log, sizeof(log), "%s", boot_log);
        quotes(log);
        CHECK(ph_runtime_log_replay(ph_bytes_str(log), &claims, &why) == PH_OK);
        memcpy(w.td.rtmr3, claims.rtmrs.r[3], 48);
        world_make(&w, &rig.kept, &quote, &rig.roots);
        CHECK(ph_base64_encode(ph_buf_view(&quote), &b64) == PH_OK);
        if (round == 1)
            w.expected[0] ^= 1;
        ph_hex_encode(PH_BYTES_OF(w.expected), report_data);
        if (round == 2)
            (void)snprintf(log, sizeof(log), "[]");
        (void)snprintf(rig.body, sizeof(rig.body),
                       "{\"evidence\":\"%.*s\",\"report_data\":\"%s\",\"event_log\":%s,"
                       "\"policy\":{\"statuses\":[\"UpToDate\"],\"measurements\":%s}}",
                       (int)b64.len, (const char *)b64.ptr, report_data, log,
                       round == 3 ? "{\"tdx\":[{\"mr_td\":\"" H32 "22222222222222222222222222222222"
                                    "\"}]}"
                                  : "\"any\"");
        CHECK(ask(ph_verify_evidence, rig.body) == 200 && is("collateral_from", NULL, "worker"));
        static const char *const reasons[] = {"accepted", "report-data-mismatch", "rtmr3-mismatch",
                                              "policy-measurement"};
        CHECK(is("reason", NULL, reasons[round]));
        const json_t *events = at("claims", "event_log");
        CHECK((round == 0) == (events != NULL));
        if (events)
            CHECK(strcmp(json_string_value(json_object_get(events, "app_id")), H20) == 0 &&
                  json_is_true(at("claims", "report_data_checked")));
    }
    ph_buf_clear(&b64);
    done();
}

TEST(the_log_of_a_bundle_is_demanded_unless_the_request_brings_another)
{
    static const struct {
        const char *in_bundle, *in_request, *reason;
    } cases[] = {
        {boot_log, NULL, "accepted"}, {"[]", NULL, "rtmr3-mismatch"},
        {"[]", boot_log, "accepted"}, {boot_log, "[]", "rtmr3-mismatch"},
        {NULL, NULL, "accepted"},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
        struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(1 << 18);
        struct ph_event_claims claims;
        struct ph_event_why why;
        struct world w;
        char boot[8192], in_bundle[8192] = "", in_request[8192] = "";

        (void)snprintf(boot, sizeof(boot), "%s", boot_log);
        quotes(boot);
        if (cases[i].in_bundle)
            (void)snprintf(in_bundle, sizeof(in_bundle), "%s", cases[i].in_bundle);
        if (cases[i].in_request)
            (void)snprintf(in_request, sizeof(in_request), ",\"event_log\":%s",
                           cases[i].in_request);
        quotes(in_bundle);
        quotes(in_request);
        forget_kept();
        world_init(&w);
        CHECK(ph_runtime_log_replay(ph_bytes_str(boot), &claims, &why) == PH_OK);
        memcpy(w.td.rtmr3, claims.rtmrs.r[3], 48);
        world_make(&w, &rig.kept, &quote, &rig.roots);
        const struct ph_evidence evidence = {.quote = ph_buf_view(&quote),
                                             .event_log = ph_bytes_str(in_bundle),
                                             .time_s = WORLD_NOW};
        CHECK(ph_evidence_encode(&evidence, &bundle) == PH_OK);
        (void)snprintf(rig.body, sizeof(rig.body), "{\"evidence\":%.*s,\"at\":\"bundle\"%s}",
                       (int)bundle.len, (const char *)bundle.ptr, in_request);
        CHECK(ask(ph_verify_evidence, rig.body) == 200 && is("reason", NULL, cases[i].reason));
        CHECK(is("collateral_from", NULL, "worker"));
        CHECK((at("claims", "event_log") != NULL) ==
              (cases[i].in_bundle && strcmp(cases[i].reason, "accepted") == 0));
    }
    done();
}

PH_TEST_MAIN(CASE(evidence_is_judged_when_and_how_the_request_says),
             CASE(a_bare_quote_is_judged_with_kept_collateral_and_what_was_demanded),
             CASE(the_log_of_a_bundle_is_demanded_unless_the_request_brings_another))
