/* Real logs: each replays to the registers of the quote it came with, and each negative is refused
 * for its own reason. Skips without the vectors. */

#include "attest/eventlog/ccel.h"
#include "attest/eventlog/dstack_mr.h"
#include "attest/eventlog/runtime_log.h"
#include "base/hex.h"
#include "base/test_vectors.h"

static void need_vectors(void)
{
    struct ph_buf sets = ph_test_vector("eventlog/SETS.tsv");

    ph_buf_clear(&sets);
}

/* A version 4 TDX quote: the body at 48, RTMR0 at 376. */
static void registers(const char *set, struct ph_rtmrs *rtmrs, struct ph_tdx_body *td)
{
    struct ph_buf quote = ph_test_vector_if("eventlog/%s/%s", set, "quote.bin");

    CHECK(quote.len > 632);
    memcpy(rtmrs, quote.ptr + 376, sizeof(*rtmrs));
    memcpy(td, quote.ptr + 48, sizeof(*td));
    ph_buf_clear(&quote);
}

static struct ph_event_claims claims;
static struct ph_event_why why;
static bool match[4];

static enum ph_err judge(const char *set, const char *name, struct ph_tdx_body *td)
{
    struct ph_buf log = ph_test_vector_if("eventlog/%s/%s", set, name);
    struct ph_rtmrs quoted;

    CHECK(log.len > 0);
    registers(set, &quoted, td);
    const enum ph_err err = ph_event_log_verify(ph_buf_view(&log), &quoted, &claims, match, &why);
    ph_buf_clear(&log);
    return err;
}

static bool starts(const uint8_t *bytes, const char *hex)
{
    char got[33];
    ph_hex_encode((struct ph_bytes){bytes, 16}, got);
    return strncmp(got, hex, strlen(hex)) == 0;
}

TEST(dstack_quote_report_replays)
{
    struct ph_tdx_body td;
    struct ph_dstack_provider p;

    need_vectors();
    CHECK(judge("dstack-quote-report", "event_log.json", &td) == PH_OK);
    CHECK(match[0] && match[1] && match[2] && match[3] && claims.event_cnt == 28);
    /* firmware: 5 driver variables, 2 separators, 2 boot variables, 3 actions; 8 runtime events */
    CHECK(claims.recomputed_cnt == 20 && claims.unrecomputable_cnt == 8);
    CHECK(claims.boot_done && claims.system_ready && !claims.has_os_image_hash);
    CHECK(claims.has_app_id && starts(claims.app_id, "3763bc34552cf3a2"));
    CHECK(claims.has_compose_hash && starts(claims.compose_hash, "3763bc34552cf3a2"));
    CHECK(claims.has_instance_id && starts(claims.instance_id, "c3714eb66990"));
    CHECK(ph_dstack_provider(&claims, &p) == PH_OK && strcmp(p.name, "local-sgx") == 0);
    CHECK(p.id_len == 32 && starts(p.id, "1b7a49378403249b"));
    CHECK(ph_dstack_config_id_check(&claims, td.mr_config_id, &why) == PH_OK);
}

TEST(a_stripped_log_of_a_newer_guest_replays)
{
    struct ph_tdx_body td;
    struct ph_dstack_provider p;

    need_vectors();
    CHECK(judge("dstack-tdx-lite", "event_log.json", &td) == PH_OK);
    CHECK(claims.event_cnt == 29 && claims.recomputed_cnt == 9 && claims.system_ready);
    CHECK(claims.has_os_image_hash && starts(claims.os_image_hash, "07a2388c7a6a1b6a"));
    CHECK(ph_dstack_provider(&claims, &p) == PH_OK && strcmp(p.name, "kms") == 0);
    CHECK(td.mr_config_id[0] == 1); /* version 1: the host named the compose hash */
    CHECK(ph_dstack_config_id_check(&claims, td.mr_config_id, &why) == PH_OK);
    td.mr_config_id[1] ^= 1;
    CHECK(ph_dstack_config_id_check(&claims, td.mr_config_id, &why) == PH_ERR_UNTRUSTED);
}

TEST(a_firmware_log_replays)
{
    struct ph_tdx_body td;

    need_vectors();
    CHECK(judge("go-tdx-guest-cos113", "ccel.bin", &td) == PH_OK);
    CHECK(claims.kind == PH_EVENT_LOG_CCEL && claims.event_cnt == 43);
    CHECK(match[0] && match[1] && match[2] && match[3]);
    CHECK(claims.recomputed_cnt == 16 && claims.unrecomputable_cnt == 27);
    /* the same log with the registers of another machine */
    struct ph_buf log = ph_test_vector_if("eventlog/go-tdx-guest-cos113/ccel.bin");
    struct ph_rtmrs other;
    registers("dstack-tdx-lite", &other, &td);
    CHECK(ph_event_log_verify(ph_buf_view(&log), &other, &claims, match, &why) == PH_ERR_UNTRUSTED);
    CHECK(why.check == PH_CHECK_RTMR0 && !match[0] && !match[3]);
    ph_buf_clear(&log);
}

TEST(an_edited_payload_is_found_though_the_log_replays)
{
    struct ph_tdx_body td;

    need_vectors();
    CHECK(judge("neg-payload-changed-digest-kept", "event_log.json", &td) == PH_ERR_UNTRUSTED);
    CHECK(why.check == PH_CHECK_EVENT_DIGEST && strstr(why.text, "compose-hash"));
}

TEST(a_dropped_event_is_found_by_its_register)
{
    struct ph_tdx_body td;

    need_vectors();
    CHECK(judge("neg-event-dropped", "event_log.json", &td) == PH_ERR_UNTRUSTED);
    CHECK(why.check == PH_CHECK_RTMR3);
    CHECK(match[0] && match[1] && match[2] && !match[3]);
}

/* Logs without a quote: replayed, and held against themselves with padding and cut short. */
TEST(second_separators_are_refused)
{
    static const struct {
        const char *name;
        uint32_t event;
    } logs[] = {
        {"cos-113-intel-tdx-dupe-separator.bin", 15}, /* made by an attacker */
        {"cos-113-intel-tdx-dupe-separator-unpadded.bin", 15},
        {"CCEL_unpadded.data.bin", 15}, /* old firmware: one separator for each PCR */
        {"event_log.bin", 18},
    };
    need_vectors();
    for (size_t i = 0; i < PH_LEN(logs); i++) {
        struct ph_buf log = ph_test_vector_if("eventlog/ccel/%s", logs[i].name);
        CHECK(log.len > 0);
        CHECK(ph_ccel_replay(ph_buf_view(&log), &claims, &why) == PH_ERR_UNTRUSTED);
        CHECK(why.check == PH_CHECK_EVENT_DUPLICATE && why.event == logs[i].event);
        ph_buf_clear(&log);
    }
}

TEST(every_real_log_is_iterated_to_its_end)
{
    static const struct {
        const char *name;
        uint32_t events;
    } logs[] = {
        {"cos-113-intel-tdx-dupe-separator.bin", 43},
        {"CCEL_unpadded.data.bin", 19},
        {"event_log.bin", 27},
    };
    need_vectors();
    for (size_t i = 0; i < PH_LEN(logs); i++) {
        struct ph_buf log = ph_test_vector_if("eventlog/ccel/%s", logs[i].name);
        struct ph_ccel it;
        struct ph_ccel_event e;
        uint32_t cnt = 0;
        enum ph_err err;
        CHECK(ph_ccel_open(ph_buf_view(&log), &it, &why) == PH_OK);
        while ((err = ph_ccel_next(&it, &e, &why)) == PH_OK)
            CHECK(e.index == cnt++);
        CHECK(err == PH_ERR_CLOSED && cnt == logs[i].events);
        ph_buf_clear(&log);
    }
    /* the ACPI table that points at a log is no log */
    struct ph_buf table = ph_test_vector_if("eventlog/ccel/CCEL.bin");
    CHECK(table.len == 56);
    CHECK(ph_ccel_replay(ph_buf_view(&table), &claims, &why) == PH_ERR_MALFORMED);
    ph_buf_clear(&table);
}

TEST(every_flipped_byte_of_an_event_is_found)
{
    struct ph_tdx_body td;
    struct ph_rtmrs quoted;
    struct ph_buf log;

    need_vectors();
    log = ph_test_vector_if("eventlog/go-tdx-guest-cos113/ccel.bin");
    registers("go-tdx-guest-cos113", &quoted, &td);
    size_t kept = 0;
    for (size_t at = 65; at < log.len; at += 13) { /* after the Spec ID event */
        log.ptr[at] ^= 0x20;
        kept += ph_event_log_verify(ph_buf_view(&log), &quoted, &claims, match, &why) == PH_OK;
        log.ptr[at] ^= 0x20;
    }
    /* only data of the 27 events whose digest covers something else may change unnoticed */
    CHECK(kept * 13 < 8000);
    ph_buf_clear(&log);
}

PH_TEST_MAIN(CASE(dstack_quote_report_replays), CASE(a_stripped_log_of_a_newer_guest_replays),
             CASE(a_firmware_log_replays), CASE(an_edited_payload_is_found_though_the_log_replays),
             CASE(a_dropped_event_is_found_by_its_register), CASE(second_separators_are_refused),
             CASE(every_real_log_is_iterated_to_its_end),
             CASE(every_flipped_byte_of_an_event_is_found))
