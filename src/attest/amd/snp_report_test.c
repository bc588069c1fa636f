/* Reports taken apart: layout, what each version reserves, certificate tables, TCB versions. */

#include "attest/amd/snp.h"
#include "attest/amd/snp_report.h"
#include "base/own.h"
#include "base/test.h"

#include <stdlib.h>

static uint8_t raw[PH_SNP_REPORT_LEN + 4096];
static struct ph_snp_evidence ev;
static enum ph_check failed;

static enum ph_err parse(size_t len)
{
    /* Of exactly that size, so that the sanitizer sees a read past the end. */
    uint8_t *copy PH_OWNED(ph_freep) = malloc(len + 1);
    CHECK(copy);
    memcpy(copy, raw, len);
    const enum ph_err err = ph_snp_report_parse((struct ph_bytes){copy, len}, &ev, &failed);
    if (err == PH_OK) /* views into what is freed here: into raw instead */
        err == ph_snp_report_parse((struct ph_bytes){raw, len}, &ev, &failed) ? (void)0 : fail();
    return err;
}

static void make(uint32_t version)
{
    memset(raw, 0, sizeof(raw));
    ph_put_u32le(raw, version);
    ph_put_u32le(raw + offsetof(struct ph_snp_report, signature_algo), 1);
}

TEST(every_truncation_is_refused)
{
    make(3);
    for (size_t len = 0; len < PH_SNP_REPORT_LEN; len++)
        CHECK(parse(len) == PH_ERR_MALFORMED && failed == PH_CHECK_SNP_LENGTH);
    CHECK(parse(PH_SNP_REPORT_LEN) == PH_OK && failed == PH_CHECK_CNT);
    CHECK(ev.version == 3 && ev.key == PH_SNP_KEY_VCEK);
    CHECK(ev.signed_part.ptr == raw && ev.signed_part.len == 0x2a0);
    CHECK(ev.whole.len == PH_SNP_REPORT_LEN && ev.trailing.len == 0);
}

TEST(only_known_versions_algorithms_and_keys_are_read)
{
    for (uint32_t version = 0; version < 9; version++) {
        make(version);
        const bool good = version >= 2 && version <= 5;
        CHECK(parse(PH_SNP_REPORT_LEN) == (good ? PH_OK : PH_ERR_UNSUPPORTED));
        CHECK(failed == (good ? PH_CHECK_CNT : PH_CHECK_SNP_VERSION));
        CHECK(ph_snp_is_report((struct ph_bytes){raw, PH_SNP_REPORT_LEN}) == good);
    }
    make(0x00020003); /* an Intel quote of version 3 begins like this */
    CHECK(!ph_snp_is_report((struct ph_bytes){raw, sizeof(raw)}));
    make(3);
    CHECK(!ph_snp_is_report((struct ph_bytes){raw, PH_SNP_REPORT_LEN - 1}));
    for (uint32_t algorithm = 0; algorithm < 4; algorithm++) {
        make(3);
        raw[0x34] = (uint8_t)algorithm;
        CHECK(parse(PH_SNP_REPORT_LEN) == (algorithm == 1 ? PH_OK : PH_ERR_UNSUPPORTED));
        if (algorithm != 1)
            CHECK(failed == PH_CHECK_SNP_ALGORITHM &&
                  !ph_snp_is_report((struct ph_bytes){raw, PH_SNP_REPORT_LEN}));
    }
    for (uint32_t bit = 0; bit < 32; bit++) {
        make(3);
        ph_put_u32le(raw + 0x48, 1u << bit);
        const bool good = bit <= 2;
        CHECK(parse(PH_SNP_REPORT_LEN) == (good ? PH_OK : PH_ERR_UNSUPPORTED));
        CHECK(good || failed == PH_CHECK_SNP_SIGNING_KEY);
        if (bit == 2)
            CHECK(ev.key == PH_SNP_KEY_VLEK);
    }
    make(3);
    raw[0x48] = 7 << 2; /* signing is off */
    CHECK(parse(PH_SNP_REPORT_LEN) == PH_ERR_UNSUPPORTED && failed == PH_CHECK_SNP_SIGNING_KEY);
}

static bool is_reserved(uint32_t version, size_t at)
{
    return (at >= 0x4c && at < 0x50) || (at >= 0x188 && at < 0x18b && version < 3) ||
           (at >= 0x18b && at < 0x1a0) || at == 0x1eb || at == 0x1ef ||
           (at >= 0x1f8 && at < 0x208 && version < 5) || (at >= 0x208 && at < 0x2a0) ||
           (at >= 0x330 && at < 0x4a0);
}

TEST(each_byte_that_a_version_reserves_must_be_zero)
{
    for (uint32_t version = 2; version <= 5; version++) {
        make(version);
        for (size_t at = 0x4c; at < PH_SNP_REPORT_LEN; at++) {
            raw[at] ^= 0x80;
            const enum ph_err err = parse(PH_SNP_REPORT_LEN);
            if (is_reserved(version, at))
                CHECK(err == PH_ERR_MALFORMED && failed == PH_CHECK_SNP_RESERVED);
            else
                CHECK(err == PH_OK);
            raw[at] ^= 0x80;
        }
    }
}

/* One entry of the table at `slot`. */
static void entry(size_t slot, const uint8_t *guid, uint32_t off, uint32_t len)
{
    uint8_t *at = raw + PH_SNP_REPORT_LEN + slot * PH_SNP_TABLE_ENTRY_LEN;
    memcpy(at, guid, 16);
    ph_put_u32le(at + 16, off);
    ph_put_u32le(at + 20, len);
}

TEST(a_certificate_table_is_read)
{
    static const uint8_t other[16] = {1};
    const size_t len = PH_SNP_REPORT_LEN + 300;
    make(3);
    for (enum ph_snp_table_cert c = 0; c < PH_SNP_TABLE_CNT; c++)
        entry(c, ph_snp_table_guid(c), 200 + 10 * (uint32_t)c, 10);
    entry(PH_SNP_TABLE_CNT, other, 250, 5);
    raw[PH_SNP_REPORT_LEN + 254] = 1;
    CHECK(parse(len) == PH_OK);
    for (enum ph_snp_table_cert c = 0; c < PH_SNP_TABLE_CNT; c++)
        CHECK(ev.cert[c].ptr == raw + PH_SNP_REPORT_LEN + 200 + 10 * c && ev.cert[c].len == 10);
    CHECK(ev.trailing.len == 45);
    raw[PH_SNP_REPORT_LEN + 255] = 1; /* behind the last certificate */
    CHECK(parse(len) == PH_ERR_MALFORMED && failed == PH_CHECK_SNP_CERT_TABLE);
    raw[PH_SNP_REPORT_LEN + 255] = 0;
    /* Every truncation cuts the last certificate or the table. */
    for (size_t n = PH_SNP_REPORT_LEN + 1; n < PH_SNP_REPORT_LEN + 255; n++)
        CHECK(parse(n) == PH_ERR_MALFORMED && failed == PH_CHECK_SNP_CERT_TABLE);
    CHECK(parse(PH_SNP_REPORT_LEN + 255) == PH_OK && ev.trailing.len == 0);
}

TEST(a_table_that_lies_is_refused)
{
    const struct {
        enum ph_snp_table_cert first, second;
        uint32_t off, len;
    } bad[] = {
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_VCEK, 200, 10},       /* twice */
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_ASK, 200, 0},         /* empty */
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_ASK, 301, 0},         /* outside */
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_ASK, 291, 10},        /* past the end */
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_ASK, 10, UINT32_MAX}, /* wraps */
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_ASK, UINT32_MAX, 10}, /* likewise */
        {PH_SNP_TABLE_VCEK, PH_SNP_TABLE_ASK, UINT32_MAX - 9, 10},
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        make(3);
        entry(0, ph_snp_table_guid(bad[i].first), 200, 10);
        entry(1, ph_snp_table_guid(bad[i].second), bad[i].off, bad[i].len);
        CHECK(parse(PH_SNP_REPORT_LEN + 300) == PH_ERR_MALFORMED);
        CHECK(failed == PH_CHECK_SNP_CERT_TABLE);
    }
    /* As many entries as may be, and one more. */
    for (size_t cnt = PH_SNP_TABLE_MAX; cnt <= PH_SNP_TABLE_MAX + 1; cnt++) {
        make(3);
        for (size_t i = 0; i < cnt; i++)
            entry(i, (const uint8_t[16]){(uint8_t)(i + 1)}, 0, 4);
        CHECK(parse(PH_SNP_REPORT_LEN + 2000) ==
              (cnt <= PH_SNP_TABLE_MAX ? PH_OK : PH_ERR_MALFORMED));
    }
    /* The limit on all of it. */
    uint8_t *big PH_OWNED(ph_freep) = calloc(1, PH_SNP_EXTENDED_MAX + 1);
    CHECK(big);
    make(3);
    memcpy(big, raw, PH_SNP_REPORT_LEN);
    CHECK(ph_snp_report_parse((struct ph_bytes){big, PH_SNP_EXTENDED_MAX}, &ev, &failed) == PH_OK);
    CHECK(ph_snp_report_parse((struct ph_bytes){big, PH_SNP_EXTENDED_MAX + 1}, &ev, &failed) ==
              PH_ERR_LIMIT &&
          failed == PH_CHECK_SNP_LENGTH);
}

TEST(processors_belong_to_products)
{
    for (unsigned model = 0; model < 256; model++) {
        const enum ph_snp_product zen34 = model <= 0x0f                    ? PH_SNP_MILAN
                                          : model <= 0x1f                  ? PH_SNP_GENOA
                                          : model >= 0xa0 && model <= 0xaf ? PH_SNP_GENOA
                                                                           : PH_SNP_UNKNOWN;
        CHECK(ph_snp_product_of_cpu(0x19, (uint8_t)model) == zen34);
        CHECK(ph_snp_product_of_cpu(0x1a, (uint8_t)model) ==
              (model <= 0x11 ? PH_SNP_TURIN : PH_SNP_UNKNOWN));
        CHECK(ph_snp_product_of_cpu(0x17, (uint8_t)model) == PH_SNP_UNKNOWN);
    }
}

TEST(tcb_versions_are_laid_out_by_product_and_compared_by_component)
{
    static const uint8_t v[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const uint8_t clean[2][8] = {{1, 2, 0, 0, 0, 0, 7, 8}, {1, 2, 3, 4, 0, 0, 0, 8}};
    struct ph_snp_tcb t = ph_snp_tcb_decode(PH_SNP_MILAN, v);
    CHECK(t.fmc == 0 && t.bootloader == 1 && t.tee == 2 && t.snp == 7 && t.microcode == 8);
    t = ph_snp_tcb_decode(PH_SNP_TURIN, v);
    CHECK(t.fmc == 1 && t.bootloader == 2 && t.tee == 3 && t.snp == 4 && t.microcode == 8);
    for (size_t i = 0; i < 2; i++) {
        const enum ph_snp_product p = i == 0 ? PH_SNP_GENOA : PH_SNP_TURIN;
        CHECK(ph_snp_tcb_is_clean(p, clean[i]));
        for (size_t at = 0; at < 8; at++) {
            uint8_t dirty[8];
            memcpy(dirty, clean[i], 8);
            dirty[at] ^= 0x10;
            CHECK(ph_snp_tcb_is_clean(p, dirty) == (clean[i][at] != 0));
        }
    }
    CHECK(!ph_snp_tcb_is_clean(PH_SNP_UNKNOWN, clean[0]));
    const struct ph_snp_tcb none = {0};
    t = ph_snp_tcb_decode(PH_SNP_UNKNOWN, v);
    CHECK(ph_snp_tcb_equal(&t, &none));
    const struct ph_snp_tcb base = {.fmc = 2, .bootloader = 2, .tee = 2, .snp = 2, .microcode = 2};
    CHECK(ph_snp_tcb_reaches(&base, &base) && ph_snp_tcb_equal(&base, &base));
    for (size_t i = 0; i < 5; i++) {
        struct ph_snp_tcb less = base;
        uint8_t *const part[] = {&less.fmc, &less.bootloader, &less.tee, &less.snp,
                                 &less.microcode};
        *part[i] = 1;
        *part[(i + 1) % 5] = 200; /* more elsewhere makes up for nothing */
        CHECK(!ph_snp_tcb_reaches(&less, &base) && !ph_snp_tcb_equal(&less, &base));
    }
}

TEST(every_field_is_listed_with_its_place)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput j = {.out = &text};
    make(5);
    raw[0x188] = 0x1a;
    ph_put_u64le(raw + 8, 0x3001f);
    ph_put_u64le(raw + 0x40, 0x65);
    raw[0x90] = 0xab;
    CHECK(ph_snp_json((struct ph_bytes){raw, PH_SNP_REPORT_LEN}, &j, NULL, &failed) == PH_OK);
    CHECK(ph_jput_end(&j) == PH_OK && ph_buf_add(&text, (struct ph_bytes){(uint8_t[]){0}, 1}) == 0);
    const char *s = (const char *)text.ptr;
    CHECK(strstr(s, "\"kind\":\"amd-snp-report\",\"version\":5,\"tee\":\"SNP\","
                    "\"product\":\"Turin\",\"signing_key\":\"VCEK\","
                    "\"guest_policy\":[\"SMT\",\"RESERVED_ONE\"],"
                    "\"platform\":[\"SMT\",\"ECC\",\"ALIAS_CHECK_COMPLETE\",\"BIT_6\"]"));
    CHECK(strstr(s, "\"name\":\"measurement\",\"offset\":144,\"length\":48,\"value\":\"ab00"));
    size_t covered = 0;
#define F(name, off, len, meaning)                                                                 \
    CHECK(strstr(s, "\"name\":\"" #name "\""));                                                    \
    covered += (len);
    PH_SNP_REPORT(F)
#undef F
    CHECK(covered == PH_SNP_REPORT_LEN);
    raw[0x4c] = 1;
    text.len = 0;
    j = (struct ph_jput){.out = &text};
    CHECK(ph_snp_json((struct ph_bytes){raw, PH_SNP_REPORT_LEN}, &j, NULL, &failed) ==
          PH_ERR_MALFORMED);
    CHECK(failed == PH_CHECK_SNP_RESERVED && text.len == 0);
}

TEST(the_report_data_can_be_looked_up)
{
    uint8_t out[64], want[64];
    make(2);
    memset(raw + 0x50, 0x5a, 64);
    memset(want, 0x5a, 64);
    CHECK(ph_snp_peek_report_data((struct ph_bytes){raw, PH_SNP_REPORT_LEN}, out) == PH_OK);
    CHECK(memcmp(out, want, 64) == 0);
    CHECK(ph_snp_peek_report_data((struct ph_bytes){raw, 100}, out) == PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(every_truncation_is_refused),
             CASE(only_known_versions_algorithms_and_keys_are_read),
             CASE(each_byte_that_a_version_reserves_must_be_zero),
             CASE(a_certificate_table_is_read), CASE(a_table_that_lies_is_refused),
             CASE(processors_belong_to_products),
             CASE(tcb_versions_are_laid_out_by_product_and_compared_by_component),
             CASE(every_field_is_listed_with_its_place), CASE(the_report_data_can_be_looked_up))
