/* Which OS image a guest booted, by what vm_config measures. Registers of the synthetic image were
 * computed with Python's hashlib from the formats named in dstack_image.h; the real one is last. */

#include "attest/eventlog/dstack_image.h"

#include "attest/eventlog/runtime_log.h"
#include "attest/eventlog/test_lite.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "base/test_vectors.h"
#include "codec/base64.h"
#include "codec/jread.h"
#include "crypto/hash.h"

#include <stdlib.h>

#define LOW ((uint64_t)0x80000000)
#define SPLIT ((uint64_t)0xb0000000)

static const struct {
    uint64_t memory;
    const char *rtmr0;
} sizes[] = {
    {LOW, LITE_RTMR0},
    {SPLIT, "a38676bc36bcad19ce7cc5ca189e22b0adef33463af3399700733b508581ee0e6c19004176c769c86583d9"
            "fa097bea51"},
    {0x200000000, "ba32cbf01a561b705e560c52017d1e314c9e1d717b6604e11439918019d1310c947646891505ce13"
                  "e850f1a3bdfb5709"},
};

/* The image and its guest; a test changes one of these. */
struct guest {
    struct ph_buf cbor; /* the measurement */
    char checksums[512];
    bool list_is_given, hash_is_given;
    uint8_t image_hash[32];
    uint64_t memory;
    const char *variant;
    struct ph_event_claims claims;
    struct ph_tdx_body td;
};

static void put(struct ph_buf *b, struct ph_bytes v)
{
    CHECK(ph_buf_add(b, v) == PH_OK);
}
#define PUT(b, literal) put(b, PH_BYTES_LIT(literal))

static void put_digest(struct ph_buf *b, const char *name, uint8_t fill)
{
    const uint8_t head[] = {(uint8_t)(0x60 | strlen(name))};
    uint8_t digest[48];

    memset(digest, fill, sizeof(digest));
    put(b, strlen(name) < 24 ? PH_BYTES_OF(head) : PH_BYTES_LIT(""));
    put(b, ph_bytes_str(name));
    PUT(b, "\x58\x30");
    put(b, PH_BYTES_OF(digest));
}

static void init(struct guest *g)
{
    *g = (struct guest){.cbor = PH_BUF(16384), .memory = LOW, .variant = "lite"};
    PUT(&g->cbor, "\xa3\x67version\x03\x65image\xa3");
    put_digest(&g->cbor, "cmdline_sha384", 2);
    put_digest(&g->cbor, "kernel_authenticode", 1);
    put_digest(&g->cbor, "initrd_sha384", 3);
    PUT(&g->cbor, "\x64tdvf\xa3\x64ovmf\x69pre202505\x64mrtd\xa2");
    put_digest(&g->cbor, "single_pass", 4);
    put_digest(&g->cbor, "two_pass", 5);
    PUT(&g->cbor, "\x66td_hob\x4c\x80\x10\x09\x04\x00\x09\x09\x02\x0b\x02\x10\x10");
    for (unsigned i = 0; i < PH_ACPI_CNT; i++)
        memset(g->claims.acpi[i], (int)(0xa0 + i), 48);
    g->claims.acpi_seen = 7;
    memset(g->td.mr_td, 5, 48);
    CHECK(ph_hex_decode(ph_bytes_str(sizes[0].rtmr0), g->td.rtmr0, 48) == PH_OK);
    CHECK(ph_hex_decode(ph_bytes_str(LITE_RTMR1), g->td.rtmr1, 48) == PH_OK);
    CHECK(ph_hex_decode(ph_bytes_str(LITE_RTMR2), g->td.rtmr2, 48) == PH_OK);
}

/* vm_config of a guest, as its host writes it. */
static enum ph_err check(struct guest *g, struct ph_event_why *why)
{
    struct ph_dstack_vm vm PH_OWNED(ph_dstack_vm_clear) = {.is_lite = false};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    uint8_t hash[32];
    char hex[65];

    ph_sha256(ph_buf_view(&g->cbor), hash);
    ph_hex_encode(PH_BYTES_OF(hash), hex);
    if (!g->list_is_given)
        (void)snprintf(g->checksums, sizeof(g->checksums),
                       "%064d  bzImage\n%s  measurement.tdx.cbor\n%064d  x", 1, hex, 2);
    if (!g->hash_is_given)
        ph_sha256(ph_bytes_str(g->checksums), g->image_hash);
    ph_hex_encode(PH_BYTES_OF(g->image_hash), hex);
    CHECK(ph_buf_addf(&text, "{\"os_image_hash\":\"%s\",\"cpu_count\":2,\"memory_size\":%llu,", hex,
                      (unsigned long long)g->memory) == PH_OK);
    CHECK(ph_buf_addf(&text, "\"tdx_attestation_variant\":\"%s\",\"tdx_measurement\":{",
                      g->variant) == PH_OK);
    PUT(&text, "\"measurement\":\"");
    CHECK(ph_base64_encode(ph_buf_view(&g->cbor), &text) == PH_OK);
    PUT(&text, "\",\"checksum_file\":\"");
    CHECK(ph_base64_encode(ph_bytes_str(g->checksums), &text) == PH_OK);
    PUT(&text, "\"}}");
    CHECK(ph_dstack_vm_parse(ph_buf_view(&text), &vm) == PH_OK);
    CHECK(memcmp(vm.image_hash, g->image_hash, 32) == 0 && vm.config.len == 0);
    *why = (struct ph_event_why){.check = PH_CHECK_CNT};
    const enum ph_err err = ph_dstack_image_check(&vm, &g->claims, &g->td, why);
    CHECK((err == PH_ERR_UNTRUSTED) == (why->check == PH_CHECK_EVENT_OS_IMAGE));
    ph_buf_clear(&g->cbor);
    return err;
}

static bool refused(struct guest *g, const char *part)
{
    struct ph_event_why why;
    const enum ph_err err = check(g, &why);

    if (err != PH_ERR_UNTRUSTED || !strstr(why.text, part))
        print_message("# %s: %s\n", ph_err_name(err), why.text);
    return err == PH_ERR_UNTRUSTED && strstr(why.text, part);
}

TEST(registers_follow_from_the_image_and_the_size_of_memory)
{
    struct ph_event_why why;
    struct guest g;

    for (size_t i = 0; i < PH_LEN(sizes); i++) {
        for (int pass = 4; pass <= 5; pass++) {
            init(&g);
            g.memory = sizes[i].memory;
            memset(g.td.mr_td, pass, 48);
            CHECK(ph_hex_decode(ph_bytes_str(sizes[i].rtmr0), g.td.rtmr0, 48) == PH_OK);
            CHECK(check(&g, &why) == PH_OK);
        }
    }
}

TEST(another_register_is_refused)
{
    struct guest g;

    init(&g);
    g.td.mr_td[47] ^= 1;
    CHECK(refused(&g, "MRTD"));
    init(&g);
    g.td.rtmr0[47] ^= 1;
    CHECK(refused(&g, "RTMR0"));
    init(&g);
    g.td.rtmr1[47] ^= 1;
    CHECK(refused(&g, "RTMR1"));
    init(&g);
    g.td.rtmr2[47] ^= 1;
    CHECK(refused(&g, "RTMR2"));
    init(&g);
    g.memory = SPLIT; /* not what it was launched with */
    CHECK(refused(&g, "RTMR0"));
    for (unsigned i = 0; i < PH_ACPI_CNT; i++) {
        init(&g);
        g.claims.acpi[i][47] ^= 1;
        CHECK(refused(&g, "RTMR0"));
    }
    /* Each digest of the measurement counts: of both MRTDs, the one that the TD has. */
    static const struct {
        uint8_t fill;
        const char *what;
    } digests[] = {{1, "RTMR1"}, {2, "RTMR2"}, {3, "RTMR2"}, {5, "MRTD"}};
    for (size_t i = 0; i < PH_LEN(digests); i++) {
        init(&g);
        uint8_t digest[48];
        memset(digest, digests[i].fill, sizeof(digest));
        uint8_t *at = memmem(g.cbor.ptr, g.cbor.len, digest, sizeof(digest));
        CHECK(at);
        at[47] ^= 0x80;
        CHECK(refused(&g, digests[i].what));
    }
    init(&g);
    g.cbor.ptr[g.cbor.len - 1] ^= 1; /* a page more of memory that was accepted */
    CHECK(refused(&g, "RTMR0"));
    init(&g);
    g.cbor.ptr[g.cbor.len - 10] ^= 1; /* the list lies elsewhere */
    CHECK(refused(&g, "RTMR0"));
}

TEST(the_hash_names_the_list_and_the_list_the_measurement)
{
    static const char *const lists[] = {
        "",
        "%s  measurement.snp.cbor\n",
        "%.63s  measurement.tdx.cbor\n",
        "%.63sx  measurement.tdx.cbor\n",
        "0%s  measurement.tdx.cbor\n",
        "%s  a measurement.tdx.cbor\n",
        "%s  measurement.tdx.cbor\n%s  measurement.tdx.cbor\n",
        ("%s  measurement.tdx.cbor\n"
         "0000000000000000000000000000000000000000000000000000000000000000  measurement.tdx.cbor"),
        "0000000000000000000000000000000000000000000000000000000000000000  measurement.tdx.cbor\n",
        "%s  measurement.tdx.cbor \n",
    };
    uint8_t hash[32];
    struct guest g;
    char hex[65];

    init(&g);
    g.hash_is_given = true;
    CHECK(refused(&g, "os_image_hash is not the hash"));
    for (size_t i = 0; i < PH_LEN(lists); i++) {
        init(&g);
        ph_sha256(ph_buf_view(&g.cbor), hash);
        ph_hex_encode(PH_BYTES_OF(hash), hex);
        g.list_is_given = true;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
        (void)snprintf(g.checksums, sizeof(g.checksums), lists[i], hex, hex);
#pragma GCC diagnostic pop
        CHECK(refused(&g, "do not name the measurement"));
    }
    struct ph_event_why why;
    init(&g);
    ph_sha256(ph_buf_view(&g.cbor), hash);
    ph_hex_encode(PH_BYTES_OF(hash), hex);
    g.list_is_given = true;
    (void)snprintf(g.checksums, sizeof(g.checksums), "%s  measurement.tdx.cbor", hex);
    CHECK(check(&g, &why) == PH_OK);
}

TEST(where_nothing_can_be_said_nothing_is)
{
    static const uint64_t not_covered[] = {0, LOW - 1, LOW + 1, SPLIT - 1};
    struct ph_event_why why;
    struct guest g;

    for (size_t i = 0; i < PH_LEN(not_covered); i++) {
        init(&g);
        g.memory = not_covered[i];
        CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
    }
    init(&g);
    g.variant = "legacy"; /* the measurement may be there all the same */
    CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
    for (unsigned i = 0; i < PH_ACPI_CNT; i++) {
        init(&g);
        g.claims.acpi_seen &= ~(1u << i);
        CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
        init(&g);
        g.claims.acpi_seen |= 1u << (PH_ACPI_CNT + i); /* named twice */
        CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
    }
    init(&g);
    uint8_t *at = memmem(g.cbor.ptr, g.cbor.len, "pre202505", 9);
    CHECK(at);
    at[8] = '6';
    CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
    init(&g);
    g.cbor.ptr[9] = 4; /* the version */
    CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
    init(&g);
    g.cbor.len = 0;
    CHECK(check(&g, &why) == PH_ERR_UNSUPPORTED);
}

TEST(a_measurement_that_breaks_its_form_is_refused)
{
    struct ph_event_why why;
    struct guest g;

    init(&g);
    const size_t len = g.cbor.len;
    ph_buf_clear(&g.cbor);
    for (size_t cut = 1; cut < len; cut++) {
        init(&g);
        g.cbor.len = cut;
        CHECK(refused(&g, "breaks its format"));
    }
    init(&g);
    PUT(&g.cbor, "\xf6");
    CHECK(refused(&g, "breaks its format"));
    /* Every letter of every name. */
    static const char *const names[] = {
        "version",       "image",    "cmdline_sha384", "kernel_authenticode",
        "initrd_sha384", "tdvf",     "ovmf",           "mrtd",
        "single_pass",   "two_pass", "td_hob"};
    for (size_t i = 0; i < PH_LEN(names); i++) {
        init(&g);
        uint8_t *at = memmem(g.cbor.ptr, g.cbor.len, names[i], strlen(names[i]));
        CHECK(at);
        *at ^= 0x20;
        CHECK(refused(&g, "breaks its format"));
    }
    /* The witness: first page, the list's, count, then first and number of each range. */
    static const struct {
        const char *witness;
        uint8_t len;
        bool ok;
    } witnesses[] = {
        {"\x80\x10\x09\x01\x00\x09", 6, true},
        {"\x80\x10\x09\x00", 4, false},                              /* none */
        {"\x80\x10\x09\x01\x00\x00", 6, false},                      /* empty */
        {"\x80\x10\x09\x01\x00", 5, false},                          /* cut */
        {"\x80\x10\x09\x01\x00\x89", 6, false},                      /* cut in a number */
        {"\x80\x10\x09\x01\x00\x09\x00", 7, false},                  /* more */
        {"\x80\x10\x09\x02\x00\x09\x08\x01", 8, false},              /* overlap */
        {"\x80\x10\x09\x02\x09\x02\x00\x02", 8, false},              /* out of order */
        {"\x80\x10\x09\x01\xff\xef\x1f\x01", 8, false},              /* up to 2 GiB */
        {"\x80\x10\x09\x01\xfe\xef\x1f\x01", 8, true},               /* a page below */
        {"\xff\xff\xff\xff\xff\xff\x01\x09\x01\x00\x09", 11, false}, /* no page */
        {"\x80\x10\x09\x11\x00\x01\x02\x01\x04\x01\x06\x01\x08\x01\x0a\x01\x0c\x01\x0e\x01\x10\x01"
         "\x12\x01\x14\x01\x16\x01\x18\x01\x1a\x01\x1c\x01\x1e\x01\x20\x01",
         38, false}, /* 17 ranges */
        {"\x80\x10\x09\x10\x00\x01\x02\x01\x04\x01\x06\x01\x08\x01\x0a\x01\x0c\x01\x0e\x01\x10\x01"
         "\x12\x01\x14\x01\x16\x01\x18\x01\x1a\x01\x1c\x01\x1e\x01",
         36, true},
    };
    for (size_t i = 0; i < PH_LEN(witnesses); i++) {
        const uint8_t n = witnesses[i].len, head[] = {n < 24 ? 0x40 | n : 0x58, n};
        init(&g);
        g.cbor.len -= 13;
        put(&g.cbor, (struct ph_bytes){head, n < 24 ? 1 : 2});
        put(&g.cbor, (struct ph_bytes){(const uint8_t *)witnesses[i].witness, n});
        if (!refused(&g, witnesses[i].ok ? "RTMR0" : "breaks its format"))
            fail_msg("witness %zu", i);
    }
    init(&g);
    CHECK(check(&g, &why) == PH_OK);
}

TEST(a_vm_config_is_read_strictly)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{",
        "{\"os_image_hash\":\"00\"}",
        "{\"os_image_hash\":7}",
        "{\"memory_size\":-1}",
        "{\"memory_size\":\"1\"}",
        "{\"memory_size\":4503599627370497}", /* 2^52 + 1 */
        "{\"memory_size\":1,\"memory_size\":1}",
        "{\"tdx_attestation_variant\":7}",
        "{\"tdx_measurement\":7}",
        "{\"tdx_measurement\":{}}",
        "{\"tdx_measurement\":{\"measurement\":\"AA==\"}}",
        "{\"tdx_measurement\":{\"checksum_file\":\"AA==\"}}",
        "{\"tdx_measurement\":{\"measurement\":\"?\",\"checksum_file\":\"AA==\"}}",
        "{\"tdx_measurement\":{\"measurement\":\"AA==\",\"checksum_file\":7}}",
        "{\"mr_config\":7}",
    };
    struct ph_dstack_vm vm PH_OWNED(ph_dstack_vm_clear) = {.is_lite = false};
    for (size_t i = 0; i < PH_LEN(wrong); i++) {
        const enum ph_err err = ph_dstack_vm_parse(ph_bytes_str(wrong[i]), &vm);
        if (err != PH_ERR_MALFORMED)
            fail_msg("%s: %s", wrong[i], ph_err_name(err));
    }

    CHECK(ph_dstack_vm_parse(PH_BYTES_LIT("{\"memory_size\":4503599627370496,\"new\":[{}],"
                                          "\"mr_config\":\"{\\\"a\\\":1}\"}"),
                             &vm) == PH_OK);
    CHECK(vm.memory_size == (uint64_t)1 << 52 && !vm.is_lite && !vm.has_image_hash);
    CHECK(ph_bytes_is(vm.config, "{\"a\":1}") && vm.measurement.len == 0);

    /* Parts as long as they can be, and a byte longer. */
    for (size_t over = 0; over < 2; over++) {
        struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);
        static uint8_t part[PH_DSTACK_IMAGE_PART_MAX + 1];
        struct ph_dstack_vm got PH_OWNED(ph_dstack_vm_clear) = {.is_lite = false};
        PUT(&text, "{\"tdx_measurement\":{\"measurement\":\"\",\"checksum_file\":\"");
        CHECK(ph_base64_encode((struct ph_bytes){part, PH_DSTACK_IMAGE_PART_MAX + over}, &text) ==
              PH_OK);
        PUT(&text, "\"}}");
        CHECK(ph_dstack_vm_parse(ph_buf_view(&text), &got) == (over ? PH_ERR_LIMIT : PH_OK));
    }
}

TEST(a_real_guest_booted_the_image_that_its_host_names)
{
    struct ph_buf file PH_OWNED(ph_buf_clear) = ph_test_vector("dstack/tdx-lite-getquote.json");
    struct ph_buf log PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_buf config PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_dstack_vm vm PH_OWNED(ph_dstack_vm_clear) = {.is_lite = false};
    static struct ph_jtok toks[64];
    static uint8_t quote[16384];
    struct ph_event_claims claims;
    struct ph_event_why why;
    struct ph_json_why json_why;
    struct ph_tdx_body td;
    struct ph_bytes hex;
    struct ph_jdoc json;

    CHECK(ph_jread_open(ph_buf_view(&file), 65536, toks, PH_LEN(toks), &json, &json_why) == PH_OK);
    CHECK(ph_jscan_str(&json, ph_jscan_get(&json, 0, "quote"), &hex) == PH_OK);
    CHECK(hex.len / 2 <= sizeof(quote) && ph_hex_decode(hex, quote, hex.len / 2) == PH_OK);
    memcpy(&td, quote + 48, sizeof(td));
    CHECK(ph_jread_unescape(&json, ph_jscan_get(&json, 0, "event_log"), &log) == PH_OK);
    CHECK(ph_jread_unescape(&json, ph_jscan_get(&json, 0, "vm_config"), &config) == PH_OK);
    CHECK(ph_runtime_log_replay(ph_buf_view(&log), &claims, &why) == PH_OK);
    CHECK(claims.acpi_seen == 7);
    CHECK(ph_dstack_vm_parse(ph_buf_view(&config), &vm) == PH_OK);
    if (ph_dstack_image_check(&vm, &claims, &td, &why) != PH_OK)
        fail_msg("%s", why.text);
    vm.memory_size *= 2;
    CHECK(ph_dstack_image_check(&vm, &claims, &td, &why) == PH_ERR_UNTRUSTED);
}

PH_TEST_MAIN(CASE(registers_follow_from_the_image_and_the_size_of_memory),
             CASE(another_register_is_refused),
             CASE(the_hash_names_the_list_and_the_list_the_measurement),
             CASE(where_nothing_can_be_said_nothing_is),
             CASE(a_measurement_that_breaks_its_form_is_refused),
             CASE(a_vm_config_is_read_strictly),
             CASE(a_real_guest_booted_the_image_that_its_host_names))
