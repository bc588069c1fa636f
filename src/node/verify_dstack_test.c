/* POST /verify, on requests as dstack's clients send them. Real ones come from the vectors, and
 * skip without them. */

#include "node/test_verify.h"

#include "attest/amd/snp_spec.h"
#include "attest/amd/snp_world.h"
#include "attest/eventlog/runtime_log.h"
#include "attest/eventlog/test_lite.h"
#include "attest/synth/synth_world.h"
#include "attest/test_dstack.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"

#include <stdlib.h>

static bool is_lite; /* the guest is that of attest/eventlog/test_lite.h */

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
    world_make(&w, &rig.kept, &quote, &rig.roots);

    char *hex = malloc(2 * quote.len + 1);
    CHECK(hex);
    ph_hex_encode(ph_buf_view(&quote), hex);
    (void)snprintf(text, sizeof(text), "%s", shown);
    quotes(text);
    (void)snprintf(rig.body, sizeof(rig.body),
                   "{\"quote\":\"%s\",\"event_log\":%s,\"vm_config\":\"{}\",\"attestation\":null}",
                   hex, text);
    free(hex);
}

TEST(a_genuine_guest_is_described_and_never_called_valid_without_its_image)
{
    td_that_booted(boot_log, boot_log);
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
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
        CHECK(ph_os_images_parse(ph_bytes_str(list), &rig.images, &why) == PH_OK);
        td_that_booted(boot_log, boot_log);
        (void)snprintf(vm_config, sizeof(vm_config), "\"vm_config\":{\"os_image_hash\":\"%s\"}",
                       i == 2 ? zeros + 32 : H32);
        char *at_config = strstr(rig.body, "\"vm_config\":\"{}\"");
        CHECK(at_config);
        (void)snprintf(at_config, sizeof(rig.body) - (size_t)(at_config - rig.body), "%s}",
                       vm_config);
        CHECK(ask(ph_verify_dstack, rig.body) == 200);
        CHECK(json_is_true(at("details", "event_log_verified")));
        CHECK(json_is_true(at("is_valid", NULL)) == (i == 0));
        CHECK(json_is_true(at("details", "os_image_hash_verified")) == (i == 0));
        CHECK(json_is_true(at("details", "acpi_tables_verified")) == (i == 0));
        CHECK(json_is_null(at("reason", NULL)) == (i == 0));
        CHECK(i != 0 || (is("details", "os_image_version", "0.5.4") &&
                         json_is_false(at("details", "os_image_is_dev"))));
        CHECK(i == 0 || says("knows no image"));
        ph_os_images_free(rig.images);
        rig.images = NULL;
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
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
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
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
    CHECK(json_is_false(at("details", "quote_verified")) && says("no collateral tdx-"));
    CHECK(says(rig.asked_for) && json_is_null(at("details", "tcb_status")));
    CHECK(json_is_null(at("details", "report_data")) && json_is_null(at("details", "app_info")));

    td_that_booted(boot_log, boot_log);
    rig.roots = nobody;
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
    CHECK(json_is_false(at("details", "quote_verified")) && says("root-untrusted"));
    CHECK(json_is_false(at("details", "event_log_verified")));
    CHECK(json_is_null(at("details", "tcb_status")));

    CHECK(ask(ph_verify_dstack, "{\"quote\":\"00\",\"event_log\":\"[]\"}") == 200);
    CHECK(json_is_false(at("is_valid", NULL)) && says("of no known kind"));
    done();
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
    const char *hex = strstr(rig.body, "\"quote\":\"") + 9;
    const size_t len = strcspn(hex, "\"") / 2;
    uint8_t *at_quote;

    CHECK(ph_buf_reserve(&quote, len, &at_quote) == PH_OK);
    CHECK(ph_hex_decode((struct ph_bytes){(const uint8_t *)hex, 2 * len}, at_quote, len) == PH_OK);
    quote.len = len;
    scale_tdx(&b, ph_buf_view(&quote), whole, config);
    if (base64) {
        CHECK(ph_base64_encode(ph_buf_view(&b), &text) == PH_OK);
        (void)snprintf(rig.body, sizeof(rig.body), "{\"attestation\":\"%.*s\",\"quote\":null}",
                       (int)text.len, (const char *)text.ptr);
    } else {
        char *digits = malloc(2 * b.len + 1);
        CHECK(digits);
        ph_hex_encode(ph_buf_view(&b), digits);
        (void)snprintf(rig.body, sizeof(rig.body), "{\"attestation\":\"%s\"}", digits);
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
    CHECK(ph_os_images_parse(ph_bytes_str(list), &rig.images, &why) == PH_OK);
    for (int base64 = 0; base64 < 2; base64++) {
        td_that_booted(boot_log, boot_log);
        as_attestation(true, base64, "{\"os_image_hash\":\"" H32 "\"}");
        CHECK(ask(ph_verify_dstack, rig.body) == 200);
        CHECK(json_is_true(at("is_valid", NULL)) && json_is_null(at("reason", NULL)));
        CHECK(json_is_true(at("details", "event_log_verified")));
        CHECK(is("details", "tee_variant", "dstack-tdx"));
        const json_t *app = at("details", "app_info");
        CHECK(strcmp(json_string_value(json_object_get(app, "app_id")), H20) == 0);
    }

    td_that_booted(boot_log, boot_log);
    as_attestation(true, false, ""); /* names no image */
    CHECK(ask(ph_verify_dstack, rig.body) == 200 && says("names no os_image_hash"));
    td_that_booted(boot_log, boot_log);
    as_attestation(true, false, "{");
    CHECK(ask(ph_verify_dstack, rig.body) == 400);
    td_that_booted(boot_log, boot_log);
    as_attestation(false, true, "{\"os_image_hash\":\"" H32 "\"}"); /* cut for size */
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
    CHECK(json_is_true(at("details", "event_log_verified")) && json_is_true(at("is_valid", NULL)));
    td_that_booted("[]", "[]"); /* of another guest */
    as_attestation(false, false, "{}");
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(json_is_false(at("details", "event_log_verified")) && says("rtmr3-mismatch"));
    ph_os_images_free(rig.images);
    rig.images = NULL;
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

/* A SEV-SNP guest's attestation with these certificates beside its report. */
static void snp_attestation(struct ph_bytes report, const struct ph_bytes *certs, size_t cnt,
                            const char *mr_config)
{
    struct ph_buf b PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);

    scale_snp(&b, report, certs, cnt, mr_config);
    char *digits = malloc(2 * b.len + 1);
    CHECK(digits);
    ph_hex_encode(ph_buf_view(&b), digits);
    (void)snprintf(rig.body, sizeof(rig.body), "{\"attestation\":\"%s\"}", digits);
    free(digits);
}

TEST(a_sev_snp_guest_is_judged_with_the_certificates_it_sends)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    struct ph_buf cert[3] = {PH_BUF(8192), PH_BUF(8192), PH_BUF(8192)};
    struct snp_world w;
    char report_data[129];

    snp_world_init(&w, PH_SNP_MILAN, 3, false);
    w.in_table = true;
    snp_world_make(&w, &e);
    rig.roots = e.roots;
    CHECK(ph_synth_snp_ask(&w.s, &cert[0]) == PH_OK && ph_synth_snp_vek(&w.s, &cert[1]) == PH_OK &&
          ph_synth_snp_ark(&w.s, &cert[2]) == PH_OK);
    const struct ph_bytes report = {e.report.ptr, PH_SNP_REPORT_LEN};
    const struct ph_bytes table = {e.report.ptr + report.len, e.report.len - report.len};
    const struct ph_bytes single[] = {ph_buf_view(&cert[0]), ph_buf_view(&cert[1]),
                                      ph_buf_view(&cert[2])};
    ph_hex_encode(PH_BYTES_OF(w.expected), report_data);
    for (int as_table = 0; as_table < 2; as_table++) {
        snp_attestation(report, as_table ? &table : single, as_table ? 1 : 3, w.mr_config);
        CHECK(ask(ph_verify_dstack, rig.body) == 200);
        if (!json_is_true(at("details", "quote_verified")))
            fail_msg("%s", json_string_value(at("reason", NULL)));
        CHECK(is("details", "tee_variant", "dstack-amd-sev-snp"));
        CHECK(is("details", "report_data", report_data));
        CHECK(is("details", "tcb_status", "UpToDate") && json_is_null(at("details", "app_info")));
        CHECK(json_is_false(at("is_valid", NULL)) && says("only a TD"));
    }
    snp_attestation(report, single, 0, w.mr_config);
    CHECK(ask(ph_verify_dstack, rig.body) == 200 && says("vek-missing"));
    snp_attestation(report, single, 2, w.mr_config); /* AMD's own authorities stand in */
    CHECK(ask(ph_verify_dstack, rig.body) == 200 && says("vek-links"));
    CHECK(json_is_false(at("details", "quote_verified")));
    CHECK(json_is_null(at("details", "report_data")) && json_is_null(at("details", "tcb_status")));
    snp_attestation(report, single, 3, "{}"); /* of another guest */
    CHECK(ask(ph_verify_dstack, rig.body) == 200 && says("host-data-mismatch"));
    rig.roots = ph_attest_roots_production();
    snp_attestation(report, single, 3, w.mr_config);
    CHECK(ask(ph_verify_dstack, rig.body) == 200 && says("ark-unknown"));
    const struct ph_bytes twice[] = {single[1], single[1]};
    snp_attestation(report, twice, 2, w.mr_config);
    CHECK(ask(ph_verify_dstack, rig.body) == 400 && is("error", "code", "bad-request"));
    for (size_t i = 0; i < PH_LEN(cert); i++)
        ph_buf_clear(&cert[i]);
    done();
}

/* A real one, out of what dstack keeps it in. */
TEST(other_makers_documents_are_judged_too)
{
    struct ph_buf nitro PH_OWNED(ph_buf_clear) = ph_test_vector_if("nitro/nitro_attestation.bin");
    const int64_t then = 1766678716; /* 2025-12-25T16:05:16Z */

    if (nitro.len == 0)
        SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
    rig.roots = ph_attest_roots_production();
    char *digits = malloc(2 * nitro.len + 1);
    CHECK(digits);
    ph_hex_encode(ph_buf_view(&nitro), digits);
    (void)snprintf(rig.body, sizeof(rig.body), "{\"attestation\":\"%s\"}", digits);
    free(digits);
    CHECK(ask_at(ph_verify_dstack, ph_bytes_str(rig.body), then) == 200);
    CHECK(json_is_true(at("details", "quote_verified")));
    CHECK(is("details", "tee_variant", "dstack-nitro-enclave"));
    CHECK(json_is_null(at("details", "tcb_status")) && json_is_null(at("details", "app_info")));
    CHECK(json_is_false(at("is_valid", NULL)) && says("only a TD"));
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
    CHECK(ph_collateral_parse(&parts, &rig.kept, &why) == PH_OK);
    for (size_t i = 0; i < PH_LEN(names); i++)
        ph_buf_clear(&files[i]);
}

/* TDX lite: the image follows from what the host measured of it, and its ACPI tables do not. */
TEST(a_guest_that_was_launched_without_its_image_is_valid)
{
    is_lite = true;
    td_that_booted(boot_log, boot_log);
    as_attestation(false, true, LITE_VM_CONFIG);
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
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
    CHECK(ask(ph_verify_dstack, rig.body) == 200);
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
    rig.roots = ph_attest_roots_production();
    keep_set("dcapqvl-tdx5-outdated"); /* of the same platform family */
    CHECK(ask_at(ph_verify_dstack, ph_buf_view(&request), march_2026) == 200);
    CHECK(strcmp(rig.asked_for, "tdx-90c06f000000-platform") == 0);

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
             CASE(a_sev_snp_guest_is_judged_with_the_certificates_it_sends),
             CASE(other_makers_documents_are_judged_too),
             CASE(a_guest_that_was_launched_without_its_image_is_valid),
             CASE(a_real_request_of_a_dstack_client_is_answered))
