/* dstack's documents: each form opens to the same evidence, and nothing that is cut short, doubled
 * or followed by something is read. Real ones: the last cases. */

#include "attest/dstack_doc.h"

#include "attest/evidence.h"
#include "attest/test_dstack.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"

#include <stdlib.h>

static struct ph_json_why why;

/* ---- Writers, by hand ---- */

static void add(struct ph_buf *b, const void *bytes, size_t len)
{
    CHECK(ph_buf_add(b, (struct ph_bytes){bytes, len}) == PH_OK);
}
#define ADD(b, literal) add(b, literal, sizeof(literal) - 1)

/* A quote by its first bytes: what it says is judged elsewhere. */
static struct ph_bytes quote(void)
{
    static uint8_t q[700] = {4, 0, 2, 0, 0x81};
    for (size_t i = 48; i < sizeof(q); i++)
        q[i] = (uint8_t)i;
    return PH_BYTES_OF(q);
}

/* A log with an event of each register in `mask`. */
static struct ph_buf scale(uint8_t platform, unsigned mask)
{
    struct ph_buf b = PH_BUF(65536);
    add(&b, (uint8_t[]){0, platform}, 2);
    scale_bytes(&b, quote());
    if (platform == 0) {
        scale_compact(&b, (size_t)__builtin_popcount(mask));
        for (uint32_t i = 0; i < 4; i++) {
            const uint32_t head[2] = {i, i == 3 ? 0x08000001 : 13};
            if ((mask & 1u << i) == 0)
                continue;
            add(&b, head, sizeof(head));
            scale_bytes(&b, i == 3 ? PH_BYTES_LIT("") : (struct ph_bytes){quote().ptr, 48});
            scale_bytes(&b, PH_BYTES_LIT("a \"name\""));
            scale_bytes(&b, PH_BYTES_LIT("\x01\xff"));
        }
    } else if (platform == 3) {
        scale_compact(&b, 0);
        scale_bytes(&b, PH_BYTES_LIT("{\"version\":3}"));
    }
    scale_compact(&b, 1);
    scale_bytes(&b, PH_BYTES_LIT("app-id"));
    scale_bytes(&b, PH_BYTES_LIT("payload"));
    add(&b, (uint8_t[64]){0}, 64);
    scale_bytes(&b, PH_BYTES_LIT("{}"));
    return b;
}

static void pack_str(struct ph_buf *b, const char *s)
{
    add(b, &(uint8_t){(uint8_t)(0xa0 | strlen(s))}, 1);
    add(b, s, strlen(s));
}

/* Bytes as the writer's library puts them: numbers. */
static void pack_numbers(struct ph_buf *b, struct ph_bytes v)
{
    add(b, (uint8_t[]){0xdc, (uint8_t)(v.len >> 8), (uint8_t)v.len}, 3);
    for (size_t i = 0; i < v.len; i++) {
        if (v.ptr[i] > 0x7f)
            ADD(b, "\xcc");
        add(b, &v.ptr[i], 1);
    }
}

static void pack_event(struct ph_buf *b, uint8_t imr)
{
    ADD(b, "\x86");
    pack_str(b, "imr");
    add(b, &imr, 1);
    pack_str(b, "event_type");
    ADD(b, "\xce\x08\x00\x00\x01");
    pack_str(b, "digest");
    ADD(b, "\xc4\x02\x01\x02");
    pack_str(b, "event");
    pack_str(b, "system-ready");
    pack_str(b, "event_payload");
    ADD(b, "\xc5\x00\x01\x07");
    pack_str(b, "version");
    ADD(b, "\x02");
}

static struct ph_buf pack(const char *kind, const char *name, uint8_t events)
{
    struct ph_buf b = PH_BUF(65536);
    ADD(&b, "\x84");
    pack_str(&b, "version");
    ADD(&b, "\x01");
    pack_str(&b, "platform");
    ADD(&b, "\x82");
    pack_str(&b, "kind");
    pack_str(&b, kind);
    pack_str(&b, "data");
    ADD(&b, "\x82");
    pack_str(&b, name);
    pack_numbers(&b, quote());
    pack_str(&b, "event_log");
    add(&b, &(uint8_t){(uint8_t)(0x90 | events)}, 1);
    for (uint8_t i = 0; i < events; i++)
        pack_event(&b, i);
    pack_str(&b, "stack");
    ADD(&b, "\x82");
    pack_str(&b, "kind");
    pack_str(&b, "dstack");
    pack_str(&b, "data");
    ADD(&b, "\x82");
    pack_str(&b, "runtime_events");
    ADD(&b, "\x93\xc0\xc2\xdf\x00\x00\x00\x01\x05\xcd\x12\x34");
    pack_str(&b, "config");
    pack_str(&b, "{}");
    pack_str(&b, "new");
    ADD(&b, "\xdd\x00\x00\x00\x00");
    return b;
}

/* ---- Reading ---- */

/* What the last document that opened says beside the quote. */
static char config[64], mr_config[64];
static bool rtmr3_alone;

static enum ph_err open_doc(struct ph_bytes bytes, enum ph_evidence_kind kind, bool log)
{
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    const enum ph_err err = ph_dstack_doc_open(bytes, &bundle, &why);

    CHECK((err == PH_OK) == (bundle != NULL));
    if (err != PH_OK)
        return err;
    const struct ph_evidence *e = ph_evidence_view(bundle);
    CHECK((e->kind ? e->kind : PH_EVIDENCE_INTEL) == kind && ph_bytes_equal(e->quote, quote()));
    CHECK((e->event_log.len > 0) == log && e->time_s == 0);
    (void)snprintf(config, sizeof(config), "%.*s", (int)e->vm_config.len,
                   (const char *)e->vm_config.ptr);
    (void)snprintf(mr_config, sizeof(mr_config), "%.*s", (int)e->snp.mr_config.len,
                   (const char *)e->snp.mr_config.ptr);
    rtmr3_alone = e->event_log_rtmr3_alone;
    return PH_OK;
}

/* Whole it opens; cut anywhere, or with one byte more, it does not. */
static void check_bounds(struct ph_buf *b, enum ph_evidence_kind kind, bool log)
{
    if (open_doc(ph_buf_view(b), kind, log) != PH_OK)
        fail_msg("%s", why.text);
    CHECK(strcmp(config, "{}") == 0 && ph_dstack_is_doc(ph_buf_view(b)));
    CHECK(ph_evidence_detect(ph_buf_view(b)) == PH_EVIDENCE_DSTACK);
    for (size_t len = 0; len < b->len; len++)
        CHECK(open_doc((struct ph_bytes){b->ptr, len}, kind, log) == PH_ERR_MALFORMED);
    ADD(b, "\0");
    CHECK(open_doc(ph_buf_view(b), kind, log) == PH_ERR_MALFORMED);
    ph_buf_clear(b);
}

TEST(scale_documents_open_whole_or_not_at_all)
{
    struct ph_buf b = scale(0, 0xf);
    check_bounds(&b, PH_EVIDENCE_INTEL, true);
    b = scale(2, 0);
    check_bounds(&b, PH_EVIDENCE_NITRO, false);
    b = scale(3, 0);
    check_bounds(&b, PH_EVIDENCE_SNP, false);
}

TEST(msgpack_documents_open_whole_or_not_at_all)
{
    struct ph_buf b = pack("tdx", "quote", 4);
    check_bounds(&b, PH_EVIDENCE_INTEL, true);
    b = pack("sev-snp", "report", 0);
    check_bounds(&b, PH_EVIDENCE_SNP, false);
    b = pack("nitro-enclave", "nsm_quote", 0);
    check_bounds(&b, PH_EVIDENCE_NITRO, false);
}

/* Replace `from` by `to`, once. */
static struct ph_buf edited(struct ph_buf b, struct ph_bytes from, struct ph_bytes to)
{
    struct ph_buf out = PH_BUF(65536);
    const uint8_t *at = memmem(b.ptr, b.len, from.ptr, from.len);
    CHECK(at != NULL);
    const size_t before = (size_t)(at - b.ptr);
    add(&out, b.ptr, before);
    CHECK(ph_buf_add(&out, to) == PH_OK);
    add(&out, at + from.len, b.len - before - from.len);
    ph_buf_clear(&b);
    return out;
}

TEST(a_log_that_was_cut_is_one_of_rtmr3_or_none)
{
    for (unsigned mask = 0; mask < 16; mask++) {
        struct ph_buf b = scale(0, mask);
        CHECK(open_doc(ph_buf_view(&b), PH_EVIDENCE_INTEL, mask >= 8) == PH_OK);
        CHECK(rtmr3_alone == (mask >= 8 && mask < 15));
        ph_buf_clear(&b);
    }
    struct ph_buf b = pack("tdx", "quote", 3);
    CHECK(open_doc(ph_buf_view(&b), PH_EVIDENCE_INTEL, false) == PH_OK && !rtmr3_alone);
    ph_buf_clear(&b);
}

TEST(the_configuration_of_a_sev_snp_guest_is_kept)
{
    struct ph_buf b = scale(3, 0);
    CHECK(open_doc(ph_buf_view(&b), PH_EVIDENCE_SNP, false) == PH_OK);
    CHECK(strcmp(mr_config, "{\"version\":3}") == 0);
    ph_buf_clear(&b);
    b = pack("sev-snp", "report", 0);
    struct ph_buf e = edited(b,
                             PH_BYTES_LIT("\xa9"
                                          "event_log\x90"),
                             PH_BYTES_LIT("\xa9"
                                          "mr_config\xa3{7}"));
    CHECK(open_doc(ph_buf_view(&e), PH_EVIDENCE_SNP, false) == PH_OK);
    CHECK(strcmp(mr_config, "{7}") == 0);
    ph_buf_clear(&e);
}

TEST(events_become_dstacks_json)
{
    struct ph_dstack_blob blob = {0};
    struct ph_buf b PH_OWNED(ph_buf_clear) = scale(0, 8);
    CHECK(ph_dstack_blob_open(ph_buf_view(&b), &blob, &why) == PH_OK && !blob.log_whole);
    CHECK(ph_bytes_is(ph_buf_view(&blob.log),
                      "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"\",\"event\":\"a "
                      "\\\"name\\\"\",\"event_payload\":\"01ff\"}]"));
    ph_dstack_blob_clear(&blob);
    struct ph_buf p PH_OWNED(ph_buf_clear) = pack("tdx", "quote", 1);
    CHECK(ph_dstack_blob_open(ph_buf_view(&p), &blob, &why) == PH_OK);
    CHECK(ph_bytes_is(ph_buf_view(&blob.log),
                      "[{\"imr\":0,\"event_type\":134217729,\"digest\":\"0102\",\"event\":"
                      "\"system-ready\",\"event_payload\":\"07\",\"version\":2}]"));
    ph_dstack_blob_clear(&blob);
}

TEST(what_only_a_tpm_makes_whole_is_refused)
{
    for (uint8_t platform = 1; platform < 8; platform += 3) {
        struct ph_buf tpm = scale(platform, 0);
        CHECK(open_doc(ph_buf_view(&tpm), PH_EVIDENCE_INTEL, false) ==
              (platform <= 4 ? PH_ERR_UNSUPPORTED : PH_ERR_MALFORMED));
        ph_buf_clear(&tpm);
    }
    struct ph_buf b PH_OWNED(ph_buf_clear) = pack("gcp-tdx", "quote", 0);
    CHECK(open_doc(ph_buf_view(&b), PH_EVIDENCE_INTEL, false) == PH_ERR_UNSUPPORTED);
}

static void check_edit(struct ph_buf b, struct ph_bytes from, struct ph_bytes to, enum ph_err want)
{
    struct ph_buf e PH_OWNED(ph_buf_clear) = edited(b, from, to);
    CHECK(open_doc(ph_buf_view(&e), PH_EVIDENCE_INTEL, true) == want);
}

TEST(msgpack_members_are_of_their_type_and_come_once)
{
    const struct {
        struct ph_bytes from, to;
        enum ph_err want;
    } edits[] = {
        {PH_BYTES_LIT("version\x01"), PH_BYTES_LIT("version\x02"), PH_ERR_UNSUPPORTED},
        {PH_BYTES_LIT("version\x01"), PH_BYTES_LIT("version\xc0"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("version\x01"), PH_BYTES_LIT("version\xcb"), PH_ERR_UNSUPPORTED},
        {PH_BYTES_LIT("\xa5stack"), PH_BYTES_LIT("\xa5stock"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa3new\xdd"), PH_BYTES_LIT("\xa5stack\xdd"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\x82\xa4kind"), PH_BYTES_LIT("\x81\xa4kind"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa4kind"), PH_BYTES_LIT("\xa4kine"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("config\xa2{}"), PH_BYTES_LIT("config\x02"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("config\xa2{}"), PH_BYTES_LIT("config\xa1\xff"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa5stack\x82\xa4kind"),
         PH_BYTES_LIT("\xa5stack\x82\xa4"
                      "data"),
         PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xae"
                      "runtime_events\x93"),
         PH_BYTES_LIT("\xa6"
                      "config\x93"),
         PH_ERR_MALFORMED},
        {PH_BYTES_LIT("stack\x82"), PH_BYTES_LIT("stack\x92"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa5quote"), PH_BYTES_LIT("\xa6report"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa9"
                      "event_log"),
         PH_BYTES_LIT("\xa5quote"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xcc\x81"), PH_BYTES_LIT("\xcd\x01\x00"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa3imr"), PH_BYTES_LIT("\xa3mir"), PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa5"
                      "event\xac"),
         PH_BYTES_LIT("\xa5"
                      "eventx\xac"),
         PH_ERR_MALFORMED},
        {PH_BYTES_LIT("\xa7version\x02\x86"), PH_BYTES_LIT("\xa3imr\x02\x86"), PH_ERR_MALFORMED},
    };
    for (size_t i = 0; i < PH_LEN(edits); i++)
        check_edit(pack("tdx", "quote", 4), edits[i].from, edits[i].to, edits[i].want);
}

TEST(what_is_nested_too_deep_is_refused)
{
    struct ph_buf deep = PH_BUF(65536), b = pack("tdx", "quote", 4);
    for (int i = 0; i < 40; i++)
        ADD(&deep, "\x91");
    ADD(&deep, "\x00");
    check_edit(b, PH_BYTES_LIT("\xdd\0\0\0\0"), ph_buf_view(&deep), PH_ERR_LIMIT);
    ph_buf_clear(&deep);
}

TEST(scale_lengths_are_in_their_shortest_form)
{
    static const uint8_t tail[] = {8, '{', '}'}; /* the configuration */
    for (int mode = 1; mode < 4; mode++) {
        struct ph_buf b = scale(0, 0xf);
        CHECK(memcmp(b.ptr + b.len - 3, tail, 3) == 0);
        b.len -= 3;
        add(&b, (uint8_t[]){(uint8_t)(8 | mode), 0, 0, 0}, mode == 1 ? 2 : 4);
        ADD(&b, "{}");
        CHECK(open_doc(ph_buf_view(&b), PH_EVIDENCE_INTEL, true) ==
              (mode == 3 ? PH_ERR_LIMIT : PH_ERR_MALFORMED));
        ph_buf_clear(&b);
    }
}

/* JSON around hex digits of `bytes`. */
static struct ph_buf json(const char *before, struct ph_bytes bytes, const char *after)
{
    struct ph_buf b = PH_BUF(65536);
    char *hex = malloc(2 * bytes.len + 1);
    CHECK(hex != NULL);
    ph_hex_encode(bytes, hex);
    CHECK(ph_buf_addf(&b, "%s%s%s", before, hex, after) == PH_OK);
    free(hex);
    return b;
}

static void check_json(struct ph_buf b, bool log, enum ph_err want)
{
    const enum ph_err err = open_doc(ph_buf_view(&b), PH_EVIDENCE_INTEL, log);
    if (err != want)
        fail_msg("%s: %s", ph_err_name(err), why.text);
    CHECK(want != PH_OK || ph_evidence_detect(ph_buf_view(&b)) == PH_EVIDENCE_DSTACK);
    ph_buf_clear(&b);
}

TEST(json_carries_a_quote_or_a_document)
{
    struct ph_buf blob PH_OWNED(ph_buf_clear) = scale(0, 0xf);
    struct ph_buf b = PH_BUF(65536);

    check_json(json("{\"quote\":\"", quote(), "\"}"), false, PH_OK);
    check_json(json(" {\"attestation\":null,\"quote\":\"0x", quote(), "\",\"event_log\":\"\"}"),
               false, PH_ERR_MALFORMED);
    check_json(json("{\"quote\":\"", quote(), "\",\"event_log\":\"[{\\\"a\\\":1}]\",\"x\":[]}"),
               true, PH_OK);
    check_json(json("{\"event_log\":[{\"a\":1}],\"quote\":\"", quote(), "\"}"), true, PH_OK);
    check_json(json("{\"event_log\":\"AAEC\",\"quote\":\"", quote(), "\"}"), true, PH_OK);
    check_json(json("{\"quote\":\"0", quote(), "\"}"), false, PH_ERR_MALFORMED);
    check_json(json("{\"quote\":\"", (struct ph_bytes){0}, "\"}"), false, PH_ERR_MALFORMED);
    check_json(json("{\"quote\":\"0x", (struct ph_bytes){0}, "\"}"), false, PH_ERR_MALFORMED);
    check_json(json("[\"", quote(), "\"]"), false, PH_ERR_MALFORMED);
    check_json(json("{\"attestation\":\"", ph_buf_view(&blob), "\",\"quote\":\"\"}"), true, PH_OK);
    check_json(json("{\"attestation\":\"", ph_buf_view(&blob), "00\"}"), true, PH_ERR_MALFORMED);
    check_json(json("{\"attestation\":\"-", ph_buf_view(&blob), "\"}"), true, PH_ERR_MALFORMED);
    CHECK(ph_buf_add_str(&b, "{\"attestation\":\"") == PH_OK);
    CHECK(ph_base64_encode(ph_buf_view(&blob), &b) == PH_OK);
    CHECK(ph_buf_add_str(&b, "\"}") == PH_OK);
    check_json(b, true, PH_OK);
}

TEST(what_the_host_says_of_the_machine_is_kept_as_it_is)
{
    static const struct {
        const char *after, *want;
    } cases[] = {
        {"\"}", ""},
        {"\",\"vm_config\":null}", ""},
        {"\",\"vm_config\":\"\"}", ""},
        {"\",\"vm_config\":\"{\\\"a\\\": 1}\"}", "{\"a\": 1}"},
        {"\",\"vm_config\":{\"a\": [1]}}", "{\"a\": [1]}"},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        check_json(json("{\"quote\":\"", quote(), cases[i].after), false, PH_OK);
        CHECK(strcmp(config, cases[i].want) == 0);
    }
    check_json(json("{\"quote\":\"", quote(), "\",\"vm_config\":7}"), false, PH_ERR_MALFORMED);
    check_json(json("{\"quote\":\"", quote(), "\",\"attestation\":7}"), false, PH_ERR_MALFORMED);

    /* Beside an attestation it is that one's own which counts. */
    struct ph_buf blob PH_OWNED(ph_buf_clear) = scale(0, 0xf);
    check_json(
        json("{\"vm_config\":\"{\\\"a\\\":1}\",\"attestation\":\"", ph_buf_view(&blob), "\"}"),
        true, PH_OK);
    CHECK(strcmp(config, "{}") == 0);

    static char long_text[65536 + 64];
    for (int over = 0; over < 2; over++) {
        const int n = snprintf(long_text, sizeof(long_text), "\",\"vm_config\":\"");
        memset(long_text + n, ' ', 65536 + (size_t)over);
        (void)snprintf(long_text + n + 65536 + over, 4, "\"}");
        struct ph_buf b PH_OWNED(ph_buf_clear) = PH_BUF(1 << 18);
        struct ph_buf start PH_OWNED(ph_buf_clear) = json("{\"quote\":\"", quote(), "");
        CHECK(ph_buf_add(&b, ph_buf_view(&start)) == PH_OK);
        CHECK(ph_buf_add_str(&b, long_text) == PH_OK);
        CHECK((open_doc(ph_buf_view(&b), PH_EVIDENCE_INTEL, false) == PH_OK) == !over);
    }
}

TEST(bundles_are_not_taken_for_documents)
{
    CHECK(!ph_dstack_is_doc(PH_BYTES_LIT("{\"format\":\"x\",\"quote\":\"00\"}")));
    CHECK(!ph_dstack_is_doc(PH_BYTES_LIT("{\"quote\":5}")));
    CHECK(!ph_dstack_is_doc(PH_BYTES_LIT("{\"quote\":\"00\"")));
    CHECK(!ph_dstack_is_doc(PH_BYTES_LIT("")) && !ph_dstack_is_doc(PH_BYTES_LIT("\x84")));
    CHECK(!ph_dstack_is_doc(quote()) && !ph_dstack_is_doc(PH_BYTES_LIT("\0\0\0\0\0\0\0\0")));
}

TEST(a_real_answer_of_a_guest)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = ph_test_vector("dstack/quote-report.json");
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    CHECK(ph_evidence_open(ph_buf_view(&doc), &bundle, &why) == PH_OK);
    const struct ph_evidence *e = ph_evidence_view(bundle);
    CHECK(ph_evidence_quote_kind(e) == PH_EVIDENCE_INTEL && e->event_log.len > 1000);
}

TEST(a_real_document_of_a_nitro_enclave)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = ph_test_vector("nitro/nitro_attestation.bin");
    struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
    if (ph_evidence_open(ph_buf_view(&doc), &bundle, &why) != PH_OK)
        fail_msg("%s", why.text);
    CHECK(ph_evidence_quote_kind(ph_evidence_view(bundle)) == PH_EVIDENCE_NITRO);
}

PH_TEST_MAIN(CASE(scale_documents_open_whole_or_not_at_all),
             CASE(msgpack_documents_open_whole_or_not_at_all),
             CASE(a_log_that_was_cut_is_one_of_rtmr3_or_none),
             CASE(the_configuration_of_a_sev_snp_guest_is_kept), CASE(events_become_dstacks_json),
             CASE(what_only_a_tpm_makes_whole_is_refused),
             CASE(msgpack_members_are_of_their_type_and_come_once),
             CASE(what_is_nested_too_deep_is_refused),
             CASE(scale_lengths_are_in_their_shortest_form),
             CASE(json_carries_a_quote_or_a_document),
             CASE(what_the_host_says_of_the_machine_is_kept_as_it_is),
             CASE(bundles_are_not_taken_for_documents), CASE(a_real_answer_of_a_guest),
             CASE(a_real_document_of_a_nitro_enclave))
