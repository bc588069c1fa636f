/* The two verifiers that a worker offers, on requests as clients send them. Real requests of
 * dstack's clients come from the vectors, and skip without them. */

#include "node/verify_judge.h"

#include "attest/eventlog/runtime_log.h"
#include "attest/eventlog/test_lite.h"
#include "attest/synth/synth_world.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"
#include "codec/json.h"

#include <stdlib.h>

#define H20 "1111111111111111111111111111111111111111"
#define H32 "2222222222222222222222222222222222222222222222222222222222222222"
#define EVENT(name, payload)                                                                       \
    "{'imr':3,'event_type':134217729,'digest':'','event':'" name "','event_payload':'" payload "'" \
    "}"
#define PROVIDER "7b226e616d65223a226b6d73222c226964223a2261626364227d" /* kms, abcd */
#define BOOT                                                                                       \
    EVENT("app-id", H20)                                                                           \
    "," EVENT("compose-hash", H32) "," EVENT("boot-mr-done", "") "," EVENT("key-provider", PROVIDER)
/* Single quotes stand for double ones. */
static const char boot_log[] = "[" BOOT "]";

/* What stands for the worker's collateral, and the request and answer of a case. */
static struct ph_collateral *kept;
static char asked_for[PH_COLLATERAL_NAME_LEN];
static struct ph_attest_roots roots;
static struct ph_os_images *images;
static bool is_lite; /* the guest is that of attest/eventlog/test_lite.h */
static struct ph_verify_answer answer;
static json_t *doc;
static char body[256 * 1024];

static enum ph_err find(void *ctx, const struct ph_collateral_key *key, struct ph_collateral **out,
                        struct ph_json_why *why)
{
    (void)ctx;
    ph_collateral_key_name(key, asked_for);
    if (!kept) {
        (void)snprintf(why->text, sizeof(why->text), "no collateral %s", asked_for);
        return PH_ERR_NOT_FOUND;
    }
    (void)snprintf(why->text, sizeof(why->text), "means nothing where it was found");
    *out = PH_TAKE(kept);
    return PH_OK;
}

static void forget_kept(void)
{
    ph_collateral_free(kept);
    kept = NULL;
}

static void quotes(char *text)
{
    for (; *text; text++)
        *text = *text == '\'' ? '"' : *text;
}

typedef void verify_fn(const struct ph_verify_env *, struct ph_bytes, struct ph_verify_answer *);

/* Ask, read the answer, forget the one before. */
static uint16_t ask_at(verify_fn *verify, struct ph_bytes request, int64_t now_s)
{
    const struct ph_verify_env env = {
        .now_s = now_s, .roots = &roots, .images = images, .find = find};
    struct ph_json_why why;

    json_decref(doc);
    doc = NULL;
    ph_buf_clear(&answer.body);
    verify(&env, request, &answer);
    CHECK(ph_json_load(ph_buf_view(&answer.body), 1 << 20, &doc, &why) == PH_OK);
    return answer.status;
}

static uint16_t ask(verify_fn *verify, const char *request)
{
    return ask_at(verify, ph_bytes_str(request), WORLD_NOW);
}

static void done(void)
{
    json_decref(doc);
    doc = NULL;
    ph_buf_clear(&answer.body);
    forget_kept();
}

static const json_t *at(const char *a, const char *b)
{
    const json_t *in = json_object_get(doc, a);
    return b ? json_object_get(in, b) : in;
}

static bool is(const char *a, const char *b, const char *text)
{
    const char *got = json_string_value(at(a, b));
    if (!got || strcmp(got, text) != 0)
        print_message("# %s %s: %s\n", a, b ? b : "", got ? got : "(none)");
    return got && strcmp(got, text) == 0;
}

static bool says(const char *part)
{
    const char *reason = json_string_value(json_object_get(doc, "reason"));
    if (!reason || !strstr(reason, part))
        print_message("# %s\n", reason ? reason : "(no reason)");
    return reason && strstr(reason, part);
}

/* A request to /verify for a synthetic TD that booted `log`; its collateral is kept. */
static void td_that_booted(const char *log, const char *shown)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_event_claims claims;
    struct ph_event_why why;
    struct world w;
    char text[8192];

    forget_kept();
    (void)snprintf(text, sizeof(text), "%s", log);
    quotes(text);
    world_init(&w);
    CHECK(ph_runtime_log_replay(ph_bytes_str(text), &claims, &why) == PH_OK);
    memcpy(w.td.rtmr3, claims.rtmrs.r[3], 48);
    if (is_lite) {
        memset(w.td.mr_td, 5, 48);
        CHECK(ph_hex_decode(PH_BYTES_LIT(LITE_RTMR0), w.td.rtmr0, 48) == PH_OK);
        CHECK(ph_hex_decode(PH_BYTES_LIT(LITE_RTMR1), w.td.rtmr1, 48) == PH_OK);
        CHECK(ph_hex_decode(PH_BYTES_LIT(LITE_RTMR2), w.td.rtmr2, 48) == PH_OK);
    }
    world_make(&w, &kept, &quote, &roots);

    char *hex = malloc(2 * quote.len + 1);
    CHECK(hex);
    ph_hex_encode(ph_buf_view(&quote), hex);
    (void)snprintf(text, sizeof(text), "%s", shown);
    quotes(text);
    (void)snprintf(body, sizeof(body),
                   "{\"quote\":\"%s\",\"event_log\":%s,\"vm_config\":\"{}\",\"attestation\":null}",
                   hex, text);
    free(hex);
}

TEST(a_genuine_guest_is_described_and_never_called_valid_without_its_image)
{
    td_that_booted(boot_log, boot_log);
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(json_is_true(at("details", "event_log_verified")));
    CHECK(json_is_false(at("details", "os_image_hash_verified")));
    CHECK(json_is_false(at("details", "acpi_tables_verified")));
    CHECK(json_is_null(at("details", "os_image_is_dev")));
    CHECK(json_is_false(at("is_valid", NULL)) && says("OS image not verified"));
    CHECK(is("details", "tee_variant", "dstack-tdx") && is("details", "tcb_status", "UpToDate"));
    CHECK(json_array_size(at("details", "advisory_ids")) == 0);
    CHECK(strlen(json_string_value(at("details", "report_data"))) == 128);
    const json_t *app = at("details", "app_info"), *boot = at("details", "boot_info");
    CHECK(strcmp(json_string_value(json_object_get(app, "app_id")), H20) == 0);
    CHECK(strcmp(json_string_value(json_object_get(boot, "composeHash")), H32) == 0);
    CHECK(strcmp(json_string_value(json_object_get(app, "instance_id")), "") == 0);
    CHECK(strlen(json_string_value(json_object_get(app, "mr_aggregated"))) == 64);
    CHECK(strcmp(json_string_value(json_object_get(boot, "tcbStatus")), "UpToDate") == 0);
    const json_t *provider = at("details", "key_provider");
    CHECK(strcmp(json_string_value(json_object_get(provider, "name")), "kms") == 0);
    CHECK(strcmp(json_string_value(json_object_get(provider, "id")), "abcd") == 0);
    done();
}

/* The same guest, once its image is on the operator's list. */
TEST(a_guest_whose_image_the_operator_measured_is_valid)
{
    static const char *const rtmr0[] = {"00", "01"}; /* as measured, and of another VM */
    char list[2048], zeros[97], vm_config[256];
    struct world w;
    char mr_td[97];
    struct ph_json_why why;

    memset(zeros, '0', 96);
    zeros[96] = '\0';
    world_init(&w);
    ph_hex_encode(PH_BYTES_OF(w.td.mr_td), mr_td);
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(list, sizeof(list),
                       "{\"images\":[{\"os_image_hash\":\"" H32 "\",\"mr_td\":\"%s\","
                       "\"rtmr0\":\"%s%.94s\",\"rtmr1\":\"%s\",\"rtmr2\":\"%s\","
                       "\"version\":\"0.5.4\",\"is_dev\":false}]}",
                       mr_td, rtmr0[i == 1], zeros, zeros, zeros);
        CHECK(ph_os_images_parse(ph_bytes_str(list), &images, &why) == PH_OK);
        td_that_booted(boot_log, boot_log);
        (void)snprintf(vm_config, sizeof(vm_config), "\"vm_config\":{\"os_image_hash\":\"%s\"}",
                       i == 2 ? zeros + 32 : H32);
        char *at_config = strstr(body, "\"vm_config\":\"{}\"");
        CHECK(at_config);
        (void)snprintf(at_config, sizeof(body) - (size_t)(at_config - body), "%s}", vm_config);
        CHECK(ask(ph_verify_dstack, body) == 200);
        CHECK(json_is_true(at("details", "event_log_verified")));
        CHECK(json_is_true(at("is_valid", NULL)) == (i == 0));
        CHECK(json_is_true(at("details", "os_image_hash_verified")) == (i == 0));
        CHECK(json_is_true(at("details", "acpi_tables_verified")) == (i == 0));
        CHECK(json_is_null(at("reason", NULL)) == (i == 0));
        CHECK(i != 0 || (is("details", "os_image_version", "0.5.4") &&
                         json_is_false(at("details", "os_image_is_dev"))));
        CHECK(i == 0 || says("knows no image"));
        ph_os_images_free(images);
        images = NULL;
    }
    static const char *const wrong[] = {"7", "\"x\"", "\"{\\\"os_image_hash\\\":\\\"00\\\"}\""};
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        char request[256];
        (void)snprintf(request, sizeof(request),
                       "{\"quote\":\"00\",\"event_log\":\"[]\",\"vm_config\":%s}", wrong[i]);
        CHECK(ask(ph_verify_dstack, request) == 400 && is("error", "code", "bad-request"));
    }
    done();
}

TEST(a_log_of_another_guest_describes_nothing)
{
    td_that_booted(boot_log, "[" EVENT("app-id", H20) "]");
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(json_is_false(at("details", "event_log_verified")) && says("rtmr3-mismatch"));
    CHECK(json_is_null(at("details", "app_info")) && json_is_null(at("details", "key_provider")));
    CHECK(!at("details", "boot_info") && json_is_false(at("is_valid", NULL)));
    done();
}

TEST(a_quote_that_is_not_proved_describes_nothing)
{
    static const struct ph_attest_roots nobody;

    td_that_booted(boot_log, boot_log);
    forget_kept();
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_false(at("details", "quote_verified")) && says("no collateral tdx-"));
    CHECK(says(asked_for) && json_is_null(at("details", "tcb_status")));
    CHECK(json_is_null(at("details", "report_data")) && json_is_null(at("details", "app_info")));

    td_that_booted(boot_log, boot_log);
    roots = nobody;
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_false(at("details", "quote_verified")) && says("root-untrusted"));
    CHECK(json_is_false(at("details", "event_log_verified")));
    CHECK(json_is_null(at("details", "tcb_status")));

    CHECK(ask(ph_verify_dstack, "{\"quote\":\"00\",\"event_log\":\"[]\"}") == 200);
    CHECK(json_is_false(at("is_valid", NULL)) && says("of no known kind"));
    done();
}

/* SCALE: a length and bytes; a number of four bytes. */
static void scale_bytes(struct ph_buf *b, struct ph_bytes v)
{
    const uint32_t head = (uint32_t)v.len << 2 | (v.len < 64 ? 0 : v.len < 1 << 14 ? 1 : 2);

    CHECK(ph_buf_add(b, (struct ph_bytes){(const uint8_t *)&head, v.len < 64        ? 1
                                                                  : v.len < 1 << 14 ? 2
                                                                                    : 4}) == PH_OK);
    CHECK(ph_buf_add(b, v) == PH_OK);
}

static void scale_event(struct ph_buf *b, uint32_t imr, uint32_t type, struct ph_bytes digest,
                        const char *name, const char *payload_hex)
{
    const uint32_t head[] = {imr, type};
    uint8_t payload[64];
    const size_t len = strlen(payload_hex) / 2;

    CHECK(ph_buf_add(b, PH_BYTES_OF(head)) == PH_OK);
    scale_bytes(b, digest); /* empty: left out, as those of runtime events are */
    scale_bytes(b, ph_bytes_str(name));
    CHECK(ph_hex_decode(ph_bytes_str(payload_hex), payload, len) == PH_OK);
    scale_bytes(b, (struct ph_bytes){payload, len});
}

/* An attestation, version 0, of platform TDX: the events of boot_log, and in other registers what
 * extends nothing, so that the log shows them too; or cut, to those and the ACPI tables. */
static void scale_tdx(struct ph_buf *b, struct ph_bytes quote, bool whole, const char *config)
{
    static const uint8_t zeros[64], head[] = {0, 0};
    static const char *const acpi[] = {"acpi-loader", "acpi-rsdp", "acpi-tables"};
    const uint8_t cnt[] = {7 << 2}, none[] = {0};

    CHECK(ph_buf_add(b, PH_BYTES_OF(head)) == PH_OK);
    scale_bytes(b, quote);
    CHECK(ph_buf_add(b, PH_BYTES_OF(cnt)) == PH_OK);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t digest[48];
        memset(digest, (int)(0xa0 + i), sizeof(digest));
        if (whole)
            scale_event(b, i, 3, PH_BYTES_LIT(""), "", "");
        else
            scale_event(b, 0, 10, PH_BYTES_OF(digest), acpi[i], "414350492044415441");
    }
    scale_event(b, 3, PH_RUNTIME_EVENT_TYPE, PH_BYTES_LIT(""), "app-id", H20);
    scale_event(b, 3, PH_RUNTIME_EVENT_TYPE, PH_BYTES_LIT(""), "compose-hash", H32);
    scale_event(b, 3, PH_RUNTIME_EVENT_TYPE, PH_BYTES_LIT(""), "boot-mr-done", "");
    scale_event(b, 3, PH_RUNTIME_EVENT_TYPE, PH_BYTES_LIT(""), "key-provider", PROVIDER);
    CHECK(ph_buf_add(b, PH_BYTES_OF(none)) == PH_OK);
    CHECK(ph_buf_add(b, PH_BYTES_OF(zeros)) == PH_OK);
    scale_bytes(b, ph_bytes_str(config));
}

/* Puts the quote of the body that td_that_booted wrote into an attestation. */
static void as_attestation(bool whole, bool base64, const char *config)
{
    struct ph_buf b PH_OWNED(ph_buf_clear) = PH_BUF(1 << 18), text = PH_BUF(1 << 18);
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    const char *hex = strstr(body, "\"quote\":\"") + 9;
    const size_t len = strcspn(hex, "\"") / 2;
    uint8_t *at_quote;

    CHECK(ph_buf_reserve(&quote, len, &at_quote) == PH_OK);
    CHECK(ph_hex_decode((struct ph_bytes){(const uint8_t *)hex, 2 * len}, at_quote, len) == PH_OK);
    quote.len = len;
    scale_tdx(&b, ph_buf_view(&quote), whole, config);
    if (base64) {
        CHECK(ph_base64_encode(ph_buf_view(&b), &text) == PH_OK);
        (void)snprintf(body, sizeof(body), "{\"attestation\":\"%.*s\",\"quote\":null}",
                       (int)text.len, (const char *)text.ptr);
    } else {
        char *digits = malloc(2 * b.len + 1);
        CHECK(digits);
        ph_hex_encode(ph_buf_view(&b), digits);
        (void)snprintf(body, sizeof(body), "{\"attestation\":\"%s\"}", digits);
        free(digits);
    }
    ph_buf_clear(&text);
}

TEST(an_attestation_is_judged_like_what_is_inside)
{
    char list[2048], mr_td[97], zeros[97];
    struct ph_json_why why;
    struct world w;

    memset(zeros, '0', 96);
    zeros[96] = '\0';
    world_init(&w);
    ph_hex_encode(PH_BYTES_OF(w.td.mr_td), mr_td);
    (void)snprintf(list, sizeof(list),
                   "{\"images\":[{\"os_image_hash\":\"" H32 "\",\"mr_td\":\"%s\",\"rtmr0\":\"%s\","
                   "\"rtmr1\":\"%s\",\"rtmr2\":\"%s\"}]}",
                   mr_td, zeros, zeros, zeros);
    CHECK(ph_os_images_parse(ph_bytes_str(list), &images, &why) == PH_OK);
    for (int base64 = 0; base64 < 2; base64++) {
        td_that_booted(boot_log, boot_log);
        as_attestation(true, base64, "{\"os_image_hash\":\"" H32 "\"}");
        CHECK(ask(ph_verify_dstack, body) == 200);
        CHECK(json_is_true(at("is_valid", NULL)) && json_is_null(at("reason", NULL)));
        CHECK(json_is_true(at("details", "event_log_verified")));
        CHECK(is("details", "tee_variant", "dstack-tdx"));
        const json_t *app = at("details", "app_info");
        CHECK(strcmp(json_string_value(json_object_get(app, "app_id")), H20) == 0);
    }

    td_that_booted(boot_log, boot_log);
    as_attestation(true, false, ""); /* names no image */
    CHECK(ask(ph_verify_dstack, body) == 200 && says("names no os_image_hash"));
    td_that_booted(boot_log, boot_log);
    as_attestation(true, false, "{");
    CHECK(ask(ph_verify_dstack, body) == 400);
    td_that_booted(boot_log, boot_log);
    as_attestation(false, true, "{\"os_image_hash\":\"" H32 "\"}"); /* cut for size */
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_true(at("details", "event_log_verified")) && json_is_true(at("is_valid", NULL)));
    td_that_booted("[]", "[]"); /* of another guest */
    as_attestation(false, false, "{}");
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(json_is_false(at("details", "event_log_verified")) && says("rtmr3-mismatch"));
    ph_os_images_free(images);
    images = NULL;
    done();
}

TEST(what_is_no_request_is_refused)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"quote\":\"00\"}",
        "{\"quote\":\"0\",\"event_log\":\"[]\"}",
        "{\"quote\":\"0x\",\"event_log\":\"[]\"}",
        "{\"quote\":7,\"event_log\":\"[]\"}",
        "{\"quote\":\"zz\",\"event_log\":\"[]\"}",
        "{\"attestation\":\"00\",\"quote\":null}",
        "{\"attestation\":\"000400\"}", /* of a platform with a TPM */
        "{\"attestation\":7,\"quote\":\"00\",\"event_log\":\"[]\"}",
        "{\"attestation\":\"\"}",
        "{\"attestation\":null}",
        "{\"quote\":\"00\",\"event_log\":7}",
        "{\"quote\":\"00\",\"event_log\":\"\"}",
        "{\"quote\":\"00\",\"event_log\":null}",
        "{\"quote\":\"00\",\"event_log\":\"[]\",\"other\":1}",
        "{\"quote\":\"00\",\"quote\":\"00\",\"event_log\":\"[]\"}",
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        CHECK(ask(ph_verify_dstack, wrong[i]) == 400);
        CHECK(is("error", "code", "bad-request"));
    }
    done();
}

/* A synthetic bundle from the fuzzer's corpus: judged at its own time, its root is nobody's. */
static void bundle_request(const char *rest)
{
    FILE *f = fopen("src/attest/evidence_bundle_corpus/tdx4", "rb");
    CHECK(f);
    size_t n = (size_t)snprintf(body, sizeof(body), "{\"evidence\":");
    n += fread(body + n, 1, sizeof(body) - n - 1, f);
    (void)fclose(f);
    (void)snprintf(body + n, sizeof(body) - n, "%s}", rest);
}

/* The header of a TDX quote, version 4, and no more. */
#define QUOTE_START "BAACAIEAAAAAAAAAk5pyM/ecTKmUCg2zlX8GBwAAAAAAAAAAAAAAAAAAAAAAAAAA"

TEST(evidence_is_judged_when_and_how_the_request_says)
{
    static const struct ph_attest_roots nobody;

    roots = nobody;
    bundle_request("");
    CHECK(ask(ph_verify_evidence, body) == 200);
    CHECK(is("verdict", NULL, "rejected") && is("judged_at_from", NULL, "clock"));
    CHECK(is("judged_at", NULL, "2025-06-15T15:06:40Z") && is("collateral_from", NULL, "evidence"));
    bundle_request(",\"at\":\"bundle\"");
    CHECK(ask(ph_verify_evidence, body) == 200);
    CHECK(is("reason", NULL, "root-untrusted") && is("judged_at_from", NULL, "bundle"));
    bundle_request(",\"at\":\"2020-01-01T00:00:00Z\"");
    CHECK(ask(ph_verify_evidence, body) == 200);
    CHECK(is("reason", NULL, "pck-not-yet-valid") && is("judged_at_from", NULL, "request"));
    bundle_request(",\"collateral\":{}");
    CHECK(ask(ph_verify_evidence, body) == 200);
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
        CHECK(ask(ph_verify_evidence, body) == 400 && is("error", "code", wrong[i].code));
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

/* A real one, out of what dstack keeps it in. */
TEST(other_makers_documents_are_judged_too)
{
    struct ph_buf nitro PH_OWNED(ph_buf_clear) = ph_test_vector_if("nitro/nitro_attestation.bin");
    const int64_t then = 1766678716; /* 2025-12-25T16:05:16Z */

    if (nitro.len == 0)
        SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
    roots = ph_attest_roots_production();
    char *digits = malloc(2 * nitro.len + 1);
    CHECK(digits);
    ph_hex_encode(ph_buf_view(&nitro), digits);
    (void)snprintf(body, sizeof(body), "{\"attestation\":\"%s\"}", digits);
    free(digits);
    CHECK(ask_at(ph_verify_dstack, ph_bytes_str(body), then) == 200);
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(is("details", "tee_variant", "dstack-nitro-enclave"));
    CHECK(json_is_null(at("details", "tcb_status")) && json_is_null(at("details", "app_info")));
    CHECK(json_is_false(at("is_valid", NULL)) && says("only a TD"));
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
        world_make(&w, &kept, &quote, &roots);
        CHECK(ph_base64_encode(ph_buf_view(&quote), &b64) == PH_OK);
        if (round == 1)
            w.expected[0] ^= 1;
        ph_hex_encode(PH_BYTES_OF(w.expected), report_data);
        if (round == 2)
            (void)snprintf(log, sizeof(log), "[]");
        (void)snprintf(body, sizeof(body),
                       "{\"evidence\":\"%.*s\",\"report_data\":\"%s\",\"event_log\":%s,"
                       "\"policy\":{\"statuses\":[\"UpToDate\"],\"measurements\":%s}}",
                       (int)b64.len, (const char *)b64.ptr, report_data, log,
                       round == 3 ? "{\"tdx\":[{\"mr_td\":\"" H32 "22222222222222222222222222222222"
                                    "\"}]}"
                                  : "\"any\"");
        CHECK(ask(ph_verify_evidence, body) == 200 && is("collateral_from", NULL, "worker"));
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
        world_make(&w, &kept, &quote, &roots);
        const struct ph_evidence evidence = {.quote = ph_buf_view(&quote),
                                             .event_log = ph_bytes_str(in_bundle),
                                             .time_s = WORLD_NOW};
        CHECK(ph_evidence_encode(&evidence, &bundle) == PH_OK);
        (void)snprintf(body, sizeof(body), "{\"evidence\":%.*s,\"at\":\"bundle\"%s}",
                       (int)bundle.len, (const char *)bundle.ptr, in_request);
        CHECK(ask(ph_verify_evidence, body) == 200 && is("reason", NULL, cases[i].reason));
        CHECK(is("collateral_from", NULL, "worker"));
        CHECK((at("claims", "event_log") != NULL) ==
              (cases[i].in_bundle && strcmp(cases[i].reason, "accepted") == 0));
    }
    done();
}

/* Collateral of a set of the vectors. */
static void keep_set(const char *set)
{
    static const char *const names[] = {
        "tcb_info.signed.json",  "tcb_info_chain.pem", "qe_identity.signed.json",
        "qe_identity_chain.pem", "pck_crl.der",        "root_ca_crl.der"};
    struct ph_buf files[PH_LEN(names)];
    struct ph_json_why why;

    for (size_t i = 0; i < PH_LEN(names); i++) {
        files[i] = ph_test_vector_if("intel/%s/%s", set, names[i]);
    }
    const struct ph_collateral_parts parts = {
        .tcb_info_json = ph_buf_view(&files[0]),
        .tcb_info_chain_pem = ph_buf_view(&files[1]),
        .qe_identity_json = ph_buf_view(&files[2]),
        .qe_identity_chain_pem = ph_buf_view(&files[3]),
        .pck_crl = ph_buf_view(&files[4]),
        .root_ca_crl = ph_buf_view(&files[5]),
    };
    forget_kept();
    CHECK(ph_collateral_parse(&parts, &kept, &why) == PH_OK);
    for (size_t i = 0; i < PH_LEN(names); i++)
        ph_buf_clear(&files[i]);
}

/* TDX lite: the image follows from what the host measured of it, and its ACPI tables do not. */
TEST(a_guest_that_was_launched_without_its_image_is_valid)
{
    is_lite = true;
    td_that_booted(boot_log, boot_log);
    as_attestation(false, true, LITE_VM_CONFIG);
    CHECK(ask(ph_verify_dstack, body) == 200);
    if (!json_is_true(at("is_valid", NULL)))
        fail_msg("%s", json_string_value(at("reason", NULL)));
    CHECK(json_is_null(at("reason", NULL)));
    CHECK(json_is_true(at("details", "os_image_hash_verified")));
    CHECK(json_is_false(at("details", "acpi_tables_verified")));
    CHECK(json_is_null(at("details", "os_image_version")));
    const json_t *app = at("details", "app_info");
    CHECK(strcmp(json_string_value(json_object_get(app, "os_image_hash")), LITE_IMAGE_HASH) == 0);
    is_lite = false; /* another guest, of the same host */
    td_that_booted(boot_log, boot_log);
    as_attestation(false, true, LITE_VM_CONFIG);
    CHECK(ask(ph_verify_dstack, body) == 200);
    CHECK(json_is_false(at("is_valid", NULL)) && says("os-image-mismatch"));
    CHECK(json_is_false(at("details", "event_log_verified")));
    done();
}

TEST(a_real_request_of_a_dstack_client_is_answered)
{
    struct ph_buf request PH_OWNED(ph_buf_clear) = ph_test_vector_if("dstack/quote-report.json");
    const int64_t march_2026 = 1772323200; /* 2026-03-01T00:00:00Z: when the collateral holds */

    if (request.len == 0)
        SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
    roots = ph_attest_roots_production();
    keep_set("dcapqvl-tdx5-outdated"); /* of the same platform family */
    CHECK(ask_at(ph_verify_dstack, ph_buf_view(&request), march_2026) == 200);
    CHECK(strcmp(asked_for, "tdx-90c06f000000-platform") == 0);

    CHECK(says("OS image not verified"));
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(json_is_true(at("details", "event_log_verified")));
    const json_t *app = at("details", "app_info");
    CHECK(strcmp(json_string_value(json_object_get(app, "app_id")),
                 "3763bc34552cf3a27ff71ad5f7a90471562a1a2d") == 0);
    CHECK(strcmp(json_string_value(json_object_get(app, "rtmr3")),
                 "0f787c3877f3e95095d5a4d13dd0fe0233803b30120d8469866719dc28f519ce"
                 "021fe1e53459121e7a5a4443147185a8") == 0);
    const json_t *provider = at("details", "key_provider");
    CHECK(strcmp(json_string_value(json_object_get(provider, "name")), "local-sgx") == 0);
    CHECK(strncmp(json_string_value(at("details", "report_data")), "12340000", 8) == 0);

    keep_set("dcapqvl-tdx5-outdated"); /* a year later */
    CHECK(ask_at(ph_verify_dstack, ph_buf_view(&request), march_2026 + 365 * 86400) == 200);
    CHECK(json_is_false(at("details", "quote_verified")) && says("expired"));
    keep_set("dcapqvl-tdx4"); /* of another platform family */
    CHECK(ask_at(ph_verify_dstack, ph_buf_view(&request), march_2026) == 200);
    CHECK(json_is_false(at("details", "quote_verified")));
    done();
}

PH_TEST_MAIN(CASE(a_genuine_guest_is_described_and_never_called_valid_without_its_image),
             CASE(a_guest_whose_image_the_operator_measured_is_valid),
             CASE(a_log_of_another_guest_describes_nothing),
             CASE(a_quote_that_is_not_proved_describes_nothing),
             CASE(an_attestation_is_judged_like_what_is_inside),
             CASE(what_is_no_request_is_refused),
             CASE(evidence_is_judged_when_and_how_the_request_says),
             CASE(other_makers_documents_are_judged_too),
             CASE(a_bare_quote_is_judged_with_kept_collateral_and_what_was_demanded),
             CASE(the_log_of_a_bundle_is_demanded_unless_the_request_brings_another),
             CASE(a_guest_that_was_launched_without_its_image_is_valid),
             CASE(a_real_request_of_a_dstack_client_is_answered))
