/* An event log as part of a judgement: demanded, recorded check by check, refused for its own
 * reason, and claimed only when everything else holds too. */

#include "attest/eventlog/dstack_config.h"
#include "attest/eventlog/runtime_log.h"
#include "attest/eventlog/test_lite.h"
#include "attest/synth/synth_world.h"
#include "attest/verdict_json.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"

#define H20 "1111111111111111111111111111111111111111"
#define H32 "2222222222222222222222222222222222222222222222222222222222222222"
#define RUNTIME(name, payload)                                                                     \
    "{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"" name                        \
    "\",\"event_payload\":\"" payload "\"}"
#define FIRMWARE(imr, type, digest, payload)                                                       \
    "{\"imr\":" #imr ",\"event_type\":" #type ",\"digest\":\"" digest                              \
    "\",\"event\":\"\",\"event_payload\":\"" payload "\"}"
#define H48                                                                                        \
    "33333333333333333333333333333333333333333333333333333333333333333333333333333333333333333333" \
    "3333"
#define BOOT                                                                                       \
    FIRMWARE(1, 13, H48, "")                                                                       \
    "," RUNTIME("app-id", H20) "," RUNTIME("compose-hash", H32) "," RUNTIME("boot-mr-done", "")
static const char good[] = "[" BOOT "," RUNTIME("system-ready", "") "]";

static bool rtmr3_alone;      /* the log was cut */
static const char *vm_config; /* of the guest's host; NULL: none */
static struct ph_verdict v;
static struct ph_trace trace;

/* A TD whose registers are those of `log`. */
static void world_of(struct world *w, const char *log)
{
    struct ph_event_claims claims;
    struct ph_event_why why;

    world_init(w);
    CHECK(ph_runtime_log_replay(ph_bytes_str(log), &claims, &why) == PH_OK);
    memcpy(w->td.rtmr0, claims.rtmrs.r[0], 48);
    memcpy(w->td.rtmr1, claims.rtmrs.r[1], 48);
    memcpy(w->td.rtmr2, claims.rtmrs.r[2], 48);
    memcpy(w->td.rtmr3, claims.rtmrs.r[3], 48);
}

static enum ph_err judge_bytes(const struct world *w, const struct ph_bytes *log)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;

    world_make(w, &collateral, &quote, &roots);
    const struct ph_verify_args args = {
        .quote = ph_buf_view(&quote),
        .collateral = collateral,
        .roots = &roots,
        .policy = &w->policy,
        .report_data = w->expected,
        .now_s = w->now_s,
        .event_log = log,
        .event_log_rtmr3_alone = rtmr3_alone,
        .vm_config = ph_bytes_str(vm_config ? vm_config : ""),
        .trace = &trace,
    };
    return ph_quote_verify_with(&args, &v);
}

static enum ph_err judge(const struct world *w, const char *log)
{
    const struct ph_bytes text = ph_bytes_str(log ? log : "");
    return judge_bytes(w, log ? &text : NULL);
}

static bool refused(const struct world *w, const char *log, enum ph_check check)
{
    static const struct ph_claims none;
    const bool ok = judge(w, log) == PH_ERR_UNTRUSTED && !v.accepted && v.check == check &&
                    v.step == PH_STEP_EVENT_LOG && strcmp(v.reason, ph_check_reason(check)) == 0 &&
                    trace.check[check].result == PH_TRACE_FAIL &&
                    memcmp(&v.claims, &none, sizeof(none)) == 0;
    if (!ok)
        print_message("# %s: got %s\n", ph_check_reason(check), v.reason);
    return ok;
}

TEST(a_demanded_log_that_replays_is_claimed)
{
    struct world w;

    world_of(&w, good);
    CHECK(judge(&w, good) == PH_OK && v.accepted && v.claims.has_events);
    CHECK(v.claims.events.event_cnt == 5 && v.claims.events.has_compose_hash);
    CHECK(v.claims.events.has_mrs && v.claims.events.config_id_checked);
    for (enum ph_check c = PH_CHECK_EVENT_TEE; c <= PH_CHECK_EVENT_CONFIG_ID; c++)
        CHECK(ph_trace_has(&trace, c) && trace.check[c].result == PH_TRACE_PASS);
    CHECK(trace.check[PH_CHECK_EVENT_OS_IMAGE].result == PH_TRACE_SKIP);
    CHECK(!v.claims.events.rtmr3_alone && !v.claims.events.has_config);

    CHECK(judge(&w, NULL) == PH_OK && !v.claims.has_events && v.claims.events.event_cnt == 0);
    CHECK(!ph_trace_has(&trace, PH_CHECK_RTMR0));
}

TEST(a_log_that_was_cut_explains_rtmr3_alone)
{
    static const char cut[] = "[" RUNTIME("app-id", H20) "," RUNTIME(
        "compose-hash", H32) "," RUNTIME("boot-mr-done", "") "," RUNTIME("system-ready", "") "]";
    struct world w;

    world_of(&w, good);
    CHECK(refused(&w, cut, PH_CHECK_RTMR1));
    rtmr3_alone = true;
    CHECK(judge(&w, cut) == PH_OK && v.claims.events.rtmr3_alone);
    CHECK(v.claims.events.has_app_id && v.claims.events.config_id_checked);
    for (enum ph_check c = PH_CHECK_RTMR0; c <= PH_CHECK_RTMR3; c++)
        CHECK((trace.check[c].result == PH_TRACE_PASS) == (c == PH_CHECK_RTMR3));
    /* The registers that it does not show are the quote's, and what is derived covers them. */
    CHECK(memcmp(v.claims.events.rtmrs.r[1], w.td.rtmr1, 48) == 0);
    const struct ph_event_claims of_cut = v.claims.events;
    rtmr3_alone = false;
    CHECK(judge(&w, good) == PH_OK);
    CHECK(memcmp(of_cut.mr_aggregated, v.claims.events.mr_aggregated, 32) == 0);
    CHECK(memcmp(of_cut.mr_system, v.claims.events.mr_system, 32) == 0);
    rtmr3_alone = true;
    w.td.rtmr3[0] ^= 1;
    CHECK(refused(&w, cut, PH_CHECK_RTMR3));
    w.td.rtmr3[0] ^= 1;
    CHECK(refused(&w, "not JSON", PH_CHECK_EVENT_FORMAT)); /* only dstack's log is cut */
    rtmr3_alone = false;
}

/* A firmware's log without events: what a TD with registers of zeros starts from. */
static const uint8_t no_events[] = {
    0,   0,   0,   0, 3, 0, 0,  0, 0, 0, 0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   0, 0, 0, 33, 0, 0, 0, 'S', 'p', 'e', 'c', ' ', 'I', 'D', ' ', 'E', 'v', 'e', 'n',
    't', '0', '3', 0, 0, 0, 0,  0, 0, 2, 0,   2,   1,   0,   0,   0,   12,  0,   48,  0,   0};

TEST(a_firmwares_log_is_never_a_cut_one)
{
    const struct ph_bytes log = PH_BYTES_OF(no_events);
    struct world w;

    world_init(&w);
    rtmr3_alone = true;
    CHECK(judge_bytes(&w, &log) == PH_OK && !v.claims.events.rtmr3_alone);
    CHECK(!v.claims.events.has_mrs && v.claims.events.kind == PH_EVENT_LOG_CCEL);
    w.td.rtmr1[0] = 1;
    CHECK(judge_bytes(&w, &log) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_RTMR1);
    rtmr3_alone = false;
}

TEST(a_json_log_may_begin_with_white_space)
{
    static const char *const before[] = {" ", "\n", "\r", "\t", " \r\n\t "};
    char log[4096];
    struct world w;

    world_of(&w, good);
    for (size_t i = 0; i < PH_LEN(before); i++) {
        (void)snprintf(log, sizeof(log), "%s%s", before[i], good);
        CHECK(judge(&w, log) == PH_OK && v.claims.has_events);
    }
    const struct ph_bytes blank = {(const uint8_t *)"  []", 2}; /* nothing but white space */
    CHECK(judge_bytes(&w, &blank) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_EVENT_FORMAT);
    CHECK(!strstr(v.sentence, "JSON"));
}

#define CONFIG "{\\\"compose_hash\\\":\\\"" H32 "\\\",\\\"key_provider\\\":\\\"none\\\"}"
#define VM_CONFIG "{\"mr_config\":\"" CONFIG "\"}"
#define PROVIDER RUNTIME("key-provider", "7b226e616d65223a226e6f6e65222c226964223a22227d")

TEST(the_document_that_mr_config_id_names_is_claimed)
{
    static const char log[] = "[" BOOT "," PROVIDER "," RUNTIME("system-ready", "") "]";
    const struct ph_bytes document =
        PH_BYTES_LIT("{\"compose_hash\":\"" H32 "\",\"key_provider\":\"none\"}");
    struct world w;

    world_of(&w, log);
    w.td.mr_config_id[0] = 3;
    ph_dstack_config_hash(document, w.td.mr_config_id + 1);
    CHECK(judge(&w, log) == PH_OK && !v.claims.events.config_id_checked); /* not at hand */
    CHECK(trace.check[PH_CHECK_EVENT_CONFIG_ID].result == PH_TRACE_SKIP);
    vm_config = VM_CONFIG;
    CHECK(judge(&w, log) == PH_OK && v.claims.events.config_id_checked);
    CHECK(v.claims.events.has_config && v.claims.events.config.compose_hash[31] == 0x22);
    w.td.mr_config_id[47] = 1;
    CHECK(refused(&w, log, PH_CHECK_EVENT_CONFIG_ID) && strstr(v.sentence, "not the hash"));
    w.td.mr_config_id[47] = 0;
    w.td.mr_config_id[0] = 1; /* of version 1 the document says nothing */
    CHECK(refused(&w, log, PH_CHECK_EVENT_CONFIG_ID) && strstr(v.sentence, "version 1"));
    memset(w.td.mr_config_id, 0, 48);
    CHECK(judge(&w, log) == PH_OK && v.claims.events.config_id_checked);
    CHECK(!v.claims.events.has_config);
    vm_config = "{"; /* what cannot be read says nothing */
    CHECK(judge(&w, log) == PH_OK && !v.claims.events.has_image);
    vm_config = NULL;
}

#define ACPI(name, byte)                                                                           \
    "{\"imr\":0,\"event_type\":10,\"digest\":\"" byte byte byte byte "\",\"event\":\"" name        \
    "\",\"event_payload\":\"414350492044415441\"}"
#define X12(byte) byte byte byte byte byte byte byte byte byte byte byte byte

TEST(the_image_that_the_registers_follow_from_is_claimed)
{
    static const char log[] =
        "[" ACPI("acpi-loader", X12("a0")) "," ACPI("acpi-rsdp", X12("a1")) "," ACPI(
            "acpi-tables", X12("a2")) "," RUNTIME("app-id", H20) "," RUNTIME("boot-mr-done",
                                                                             "") "]";
    struct world w;
    char hex[65];

    world_of(&w, log);
    memset(w.td.mr_td, 5, 48);
    CHECK(ph_hex_decode(PH_BYTES_LIT(LITE_RTMR0), w.td.rtmr0, 48) == PH_OK);
    CHECK(ph_hex_decode(PH_BYTES_LIT(LITE_RTMR1), w.td.rtmr1, 48) == PH_OK);
    CHECK(ph_hex_decode(PH_BYTES_LIT(LITE_RTMR2), w.td.rtmr2, 48) == PH_OK);
    w.policy.any_measurement = true;
    rtmr3_alone = true;
    CHECK(judge(&w, log) == PH_OK && !v.claims.events.has_image);
    vm_config = LITE_VM_CONFIG;
    CHECK(judge(&w, log) == PH_OK && v.claims.events.has_image);
    ph_hex_encode(PH_BYTES_OF(v.claims.events.image_hash), hex);
    CHECK(strcmp(hex, LITE_IMAGE_HASH) == 0);
    CHECK(trace.check[PH_CHECK_EVENT_OS_IMAGE].result == PH_TRACE_PASS);
    w.td.rtmr0[0] ^= 1;
    CHECK(refused(&w, log, PH_CHECK_EVENT_OS_IMAGE) && strstr(v.sentence, "RTMR0"));
    rtmr3_alone = false;
    vm_config = NULL;
}

TEST(an_image_that_the_registers_do_not_follow_from_is_refused)
{
    struct world w;

    world_of(&w, good);
    vm_config = "{\"os_image_hash\":\"" H32 "\",\"memory_size\":2147483648,"
                "\"tdx_attestation_variant\":\"lite\",\"tdx_measurement\":"
                "{\"measurement\":\"AA==\",\"checksum_file\":\"AA==\"}}";
    CHECK(refused(&w, good, PH_CHECK_EVENT_OS_IMAGE) && strstr(v.sentence, "os_image_hash"));
    vm_config = NULL;
}

TEST(each_check_of_a_log_refuses_alone)
{
    static const struct {
        enum ph_check check;
        const char *log;
    } cases[] = {
        {PH_CHECK_EVENT_FORMAT, "[" BOOT},
        {PH_CHECK_EVENT_FORMAT, ""},
        {PH_CHECK_EVENT_TYPE, "[" BOOT "," FIRMWARE(3, 13, H48, "") "]"},
        {PH_CHECK_EVENT_DIGEST, "[" BOOT "," FIRMWARE(0, 5, H48, "00") "]"},
        {PH_CHECK_EVENT_SEPARATOR, "[" BOOT "," FIRMWARE(0, 4, H48, "01000000") "]"},
        {PH_CHECK_EVENT_DUPLICATE,
         "[" BOOT "," FIRMWARE(0, 4, H48, "") "," FIRMWARE(0, 4, H48, "") "]"},
        {PH_CHECK_EVENT_ORDER, "[" BOOT "," RUNTIME("instance-id", H20) "]"},
        {PH_CHECK_EVENT_IDENTITY, "[" BOOT "," RUNTIME("os-image-hash", H20) "]"},
        {PH_CHECK_RTMR0, "[" BOOT "," RUNTIME("system-ready", "") "," FIRMWARE(0, 13, H48, "") "]"},
        {PH_CHECK_RTMR1, "[" BOOT "," RUNTIME("system-ready", "") "," FIRMWARE(1, 13, H48, "") "]"},
        {PH_CHECK_RTMR2, "[" BOOT "," RUNTIME("system-ready", "") "," FIRMWARE(2, 13, H48, "") "]"},
        {PH_CHECK_RTMR3, "[" BOOT "]"},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct world w;
        world_of(&w, good);
        CHECK(refused(&w, cases[i].log, cases[i].check));
        if (cases[i].check >= PH_CHECK_RTMR0) { /* the other registers still hold */
            for (enum ph_check c = PH_CHECK_RTMR0; c <= PH_CHECK_RTMR3; c++)
                CHECK((trace.check[c].result == PH_TRACE_PASS) == (c != cases[i].check));
        } else {
            CHECK(trace.check[PH_CHECK_RTMR0].result == PH_TRACE_SKIP);
        }
    }
}

TEST(mr_config_id_of_the_quote_is_held_against_the_log)
{
    struct world w;

    world_of(&w, good);
    w.td.mr_config_id[0] = 1;
    memset(w.td.mr_config_id + 1, 0x22, 32);
    CHECK(judge(&w, good) == PH_OK && v.claims.events.config_id_checked);
    w.td.mr_config_id[5] ^= 1;
    CHECK(refused(&w, good, PH_CHECK_EVENT_CONFIG_ID));
    w.td.mr_config_id[0] = 9; /* not dstack's: says nothing */
    CHECK(judge(&w, good) == PH_OK && !v.claims.events.config_id_checked);
    CHECK(trace.check[PH_CHECK_EVENT_CONFIG_ID].result == PH_TRACE_SKIP);
}

TEST(an_enclave_has_no_event_log)
{
    struct world w;

    world_init(&w);
    world_sgx(&w, 3);
    CHECK(refused(&w, good, PH_CHECK_EVENT_TEE));
    CHECK(trace.check[PH_CHECK_EVENT_FORMAT].result == PH_TRACE_SKIP);
}

TEST(a_log_proves_nothing_under_a_quote_that_is_refused)
{
    struct world w;

    world_of(&w, good);
    w.expected[0] ^= 1;
    CHECK(judge(&w, good) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_REPORT_DATA);
    CHECK(!v.claims.has_events && v.claims.events.event_cnt == 0);
    world_of(&w, good);
    world_break(&w, PH_CHECK_QUOTE_SIGNATURE);
    CHECK(judge(&w, good) != PH_OK && v.check == PH_CHECK_QUOTE_SIGNATURE && !v.claims.has_events);
}

TEST(claims_are_shown_with_the_verdict)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_jput out = {.out = &text};
    struct world w;

    world_of(&w, good);
    CHECK(judge(&w, good) == PH_OK);
    ph_verdict_json(&v, &out, NULL);
    CHECK(ph_jput_end(&out) == PH_OK && ph_buf_add(&text, PH_BYTES_LIT("\0")) == PH_OK);
    const char *shown =
        strstr((char *)text.ptr, "\"event_log\":{\"kind\":\"dstack\",\"events\":5,");
    CHECK(shown && strstr(shown, "\"compose_hash\":\"" H32 "\",\"instance_id\":null,"));
    text.len = 0;
    CHECK(judge(&w, NULL) == PH_OK);
    out = (struct ph_jput){.out = &text};
    ph_verdict_json(&v, &out, NULL);
    CHECK(ph_jput_end(&out) == PH_OK && ph_buf_add(&text, PH_BYTES_LIT("\0")) == PH_OK);
    CHECK(!strstr((char *)text.ptr, "event_log"));
}

PH_TEST_MAIN(CASE(a_demanded_log_that_replays_is_claimed),
             CASE(a_log_that_was_cut_explains_rtmr3_alone),
             CASE(a_firmwares_log_is_never_a_cut_one), CASE(a_json_log_may_begin_with_white_space),
             CASE(the_document_that_mr_config_id_names_is_claimed),
             CASE(the_image_that_the_registers_follow_from_is_claimed),
             CASE(an_image_that_the_registers_do_not_follow_from_is_refused),
             CASE(each_check_of_a_log_refuses_alone),
             CASE(mr_config_id_of_the_quote_is_held_against_the_log),
             CASE(an_enclave_has_no_event_log),
             CASE(a_log_proves_nothing_under_a_quote_that_is_refused),
             CASE(claims_are_shown_with_the_verdict))
