/* The files that carry reports: each form, what is missing or of the wrong kind, limits; the JSON
 * that shows them; chains with other names, orders and extensions. */

#include "attest/nvidia/device_chain.h"
#include "attest/nvidia/evidence.h"
#include "attest/nvidia/synth_nvidia.h"
#include "attest/nvidia/verify.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

static struct ph_synth_nv_device dev;
static const struct ph_bytes none = {0};

static enum ph_err open_text(const char *text, struct ph_nv_evidence **out)
{
    return ph_nv_evidence_open(ph_bytes_str(text), none, out);
}

static struct ph_buf make_item(enum ph_nvidia_arch arch)
{
    struct ph_buf item = PH_BUF(1 << 17);
    ph_synth_nv_device_init(&dev, arch, 0);
    CHECK(ph_synth_nv_item(&dev, &item) == PH_OK);
    return item;
}

/* `%s` in a form stands for a device; yields what opening says. */
static enum ph_err open_form(const char *form, struct ph_bytes item, size_t *cnt)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    for (const char *at = form; *at; at++) {
        if (at[0] == '%')
            CHECK(ph_buf_add(&text, item) == PH_OK);
        else if (at[0] == '$') /* the same inside a string */
            for (size_t i = 0; i < item.len; i++) {
                if (item.ptr[i] == '"')
                    CHECK(ph_buf_add_str(&text, "\\") == PH_OK);
                CHECK(ph_buf_add(&text, (struct ph_bytes){item.ptr + i, 1}) == PH_OK);
            }
        else
            CHECK(ph_buf_add(&text, (struct ph_bytes){(const uint8_t *)at, 1}) == PH_OK);
    }
    const enum ph_err err = ph_nv_evidence_open(ph_buf_view(&text), none, &ev);
    CHECK(ph_nvidia_is_evidence(ph_buf_view(&text)) == (err == PH_OK));
    *cnt = ev ? ev->item_cnt : 0;
    for (size_t i = 0; i < *cnt; i++) {
        CHECK(ph_nv_is_raw_report(ev->item[i].report));
        CHECK(ev->item[i].chain_pem.len > 10 &&
              memcmp(ev->item[i].chain_pem.ptr, "-----BEGIN", 10) == 0);
        CHECK(ev->item[i].seen_report.ptr > text.ptr &&
              ev->item[i].seen_report.ptr < text.ptr + text.len);
        CHECK(ev->item[i].arch == PH_NVIDIA_HOPPER && ev->item[i].arch_stated);
    }
    return err;
}

TEST(each_form_is_read)
{
    struct ph_buf item PH_OWNED(ph_buf_clear) = make_item(PH_NVIDIA_HOPPER);
    const struct ph_bytes i = ph_buf_view(&item);
    size_t cnt;
    CHECK(open_form("[%]", i, &cnt) == PH_OK && cnt == 1);
    CHECK(open_form(" [%,%,%]", i, &cnt) == PH_OK && cnt == 3);
    CHECK(open_form("{\"evidence_list\":[%,%],\"other\":{}}", i, &cnt) == PH_OK && cnt == 2);
    CHECK(open_form("{\"nvidia_payload\":{\"evidence_list\":[%]}}", i, &cnt) == PH_OK && cnt == 1);
    CHECK(open_form("{\"nvidia_payload\":[%]}", i, &cnt) == PH_OK && cnt == 1);
    CHECK(open_form("{\"quote\":\"00\",\"nvidia_payload\":\"[$,$]\"}", i, &cnt) == PH_OK &&
          cnt == 2);
    CHECK(open_form("{\"nvidia_payload\":\"{\\\"evidence_list\\\":[$]}\"}", i, &cnt) == PH_OK &&
          cnt == 1);
    /* Not deeper. */
    CHECK(open_form("{\"nvidia_payload\":{\"nvidia_payload\":[%]}}", i, &cnt) == PH_ERR_MALFORMED);
    CHECK(open_form("%", i, &cnt) == PH_ERR_MALFORMED);
    CHECK(open_form("[[%]]", i, &cnt) == PH_ERR_MALFORMED);
    CHECK(open_form("[%]x", i, &cnt) == PH_ERR_MALFORMED);
    CHECK(open_form("[%%]", i, &cnt) == PH_ERR_MALFORMED);
    char many[128] = "[%";
    for (size_t n = 1; n < PH_NVIDIA_DEVICES_MAX; n++)
        (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), ",%%");
    (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "]");
    CHECK(open_form(many, i, &cnt) == PH_OK && cnt == PH_NVIDIA_DEVICES_MAX);
    many[strlen(many) - 1] = ',';
    (void)snprintf(many + strlen(many), sizeof(many) - strlen(many), "%%]");
    CHECK(open_form(many, i, &cnt) == PH_ERR_LIMIT);
}

TEST(arch_and_nonce_may_be_stated_for_all)
{
    struct ph_nv_evidence *ev PH_OWNED(ph_nv_evidence_freep) = NULL;
    CHECK(open_text("{\"arch\":\"Ls10\",\"nonce\":"
                    "\"0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\","
                    "\"evidence_list\":[{\"evidence\":\"AA==\",\"certificate\":\"AA==\"},"
                    "{\"evidence\":\"AAE=\",\"certificate\":\"AA==\",\"arch\":\"Rubin\"}]}",
                    &ev) == PH_OK);
    CHECK(ev->item_cnt == 2 && ev->item[0].arch == PH_NVIDIA_LS10 && ev->item[0].nonce_stated);
    CHECK(ev->item[0].nonce[31] == 0x20 && ev->item[1].nonce[0] == 1);
    CHECK(ev->item[1].arch == PH_NVIDIA_UNKNOWN && ev->item[1].arch_stated);
    CHECK(ev->item[1].report.len == 2 && ev->item[1].report.ptr[1] == 1);
}

TEST(what_is_missing_or_wrong_is_refused)
{
    static const char *const bad[] = {
        "",
        "{}",
        "[",
        "[1]",
        "[{}]",
        "{\"evidence_list\":{}}",
        "[{\"evidence\":\"AA==\"}]",
        "[{\"certificate\":\"AA==\"}]",
        "[{\"evidence\":\"\",\"certificate\":\"AA==\"}]",
        "[{\"evidence\":\"AA\",\"certificate\":\"AA==\"}]",
        "[{\"evidence\":\"A A==\",\"certificate\":\"AA==\"}]",
        "[{\"evidence\":7,\"certificate\":\"AA==\"}]",
        "[{\"evidence\":\"AA==\",\"certificate\":\"AA==\",\"arch\":7}]",
        "[{\"evidence\":\"AA==\",\"certificate\":\"AA==\",\"nonce\":\"00\"}]",
        "[{\"evidence\":\"AA==\",\"evidence\":\"AA==\",\"certificate\":\"AA==\"}]",
        "{\"nvidia_payload\":7}",
        "{\"nvidia_payload\":\"{\"}",
    };
    for (size_t i = 0; i < PH_LEN(bad); i++) {
        struct ph_nv_evidence *ev = NULL;
        if (open_text(bad[i], &ev) != PH_ERR_MALFORMED || ev)
            fail_msg("%s", bad[i]);
    }
    struct ph_nv_evidence *ev = NULL;
    CHECK(open_text("[]", &ev) == PH_ERR_NOT_FOUND);
    CHECK(open_text("{\"evidence_list\":[]}", &ev) == PH_ERR_NOT_FOUND);
    /* A chain beside JSON: which device's would it be? */
    CHECK(ph_nv_evidence_open(PH_BYTES_LIT("[{\"evidence\":\"AA==\",\"certificate\":\"AA==\"}]"),
                              PH_BYTES_LIT("-----BEGIN"), &ev) == PH_ERR_MALFORMED);
    static uint8_t big[PH_NV_EVIDENCE_MAX + 1];
    CHECK(ph_nv_evidence_open(PH_BYTES_OF(big), none, &ev) == PH_ERR_LIMIT);
}

TEST(the_nonce_can_be_peeked_at)
{
    struct ph_buf item PH_OWNED(ph_buf_clear) = make_item(PH_NVIDIA_HOPPER);
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    uint8_t nonce[32];
    CHECK(ph_synth_nv_report(&dev, &report) == PH_OK);
    CHECK(ph_nvidia_peek_nonce(ph_buf_view(&report), nonce) == PH_OK);
    CHECK(memcmp(nonce, dev.report.nonce, 32) == 0);
    CHECK(ph_nvidia_peek_nonce(ph_buf_view(&item), nonce) == PH_ERR_MALFORMED);
    report.len = 37;
    CHECK(ph_nvidia_peek_nonce(ph_buf_view(&report), nonce) == PH_ERR_MALFORMED);
}

static bool shows(struct ph_bytes evidence, const char *what)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_jput out = {.out = &text};
    enum ph_check failed;
    CHECK(ph_nvidia_json(evidence, none, &out, NULL, &failed) == PH_OK && failed == PH_CHECK_CNT);
    CHECK(ph_jput_end(&out) == PH_OK);
    return memmem(text.ptr, text.len, what, strlen(what)) != NULL;
}

TEST(evidence_is_shown_field_by_field)
{
    static const uint8_t mode[] = {2, 0};
    struct ph_buf item PH_OWNED(ph_buf_clear) = make_item(PH_NVIDIA_HOPPER);
    struct ph_buf list PH_OWNED(ph_buf_clear) = PH_BUF(1 << 18);
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    CHECK(ph_buf_add_str(&list, "[") == PH_OK);
    CHECK(ph_buf_add(&list, ph_buf_view(&item)) == PH_OK && ph_buf_add_str(&list, "]") == PH_OK);
    const struct ph_bytes e = ph_buf_view(&list);
    CHECK(shows(e, "\"kind\":\"nvidia\"") && shows(e, "\"arch\":\"HOPPER\""));
    CHECK(shows(e, "{\"id\":3,\"name\":\"DRIVER_VERSION\",\"value\":\"550.90.07\"}"));
    CHECK(shows(e, "{\"id\":11,\"name\":\"NVDEC0_STATUS\",\"value\":\"55\","
                   "\"meaning\":\"disabled\"}"));
    CHECK(shows(e, "\"rim_ids\":[\"NV_GPU_DRIVER_GH100_550.90.07\","
                   "\"NV_GPU_VBIOS_1010_0200_882_96009F0001\"]"));
    CHECK(shows(e, "\"subject\":\"NVIDIA Device Identity CA\"") &&
          shows(e, "\"leaf_fwid\":\"f1f1"));
    CHECK(shows(e, "\"64\":\"3f3f"));
    /* A name that is no text. */
    struct ph_buf odd PH_OWNED(ph_buf_clear) = PH_BUF(1 << 18);
    dev.cert[0].subject = "\xff\x01";
    CHECK(ph_buf_add_str(&odd, "[") == PH_OK && ph_synth_nv_item(&dev, &odd) == PH_OK &&
          ph_buf_add_str(&odd, "]") == PH_OK);
    CHECK(shows(ph_buf_view(&odd), "\"subject_hex\":\"ff01\""));
    /* A raw report without its chain: of a GPU, of a switch. */
    ph_synth_nv_field(&dev.report, 36, mode, 2);
    CHECK(ph_synth_nv_report(&dev, &report) == PH_OK);
    CHECK(shows(ph_buf_view(&report), "(PPCIE)") && shows(ph_buf_view(&report), "\"GPU\""));
    ph_synth_nv_device_init(&dev, PH_NVIDIA_LS10, 0);
    report.len = 0;
    CHECK(ph_synth_nv_report(&dev, &report) == PH_OK);
    CHECK(shows(ph_buf_view(&report), "\"kind\":\"switch\""));
    CHECK(shows(ph_buf_view(&report), "\"rim_ids\":[\"NV_SWITCH_BIOS_5612_0002_890_9610550001\"]"));
    /* What breaks is named. */
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    struct ph_jput out = {.out = &text};
    enum ph_check failed;
    report.len--;
    CHECK(ph_nvidia_json(ph_buf_view(&report), none, &out, NULL, &failed) == PH_ERR_MALFORMED &&
          failed == PH_CHECK_NV_LENGTH);
    CHECK(ph_nvidia_json(PH_BYTES_LIT("[]"), none, &out, NULL, &failed) == PH_ERR_MALFORMED &&
          failed == PH_CHECK_NV_DEVICE_CNT);
    CHECK(ph_nvidia_json(PH_BYTES_LIT("[7]"), none, &out, NULL, &failed) == PH_ERR_MALFORMED &&
          failed == PH_CHECK_NV_EVIDENCE);
    CHECK(ph_nvidia_json(PH_BYTES_LIT("[{\"evidence\":\"AA==\",\"certificate\":\"AA==\"}]"), none,
                         &out, NULL, &failed) == PH_ERR_MALFORMED &&
          failed == PH_CHECK_NV_CHAIN_FORMAT);
}

/* Facts about a chain as made; 0 if it does not parse. */
static uint32_t facts(struct ph_nv_chain **chain)
{
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    ph_nv_chain_freep(chain);
    *chain = NULL;
    CHECK(ph_synth_nv_chain(&dev, &pem) == PH_OK);
    return ph_nv_chain_parse(ph_buf_view(&pem), NULL, chain) == PH_OK ? (*chain)->facts : 0;
}

enum { ALL = PH_NV_FACT_PROFILE | PH_NV_FACT_LINKS | PH_NV_FACT_SIGNATURES | PH_NV_FACT_FWID };

/* Rename a certificate, and what it issued. */
static void rename_cert(size_t i, const char *cn)
{
    dev.cert[i].subject = cn;
    if (i > 0)
        dev.cert[i - 1].issuer = cn;
    if (i == PH_NV_ROOT)
        dev.cert[i].issuer = cn;
}

TEST(names_give_the_roles_and_the_architecture)
{
    static const struct {
        enum ph_nvidia_arch arch;
        size_t cert;
        const char *cn;
        bool good;
    } rows[] = {
        {PH_NVIDIA_HOPPER, 0, "GH100 A02 GSP FMC LF", true},
        {PH_NVIDIA_HOPPER, 0, "GH100 A01 FSP FMC LF", true},
        {PH_NVIDIA_HOPPER, 0, "GH200 A01 GSP FMC LF", false},
        {PH_NVIDIA_HOPPER, 0, "GH100 A01 GSP FMC LF ", false},
        {PH_NVIDIA_HOPPER, 0, "GH100 A01 GSP BROM", false},
        {PH_NVIDIA_HOPPER, 0, "GH100  GSP FMC LF", false},
        {PH_NVIDIA_HOPPER, 0, "GB100 A01 GSP FMC LF", false}, /* the others say Hopper */
        {PH_NVIDIA_HOPPER, 1, "GB100 A01 GSP BROM", false},
        {PH_NVIDIA_HOPPER, 1, "GH100 A01 GSP FMC LF", false},
        {PH_NVIDIA_HOPPER, 2, "NVIDIA GH100 Provisioner ICA 12", true},
        {PH_NVIDIA_HOPPER, 2, "NVIDIA GH100 Provisioner ICA ", false},
        {PH_NVIDIA_HOPPER, 2, "NVIDIA GH100 Provisioner ICA x", false},
        {PH_NVIDIA_HOPPER, 2, "NVIDIA LS_10 Provisioner ICA 1", false},
        {PH_NVIDIA_HOPPER, 3, "NVIDIA GB100 Identity", false},
        {PH_NVIDIA_HOPPER, 3, "NVIDIA LS_10 Identity", false},
        {PH_NVIDIA_HOPPER, 3, "NVIDIA GH100 Identity 2", false},
        {PH_NVIDIA_HOPPER, 4, "NVIDIA Device Identity CA 2", false},
        {PH_NVIDIA_HOPPER, 4, "NVIDIA CoRIM signing Root CA", false},
        {PH_NVIDIA_BLACKWELL, 0, "GB202 A01 GSP FMC LF", true},
        {PH_NVIDIA_BLACKWELL, 0, "GB20B A01 FSP FMC LF", true},
        {PH_NVIDIA_BLACKWELL, 0, "GB300 A01 GSP FMC LF", false},
        {PH_NVIDIA_BLACKWELL, 0, "GB2", false},
        {PH_NVIDIA_BLACKWELL, 3, "NVIDIA GH100 Identity", false},
        {PH_NVIDIA_LS10, 3, "NVIDIA LS_10 Identity", true},
        {PH_NVIDIA_LS10, 3, "NVIDIA GB100 Identity", false},
    };
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        ph_synth_nv_device_init(&dev, rows[i].arch, 0);
        CHECK(facts(&chain) == ALL && chain->arch == rows[i].arch);
        rename_cert(rows[i].cert, rows[i].cn);
        const uint32_t f = facts(&chain);
        if (((f & PH_NV_FACT_PROFILE) != 0) != rows[i].good || (f & PH_NV_FACT_LINKS) == 0)
            fail_msg("%s: %x", rows[i].cn, f);
    }
}

TEST(each_role_has_its_profile)
{
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    for (size_t i = 0; i < PH_NV_CERT_CNT; i++) {
        const bool leaf = i == PH_NV_LEAF;
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].key_usage = leaf ? 0x84 : 0x84; /* digitalSignature and keyCertSign */
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_PROFILE));
        dev.cert[i].key_usage = leaf ? 0x06 : 0x80;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_PROFILE));
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].no_key_usage = true;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_PROFILE));
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].is_ca = leaf;
        dev.cert[i].no_basic_constraints = !leaf;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_PROFILE));
        if (leaf)
            continue;
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].has_path_len = true;
        dev.cert[i].path_len = (uint8_t)(i - 1);
        CHECK(facts(&chain) == ALL);
        if (i < 2)
            continue;
        dev.cert[i].path_len--;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_PROFILE));
    }
}

TEST(order_links_and_signatures_are_demanded)
{
    static const uint8_t nobody[48] = {6, [47] = 6};
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    for (size_t i = 0; i < PH_NV_CERT_CNT; i++) {
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].signer_secret = nobody;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_SIGNATURES));
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].no_aki = true;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_LINKS));
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].issuer = "Somebody";
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_LINKS));
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
        dev.cert[i].p256_sig_alg = true;
        CHECK(facts(&chain) == 0);
    }
    ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
    const struct ph_synth_p384_cert second = dev.cert[1];
    dev.cert[1] = dev.cert[2];
    dev.cert[2] = second;
    CHECK((facts(&chain) & (PH_NV_FACT_PROFILE | PH_NV_FACT_LINKS | PH_NV_FACT_SIGNATURES)) == 0);
    for (dev.cert_cnt = 0; dev.cert_cnt < PH_NV_CERT_CNT; dev.cert_cnt++)
        CHECK(facts(&chain) == 0);
}

TEST(the_leaf_names_its_firmware_in_its_architectures_form)
{
    static const uint8_t other[48] = {7, [47] = 7};
    struct ph_nv_chain *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    for (enum ph_nvidia_arch a = PH_NVIDIA_HOPPER; a <= PH_NVIDIA_LS10; a++) {
        ph_synth_nv_device_init(&dev, a, 0);
        CHECK(facts(&chain) == ALL && memcmp(chain->fwid, dev.fwid, 48) == 0 && !chain->debug);
        dev.no_fwid = true;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_FWID));
        /* The form of another architecture. */
        ph_synth_nv_device_init(&dev, a, 0);
        dev.arch = a == PH_NVIDIA_BLACKWELL ? PH_NVIDIA_HOPPER : PH_NVIDIA_BLACKWELL;
        CHECK(facts(&chain) == (ALL & ~PH_NV_FACT_FWID));
        ph_synth_nv_device_init(&dev, a, 0);
        dev.composite_secret = other;
        CHECK(facts(&chain) == (a == PH_NVIDIA_BLACKWELL ? ALL : (ALL & ~PH_NV_FACT_FWID)));
    }
}

TEST(a_known_chain_saves_signatures_and_changes_no_fact)
{
    static const uint8_t nobody[48] = {6, [47] = 6};
    struct ph_nv_chain *known PH_OWNED(ph_nv_chain_freep) = NULL,
                              *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
    CHECK(facts(&known) == ALL);
    for (size_t i = 0; i < PH_NV_CERT_CNT; i++) {
        ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 1);
        dev.cert[i].signer_secret = nobody;
        pem.len = 0;
        ph_nv_chain_freep(&chain);
        chain = NULL;
        CHECK(ph_synth_nv_chain(&dev, &pem) == PH_OK);
        CHECK(ph_nv_chain_parse(ph_buf_view(&pem), known, &chain) == PH_OK);
        CHECK(chain->facts == (ALL & ~PH_NV_FACT_SIGNATURES));
        /* What does not verify teaches nothing. */
        struct ph_nv_chain *again PH_OWNED(ph_nv_chain_freep) = NULL;
        CHECK(ph_nv_chain_parse(ph_buf_view(&pem), chain, &again) == PH_OK);
        CHECK(again->facts == (ALL & ~PH_NV_FACT_SIGNATURES));
    }
}

TEST(a_known_certificate_under_another_key_is_judged_again)
{
    static const uint8_t other[48] = {8, [47] = 8};
    struct ph_nv_chain *known PH_OWNED(ph_nv_chain_freep) = NULL,
                              *chain PH_OWNED(ph_nv_chain_freep) = NULL;
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(1 << 16);
    ph_synth_nv_device_init(&dev, PH_NVIDIA_HOPPER, 0);
    CHECK(facts(&known) == ALL);
    for (size_t i = 0; i < PH_NV_CERT_CNT; i++)
        dev.ready[i] = known->cert[i].whole;
    dev.ready[PH_NV_IDENTITY] = (struct ph_bytes){0};
    CHECK(facts(&chain) == ALL);
    dev.cert[PH_NV_IDENTITY].secret = other; /* same name; it never signed the factory's */
    CHECK(ph_synth_nv_chain(&dev, &pem) == PH_OK);
    ph_nv_chain_freep(&chain);
    chain = NULL;
    CHECK(ph_nv_chain_parse(ph_buf_view(&pem), known, &chain) == PH_OK);
    CHECK((chain->facts & PH_NV_FACT_SIGNATURES) == 0);
}

PH_TEST_MAIN(CASE(a_known_certificate_under_another_key_is_judged_again), CASE(each_form_is_read),
             CASE(arch_and_nonce_may_be_stated_for_all), CASE(what_is_missing_or_wrong_is_refused),
             CASE(the_nonce_can_be_peeked_at), CASE(evidence_is_shown_field_by_field),
             CASE(names_give_the_roles_and_the_architecture), CASE(each_role_has_its_profile),
             CASE(order_links_and_signatures_are_demanded),
             CASE(the_leaf_names_its_firmware_in_its_architectures_form),
             CASE(a_known_chain_saves_signatures_and_changes_no_fact))
