/* Azure's blob: its layout, each thing that can be wrong with it alone, the binding, the keys. The
 * blobs are made here; the layout was checked against real ones of both kinds. */

#include "attest/azure/hcl.h"

#include "base/test.h"
#include "codec/base64.h"
#include "crypto/hash.h"

#include <stdio.h>

enum { JSON_AT = 1236, PAD = 100 };

static uint8_t blob[PH_HCL_MAX + 1];
static size_t blob_len;
static struct ph_hcl hcl;
static char why[128];

static void make(uint32_t type, const char *json)
{
    const uint32_t n = (uint32_t)strlen(json);

    memset(blob, 0, sizeof(blob));
    memcpy(blob, "HCLA", 4);
    ph_put_u32le(blob + 4, 2);
    ph_put_u32le(blob + 8, JSON_AT + n);
    ph_put_u32le(blob + 12, 2);
    memset(blob + 32, 0xaa, type == 2 ? 1184 : 1024);
    uint8_t *report_data = blob + 32 + (type == 2 ? 0x50 : 128);
    memset(report_data, 0, 64);
    ph_sha256(ph_bytes_str(json), report_data);
    ph_put_u32le(blob + 1216, 20 + n);
    ph_put_u32le(blob + 1220, 1);
    ph_put_u32le(blob + 1224, type);
    ph_put_u32le(blob + 1228, 1);
    ph_put_u32le(blob + 1232, n);
    memcpy(blob + JSON_AT, json, n);
    blob_len = JSON_AT + n + PAD;
}

static enum ph_err parse(void)
{
    static const struct ph_hcl untouched = {PH_HCL_NONE, {0}, {0}, NULL};

    hcl = untouched;
    why[0] = '\0';
    const enum ph_err err = ph_hcl_parse((struct ph_bytes){blob, blob_len}, &hcl, why);
    CHECK((err == PH_OK) == (hcl.kind != PH_HCL_NONE) && (err == PH_OK) == (why[0] == '\0'));
    return err;
}

static const char plain[] = "{\"keys\":[],\"user-data\":\"00ff\"}";

TEST(both_kinds_of_reports_are_found)
{
    make(2, plain);
    CHECK(parse() == PH_OK && hcl.kind == PH_HCL_SNP);
    CHECK(hcl.report.ptr == blob + 32 && hcl.report.len == 1184);
    CHECK(hcl.report_data == blob + 32 + 0x50 && ph_bytes_is(hcl.runtime, plain));
    CHECK(ph_hcl_check_binding(&hcl, hcl.report_data) == PH_OK);

    make(4, plain);
    CHECK(parse() == PH_OK && hcl.kind == PH_HCL_TDX);
    CHECK(hcl.report.ptr == blob + 32 && hcl.report.len == 1024);
    CHECK(hcl.report_data == blob + 32 + 128);
    CHECK(ph_hcl_check_binding(&hcl, hcl.report_data) == PH_OK);
    ph_put_u32le(blob + 4, 1);
    CHECK(parse() == PH_OK);
    ph_put_u32le(blob + 1220, 2);
    CHECK(parse() == PH_OK);
    blob_len -= PAD;
    CHECK(parse() == PH_OK);
}

TEST(every_byte_of_report_data_and_runtime_data_is_bound)
{
    make(2, plain);
    CHECK(parse() == PH_OK);
    for (size_t i = 0; i < 64; i++) {
        uint8_t data[64];
        memcpy(data, hcl.report_data, 64);
        data[i] ^= 1;
        CHECK(ph_hcl_check_binding(&hcl, data) == PH_ERR_UNTRUSTED);
    }
    blob[JSON_AT + sizeof(plain) - 4] ^= 1; /* a digit of user-data */
    CHECK(parse() == PH_OK);
    CHECK(ph_hcl_check_binding(&hcl, hcl.report_data) == PH_ERR_UNTRUSTED);
}

TEST(every_truncation_is_malformed)
{
    make(4, plain);
    const size_t whole = blob_len - PAD;
    for (blob_len = 0; blob_len < whole; blob_len++)
        CHECK(parse() == PH_ERR_MALFORMED);
    blob_len = whole;
    CHECK(parse() == PH_OK);
}

TEST(each_wrong_field_refuses_alone)
{
    static const struct {
        uint32_t type;
        size_t at;
        uint8_t value;
        enum ph_err err;
    } wrong[] = {
        {2, 0, 'h', PH_ERR_MALFORMED},
        {2, 4, 0, PH_ERR_UNSUPPORTED},
        {2, 4, 3, PH_ERR_UNSUPPORTED},
        {2, 8, 0, PH_ERR_MALFORMED},
        {2, 11, 0xff, PH_ERR_MALFORMED},
        {2, 16, 1, PH_ERR_MALFORMED},
        {2, 20, 1, PH_ERR_MALFORMED},
        {2, 31, 1, PH_ERR_MALFORMED},
        {2, 1216, 0, PH_ERR_MALFORMED},
        {2, 1220, 0, PH_ERR_UNSUPPORTED},
        {2, 1220, 3, PH_ERR_UNSUPPORTED},
        {2, 1224, 1, PH_ERR_UNSUPPORTED},
        {2, 1224, 3, PH_ERR_UNSUPPORTED},
        {2, 1228, 0, PH_ERR_UNSUPPORTED},
        {2, 1228, 2, PH_ERR_UNSUPPORTED},
        {2, 1232, 1, PH_ERR_MALFORMED},
        {2, 1235, 0xff, PH_ERR_MALFORMED},
        {2, 1236, '[', PH_ERR_MALFORMED},
        {2, sizeof(plain) - 1 + 1236, 1, PH_ERR_MALFORMED}, /* padding */
        {2, sizeof(plain) - 1 + 1236 + PAD - 1, 1, PH_ERR_MALFORMED},
        {4, 32 + 1024, 1, PH_ERR_MALFORMED}, /* after a TDREPORT */
        {4, 1215, 1, PH_ERR_MALFORMED},
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        make(wrong[i].type, plain);
        CHECK(parse() == PH_OK);
        blob[wrong[i].at] = wrong[i].value;
        if (parse() != wrong[i].err)
            fail_msg("case %zu: %s", i, why);
    }
    static const char *const documents[] = {"",   "[]", "7", "{\"a\":1,\"a\":2}", "{\"a\":1.5}",
                                            "{}x"};
    for (size_t i = 0; i < PH_LEN(documents); i++) {
        make(2, documents[i]);
        CHECK(parse() == PH_ERR_MALFORMED);
    }
    make(2, plain);
    blob_len = PH_HCL_MAX;
    CHECK(parse() == PH_OK);
    blob_len = PH_HCL_MAX + 1;
    CHECK(parse() == PH_ERR_LIMIT);
}

/* {"keys":[{kid HCLEkPub},{kid HCLAkPub}]} with these members of the second. */
static const char *other_kid = "HCLEkPub";
static uint8_t last = 0x55; /* byte of the modulus */
static enum ph_err key_of(const char *kty, size_t n_len, uint8_t first, const char *e,
                          struct ph_hcl_key *out)
{
    static char json[4096];
    uint8_t n[600];
    struct ph_buf text = PH_BUF(2048);

    memset(n, 0x55, sizeof(n));
    n[n_len - 1] = last;
    n[0] = first;
    CHECK(ph_base64url_encode((struct ph_bytes){n, n_len}, &text) == PH_OK);
    (void)snprintf(json, sizeof(json),
                   "{\"keys\":[{\"kid\":\"%s\"},{\"kid\":\"HCLAkPub\",\"kty\":\"%s\","
                   "\"key_ops\":[\"sign\"],\"e\":\"%s\",\"n\":\"%.*s\"}],\"user-data\":\"\"}",
                   other_kid, kty, e, (int)text.len, (const char *)text.ptr);
    ph_buf_clear(&text);
    make(2, json);
    CHECK(parse() == PH_OK);
    return ph_hcl_key(&hcl, "HCLAkPub", out);
}

TEST(the_attestation_key_is_read)
{
    struct ph_hcl_key key = {.e = 0};

    CHECK(key_of("RSA", 256, 0x95, "AQAB", &key) == PH_OK);
    CHECK(key.n_len == 256 && key.n[0] == 0x95 && key.n[255] == 0x55 && key.e == 65537);
    CHECK(key_of("RSA", 512, 0x95, "Aw", &key) == PH_OK && key.e == 3);
    other_kid = "HCLAkPub"; /* two of one name */
    CHECK(key_of("RSA", 256, 0x95, "AQAB", &key) == PH_ERR_MALFORMED);
    other_kid = "HCLEkPub";
    CHECK(key_of("EC", 256, 0x95, "AQAB", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 255, 0x95, "AQAB", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 513, 0x95, "AQAB", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 256, 0x15, "AQAB", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 256, 0x7f, "AQAB", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 256, 0x80, "AQAB", &key) == PH_OK);
    last = 0x54;
    CHECK(key_of("RSA", 256, 0x95, "AQAB", &key) == PH_ERR_MALFORMED);
    last = 0x55;
    CHECK(key_of("RSA", 256, 0x95, "Ag", &key) == PH_ERR_MALFORMED); /* 2 */
    CHECK(key_of("RSA", 256, 0x95, "AQ", &key) == PH_ERR_MALFORMED); /* 1 */
    CHECK(key_of("RSA", 256, 0x95, "AQAA", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 256, 0x95, "", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 256, 0x95, "AQAAAAE", &key) == PH_ERR_MALFORMED);
    CHECK(key_of("RSA", 256, 0x95, "A+==", &key) == PH_ERR_MALFORMED);
    CHECK(ph_hcl_key(&hcl, "HCLEkPub", &key) == PH_ERR_MALFORMED);
    CHECK(ph_hcl_key(&hcl, "other", &key) == PH_ERR_NOT_FOUND);

    static const struct {
        const char *json;
        enum ph_err err;
    } wrong[] = {
        {"{}", PH_ERR_NOT_FOUND},
        {"{\"keys\":[]}", PH_ERR_NOT_FOUND},
        {"{\"keys\":{}}", PH_ERR_MALFORMED},
        {"{\"keys\":[7]}", PH_ERR_MALFORMED},
        {"{\"keys\":[{}]}", PH_ERR_MALFORMED},
        {"{\"keys\":[{\"kid\":7}]}", PH_ERR_MALFORMED},
        {"{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":7}]}", PH_ERR_MALFORMED},
        {"{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\"}]}", PH_ERR_MALFORMED},
        {"{\"keys\":[{\"kid\":\"HCLAkPub\"},{\"kid\":\"HCLAkPub\"}]}", PH_ERR_MALFORMED},
    };
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        make(2, wrong[i].json);
        CHECK(parse() == PH_OK && ph_hcl_key(&hcl, "HCLAkPub", &key) == wrong[i].err);
    }
}

TEST(user_data_is_read)
{
    uint8_t data[PH_HCL_USER_DATA_MAX];
    char json[256], digits[131];
    size_t len = 0;

    make(2, plain);
    CHECK(parse() == PH_OK && ph_hcl_user_data(&hcl, data, &len) == PH_OK);
    CHECK(len == 2 && data[0] == 0 && data[1] == 0xff);
    for (size_t n = 128; n <= 130; n += 2) {
        memset(digits, '1', sizeof(digits));
        digits[n] = '\0';
        (void)snprintf(json, sizeof(json), "{\"user-data\":\"%s\"}", digits);
        make(2, json);
        CHECK(parse() == PH_OK);
        CHECK(ph_hcl_user_data(&hcl, data, &len) == (n == 128 ? PH_OK : PH_ERR_MALFORMED));
    }
    static const char *const wrong[] = {"{\"user-data\":7}", "{\"user-data\":\"123\"}",
                                        "{\"user-data\":\"zz\"}"};
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        make(2, wrong[i]);
        CHECK(parse() == PH_OK && ph_hcl_user_data(&hcl, data, &len) == PH_ERR_MALFORMED);
    }
    make(2, "{}");
    CHECK(parse() == PH_OK && ph_hcl_user_data(&hcl, data, &len) == PH_ERR_NOT_FOUND);
}

PH_TEST_MAIN(CASE(both_kinds_of_reports_are_found),
             CASE(every_byte_of_report_data_and_runtime_data_is_bound),
             CASE(every_truncation_is_malformed), CASE(each_wrong_field_refuses_alone),
             CASE(the_attestation_key_is_read), CASE(user_data_is_read))
