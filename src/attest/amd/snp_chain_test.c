/* Certificates, roots and revocation of SEV-SNP keys; chains that are cached. */

#include "base/test_heap.h"

#include "attest/amd/snp_chain.h"
#include "attest/amd/snp_world.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

#include <pthread.h>

static struct snp_world w;
static struct ph_verdict v;

static void milan(void)
{
    snp_world_init(&w, PH_SNP_MILAN, 3, false);
}

TEST(a_table_brings_certificates_and_list)
{
    milan();
    w.in_table = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.revocation_checked);
    w.s.revoked[0] = w.s.ask_serial;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_ASK_REVOKED);
    /* What the caller gives counts first. */
    milan();
    w.in_table = true;
    struct snp_evidence e PH_OWNED(snp_evidence_clear), beside PH_OWNED(snp_evidence_clear);
    snp_world_make(&w, &e);
    w.in_table = false;
    snp_world_make(&w, &beside);
    struct ph_snp_args a = snp_world_args(&w, &beside);
    a.report = ph_buf_view(&e.report);
    CHECK(ph_snp_verify(&a, &v) == PH_OK);
    struct ph_snp_args b = a;
    b.vek.len--;
    CHECK(ph_snp_verify(&b, &v) != PH_OK && v.check == PH_CHECK_SNP_VEK_FORMAT);
    b = a;
    b.chain_pem = a.vek;
    CHECK(ph_snp_verify(&b, &v) != PH_OK && v.check == PH_CHECK_SNP_VEK_FORMAT);
    b = a;
    b.crl.len--;
    CHECK(ph_snp_verify(&b, &v) != PH_OK && v.check == PH_CHECK_SNP_CRL_FORMAT);
    /* A table has no ASVK: AMD's own stands in, and did not sign this VLEK. */
    snp_world_init(&w, PH_SNP_MILAN, 3, true);
    w.in_table = true;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHAIN_LINKS);
    CHECK(v.status == PH_TCB_UNKNOWN);
}

TEST(a_root_counts_for_its_own_product_only)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    milan();
    snp_world_make(&w, &e);
    struct ph_snp_args a = snp_world_args(&w, &e);
    struct ph_root_pin *pin = &e.roots.pin[e.roots.pin_cnt - 1];
    for (enum ph_root_maker maker = PH_ROOT_AMD_MILAN; maker <= PH_ROOT_AWS_NITRO; maker++) {
        pin->maker = maker;
        CHECK(ph_snp_verify(&a, &v) == (maker == PH_ROOT_AMD_MILAN ? PH_OK : PH_ERR_UNTRUSTED));
        CHECK(maker == PH_ROOT_AMD_MILAN || v.check == PH_CHECK_SNP_ROOT);
    }
    /* As a simulator's root, a policy must name it, and the verdict says so. */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && !v.insecure_simulator);
    memcpy(w.policy.simulator_root_insecure, pin->spki_sha256, 32);
    w.policy.has_simulator_root_insecure = true;
    CHECK(ph_snp_verify(&a, &v) == PH_OK && v.insecure_simulator && v.claims.insecure_simulator);
    CHECK(strstr(v.sentence, "INSECURE-SIMULATOR"));
    w.policy.simulator_root_insecure[0] ^= 1;
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_ROOT);
}

/* Facts of the two upper certificates of a chain. */
enum {
    UPPER = PH_SNP_FACT_ARK_PROFILE | PH_SNP_FACT_ASK_PROFILE | PH_SNP_FACT_ARK_SIGNATURE |
            PH_SNP_FACT_ASK_SIGNATURE,
};

TEST(every_product_and_kind_of_key_has_amds_chain_built_in)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    for (enum ph_snp_product p = PH_SNP_MILAN; p <= PH_SNP_TURIN; p++) {
        for (int vlek = 0; vlek < 2; vlek++) {
            struct snp_evidence e PH_OWNED(snp_evidence_clear);
            struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
            enum ph_check failed;
            bool pinned = false;
            snp_world_init(&w, p, 3, vlek);
            snp_world_make(&w, &e);
            const struct ph_snp_chain_source source = {.vek = ph_buf_view(&e.vek)};
            CHECK(ph_snp_chain_new(&source, &chain, &failed) == PH_OK);
            CHECK((chain->facts & UPPER) == UPPER && chain->ark_product == p);
            CHECK((chain->facts & PH_SNP_FACT_VEK_SIGNATURE) == 0);
            CHECK(ph_bytes_equal(chain->ask.issuer, chain->ark.subject));
            for (size_t i = 0; i < roots.pin_cnt; i++)
                pinned =
                    pinned || (memcmp(roots.pin[i].spki_sha256, chain->ark_spki_sha256, 32) == 0 &&
                               (int)roots.pin[i].maker == (int)PH_ROOT_AMD_MILAN + (int)p - 1);
            CHECK(pinned);
            /* Valid from 2023-05-15 to 2045-10-22 at least, but for what the VEK narrows. */
            CHECK(chain->ark.not_after_s >= 2392305785 && chain->ark.not_before_s <= 1684181000);
            CHECK(ph_snp_chain_new(&(struct ph_snp_chain_source){.vek = ph_buf_view(&e.chain)},
                                   &chain, &failed) == PH_ERR_MALFORMED);
        }
    }
}

TEST(roles_and_products_cannot_be_mixed)
{
    static const struct {
        const char *ark, *ask, *vek, *product;
        enum ph_check check;
    } cases[] = {
        {"ARK-Venice", NULL, NULL, NULL, PH_CHECK_SNP_ARK_PROFILE},
        {"SEV-Milan", NULL, NULL, NULL, PH_CHECK_SNP_ARK_PROFILE},
        {"ARK-", NULL, NULL, NULL, PH_CHECK_SNP_ARK_PROFILE},
        {NULL, "ARK-Milan", NULL, NULL, PH_CHECK_SNP_ASK_PROFILE},
        {NULL, "SEV-Milan2", NULL, NULL, PH_CHECK_SNP_ASK_PROFILE},
        {NULL, "SEV-VLEK-Milan", NULL, NULL, PH_CHECK_SNP_VEK_PROFILE}, /* over a VCEK */
        {NULL, NULL, "SEV-VCEK2", NULL, PH_CHECK_SNP_VEK_PROFILE},
        {NULL, NULL, "SEV-VLEK", NULL, PH_CHECK_SNP_VEK_PROFILE}, /* under an ASK */
        {NULL, "SEV-Genoa", NULL, NULL, PH_CHECK_SNP_CHAIN_LINKS},
        {NULL, NULL, NULL, "Genoa", PH_CHECK_SNP_VEK_EXTENSION},
        {NULL, NULL, NULL, "Milan-X", PH_CHECK_SNP_VEK_EXTENSION},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        milan();
        w.s.ark_cn = cases[i].ark;
        w.s.ask_cn = cases[i].ask;
        w.s.vek_cn = cases[i].vek;
        w.s.product_name = cases[i].product;
        CHECK(snp_world_judge(&w, &v) != PH_OK);
        if (v.check != cases[i].check)
            fail_msg("case %zu: %s", i, v.reason);
    }
    milan();
    w.s.product_name = "Milan";
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    snp_world_init(&w, PH_SNP_GENOA, 3, false);
    w.s.product_name = "Siena-B2";
    w.s.report.cpuid_model[0] = 0xa2;
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.product == PH_SNP_GENOA);
}

TEST(amds_extensions_must_be_complete_and_fit)
{
    static const struct {
        uint32_t fault;
        bool vlek, good;
    } cases[] = {
        {PH_SYNTH_SNP_NO_HWID, false, false},         {PH_SYNTH_SNP_NO_CSP_ID, true, false},
        {PH_SYNTH_SNP_HWID_AND_CSP_ID, false, false}, {PH_SYNTH_SNP_HWID_AND_CSP_ID, true, false},
        {PH_SYNTH_SNP_NO_MICROCODE, false, false},    {PH_SYNTH_SNP_SPL_SET, false, false},
        {PH_SYNTH_SNP_BAD_STRUCT, false, false},      {0, false, true},
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        snp_world_init(&w, i % 2 ? PH_SNP_TURIN : PH_SNP_MILAN, 3, cases[i].vlek);
        w.s.faults = cases[i].fault;
        CHECK(snp_world_judge(&w, &v) == (cases[i].good ? PH_OK : PH_ERR_UNTRUSTED));
        if (!cases[i].good)
            CHECK(v.check == PH_CHECK_SNP_VEK_EXTENSION && v.status == PH_TCB_UNKNOWN);
    }
    static const char longest[] = "123456789012345678901234567890123456789012345678901234567890123";
    char longer[sizeof(longest) + 1] = "0";
    memcpy(longer + 1, longest, sizeof(longest));
    const char *const csp[] = {"", "a\nb", longer};
    for (size_t i = 0; i < PH_LEN(csp); i++) {
        snp_world_init(&w, PH_SNP_MILAN, 3, true);
        w.s.csp_id = csp[i];
        CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_VEK_EXTENSION);
    }
    w.s.csp_id = "x";
    CHECK(snp_world_judge(&w, &v) == PH_OK && strcmp(v.claims.snp.csp_id, "x") == 0);
    w.s.csp_id = longest; /* 63 characters */
    CHECK(snp_world_judge(&w, &v) == PH_OK && strcmp(v.claims.snp.csp_id, longest) == 0);
}

TEST(revocation_needs_a_list_and_says_whether_there_was_one)
{
    milan();
    w.drop_crl = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK && !v.claims.snp.revocation_checked);
    CHECK(v.valid_until_s == w.s.vek_not_after_s);
    milan();
    w.s.revoked_cnt = 0;
    w.s.faults = PH_SYNTH_SNP_LONG_CRL_AKI;
    w.policy.snp.require_crl = true;
    CHECK(snp_world_judge(&w, &v) == PH_OK && v.claims.snp.revocation_checked);
    /* Grace prolongs the list, and says so; it prolongs no certificate. */
    w.s.crl_next_s = w.now_s;
    w.policy.grace_s = 1;
    CHECK(snp_world_judge(&w, &v) == PH_OK && !v.claims.snp.revocation_checked);
    w.policy.grace_s = 0;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CRL_FRESH);
    milan();
    w.s.vek_not_after_s = w.now_s;
    w.policy.grace_s = 1000;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CHAIN_NOT_AFTER);
    w.s.vek_not_after_s = w.now_s + 1;
    CHECK(snp_world_judge(&w, &v) == PH_OK);
    milan();
    w.s.vek_serial = 0x1234;
    w.s.revoked[3] = 0x1234;
    w.s.revoked_cnt = 4;
    CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED);
    CHECK(v.check == PH_CHECK_SNP_VEK_REVOKED); /* and the zeros before it revoke nobody else */
}

TEST(certificates_are_one_and_two_in_order)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    struct ph_buf other PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    milan();
    snp_world_make(&w, &e);
    struct ph_snp_args a = snp_world_args(&w, &e);
    CHECK(ph_synth_snp_ark(&w.s, &other) == PH_OK && ph_synth_snp_ask(&w.s, &other) == PH_OK);
    a.chain_pem = ph_buf_view(&other); /* the ARK first */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_ARK_PROFILE);
    CHECK(ph_buf_add(&e.chain, ph_buf_view(&other)) == PH_OK);
    a.chain_pem = ph_buf_view(&e.chain); /* four */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_SNP_VEK_FORMAT);
    a.chain_pem = ph_buf_view(&e.vek); /* one */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_SNP_VEK_FORMAT);
    a.chain_pem = (struct ph_bytes){other.ptr, PH_SNP_CERTS_LEN_MAX + 1};
    struct ph_buf big PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_SNP_CERTS_LEN_MAX);
    while (big.len <= PH_SNP_CERTS_LEN_MAX)
        CHECK(ph_buf_add_str(&big, "-----------\n") == PH_OK);
    a.chain_pem = ph_buf_view(&big);
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_LIMIT && v.check == PH_CHECK_SNP_VEK_FORMAT);
}

TEST(what_each_certificate_must_say_of_itself)
{
    static const struct {
        uint32_t faults;
        uint8_t vek_key_usage;
        enum ph_check check; /* PH_CHECK_CNT: accepted */
    } cases[] = {
        {PH_SYNTH_SNP_NO_ASK_AKI, 0, PH_CHECK_SNP_CHAIN_LINKS},
        {PH_SYNTH_SNP_NO_ASK_PATHLEN, 0, PH_CHECK_SNP_ASK_PROFILE},
        {PH_SYNTH_SNP_NO_ASK_SKI, 0, PH_CHECK_SNP_ASK_PROFILE},
        {PH_SYNTH_SNP_BAD_ASK_USAGE, 0, PH_CHECK_SNP_ASK_PROFILE},
        {PH_SYNTH_SNP_ARK_NO_CA, 0, PH_CHECK_SNP_ARK_PROFILE},
        {PH_SYNTH_SNP_ARK_PATHLEN, 0, PH_CHECK_SNP_ARK_PROFILE},
        {PH_SYNTH_SNP_BAD_ARK_NAME, 0, PH_CHECK_SNP_CHAIN_LINKS},
        {PH_SYNTH_SNP_VEK_IS_RSA, 0, PH_CHECK_SNP_VEK_PROFILE},
        {PH_SYNTH_SNP_BAD_CRL_AKI, 0, PH_CHECK_SNP_CRL_ISSUER},
        {PH_SYNTH_SNP_SHORT_IDS, 0, PH_CHECK_CNT},
        {0, 0x80, PH_CHECK_CNT}, /* digitalSignature */
        {0, 0xc0, PH_CHECK_SNP_VEK_PROFILE},
        {0, 0x04, PH_CHECK_SNP_VEK_PROFILE}, /* keyCertSign */
    };
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        milan();
        w.s.faults = cases[i].faults;
        w.s.vek_key_usage = cases[i].vek_key_usage;
        w.drop_crl = cases[i].faults == PH_SYNTH_SNP_SHORT_IDS; /* the list names the whole key */
        const enum ph_err err = snp_world_judge(&w, &v);
        if (v.check != cases[i].check || (err == PH_OK) != (v.check == PH_CHECK_CNT))
            fail_msg("case %zu: %s", i, v.reason);
    }
}

TEST(what_is_no_pair_of_certificates_is_refused)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_snp_chain *chain = NULL;
    enum ph_check failed;

    milan();
    snp_world_make(&w, &e);
    struct ph_snp_args a = snp_world_args(&w, &e);
    CHECK(ph_pem_encode("CERTIFICATE", a.vek, &pem) == PH_OK);
    a.chain_pem = ph_buf_view(&pem); /* one, in PEM */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_SNP_VEK_FORMAT);
    a.chain_pem.len -= 40; /* none that ends */
    CHECK(ph_snp_verify(&a, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_SNP_VEK_FORMAT);

    /* Of a product whose authorities are not built in. */
    milan();
    w.s.product_name = "Venice";
    struct snp_evidence other PH_OWNED(snp_evidence_clear);
    snp_world_make(&w, &other);
    const struct ph_snp_chain_source source = {.vek = ph_buf_view(&other.vek)};
    CHECK(ph_snp_chain_new(&source, &chain, &failed) == PH_ERR_UNSUPPORTED && !chain);
    const struct ph_snp_chain_source nothing = {0};
    CHECK(ph_snp_chain_new(&nothing, &chain, &failed) == PH_ERR_MALFORMED && !chain);
}

/* The facts of a chain; 0 if it is refused. */
static uint32_t facts_of(const struct ph_snp_chain_source *source)
{
    struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
    enum ph_check failed;

    return ph_snp_chain_new(source, &chain, &failed) == PH_OK ? chain->facts : 0;
}

TEST(authorities_have_keys_of_4096_bits_that_can_be_used)
{
    static const uint8_t exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01};
    struct snp_evidence e PH_OWNED(snp_evidence_clear);

    milan();
    const struct ph_synth_snp_keys *const keys = w.s.keys;
    struct ph_synth_snp_keys shorter[] = {{.ark = keys->ark}, {.ark = keys->ark}};
    for (size_t i = 0; i < PH_LEN(shorter); i++) {
        CHECK(ph_rsa_key_generate(i == 0 ? 2048 : 4095, &shorter[i].ask) == PH_OK);
        w.s.keys = &shorter[i];
        CHECK(snp_world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_ASK_PROFILE);
        ph_rsa_key_free(shorter[i].ask);
    }

    milan();
    snp_world_make(&w, &e);
    const struct ph_snp_chain_source source = {.vek = ph_buf_view(&e.vek),
                                               .chain = ph_buf_view(&e.chain)};
    const struct ph_bytes n = ph_rsa_key_n(keys->ark);
    uint8_t *const ark = memmem(e.chain.ptr, e.chain.len, n.ptr, n.len);
    if (!ark) {
        fail();
        return;
    }
    CHECK((facts_of(&source) & UPPER) == UPPER);
    CHECK(memcmp(ark + n.len, exponent, sizeof(exponent)) == 0);
    ark[n.len + 4] ^= 1; /* an even exponent: no key, so nothing is signed with it */
    const uint32_t facts = facts_of(&source);
    CHECK((facts & PH_SNP_FACT_ARK_PROFILE) != 0);
    CHECK((facts & (PH_SNP_FACT_ARK_SIGNATURE | PH_SNP_FACT_ASK_SIGNATURE)) == 0);
}

TEST(each_input_holds_whole_certificates)
{
    const struct ph_bytes bad[] = {
        PH_BYTES_LIT("\x30"),             /* no element */
        PH_BYTES_LIT("\x30\x05\x02\x01"), /* one that is cut */
        PH_BYTES_LIT("\x30\x00"),         /* one that is no certificate */
        PH_BYTES_LIT("\x02"),             /* and no PEM */
    };
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    struct ph_buf ask PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf ark PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(32768);
    struct ph_snp_chain *chain = NULL;
    enum ph_check failed;

    milan();
    snp_world_make(&w, &e);
    CHECK(ph_synth_snp_ask(&w.s, &ask) == PH_OK && ph_synth_snp_ark(&w.s, &ark) == PH_OK);
    struct ph_snp_chain_source good = {
        .vek = ph_buf_view(&e.vek), .ask = ph_buf_view(&ask), .ark = ph_buf_view(&ark)};
    CHECK((facts_of(&good) & UPPER) == UPPER);
    for (size_t i = 0; i < 3 * PH_LEN(bad); i++) {
        struct ph_snp_chain_source s = good;
        struct ph_bytes *const in[] = {&s.vek, &s.ask, &s.ark};
        *in[i / PH_LEN(bad)] = bad[i % PH_LEN(bad)];
        if (ph_snp_chain_new(&s, &chain, &failed) != PH_ERR_MALFORMED)
            fail_msg("case %zu", i);
    }
    const struct ph_snp_chain_source one = {.vek = good.vek, .chain = PH_BYTES_LIT("0")};
    CHECK(ph_snp_chain_new(&one, &chain, &failed) == PH_ERR_MALFORMED);
    good.crl = PH_BYTES_LIT("0"); /* a list of one byte is there, and is none */
    CHECK(ph_snp_chain_new(&good, &chain, &failed) == PH_ERR_MALFORMED);
    CHECK(failed == PH_CHECK_SNP_CRL_FORMAT);
    for (int i = 0; i < 2; i++)
        CHECK(ph_pem_encode("CERTIFICATE", ph_buf_view(&e.vek), &pem) == PH_OK);
    good = (struct ph_snp_chain_source){.vek = ph_buf_view(&pem)}; /* two where one is to be */
    CHECK(ph_snp_chain_new(&good, &chain, &failed) == PH_ERR_MALFORMED);
}

TEST(authorities_come_both_or_are_amds_own)
{
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    struct ph_buf own PH_OWNED(ph_buf_clear) = PH_BUF(8192);

    milan();
    snp_world_make(&w, &e);
    CHECK(ph_synth_snp_ask(&w.s, &own) == PH_OK);
    const struct ph_snp_chain_source ask = {.vek = ph_buf_view(&e.vek), .ask = ph_buf_view(&own)};
    CHECK((facts_of(&ask) & (UPPER | PH_SNP_FACT_VEK_SIGNATURE)) == UPPER);
    own.len = 0;
    CHECK(ph_synth_snp_ark(&w.s, &own) == PH_OK);
    const struct ph_snp_chain_source ark = {.vek = ph_buf_view(&e.vek), .ark = ph_buf_view(&own)};
    CHECK((facts_of(&ark) & (UPPER | PH_SNP_FACT_VEK_SIGNATURE)) == UPPER);
}

TEST(certificates_are_taken_up_to_their_limit)
{
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_SNP_CERTS_LEN_MAX);
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    struct ph_snp_chain *chain = NULL;
    enum ph_check failed;
    uint8_t *pad;

    milan();
    snp_world_make(&w, &e);
    CHECK(ph_pem_encode("CERTIFICATE", ph_buf_view(&e.vek), &pem) == PH_OK);
    const size_t more = PH_SNP_CERTS_LEN_MAX + 1 - pem.len;
    CHECK(ph_buf_reserve(&pem, more, &pad) == PH_OK);
    memset(pad, '\n', more);
    struct ph_snp_chain_source s = {.vek = {pem.ptr, PH_SNP_CERTS_LEN_MAX}};
    CHECK((facts_of(&s) & UPPER) == UPPER);
    s.vek.len++;
    CHECK(ph_snp_chain_new(&s, &chain, &failed) == PH_ERR_LIMIT);
    /* An element of 60,000 bytes: more than certificates may have together. */
    static const uint8_t head[] = {0x30, 0x82, 0xea, 0x60};
    memcpy(pem.ptr, head, sizeof(head));
    s.vek.len = sizeof(head) + 60000;
    CHECK(ph_snp_chain_new(&s, &chain, &failed) == PH_ERR_LIMIT);
}

TEST(a_cached_chain_gives_the_same_verdict)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
    CHECK(ph_attest_cache_new(0, &cache) == PH_ERR_LIMIT &&
          ph_attest_cache_new(65537, &cache) == PH_ERR_LIMIT);
    CHECK(ph_attest_cache_new(2, &cache) == PH_OK);
    struct snp_evidence e PH_OWNED(snp_evidence_clear);
    milan();
    w.cache = cache;
    snp_world_make(&w, &e);
    struct ph_snp_args a = snp_world_args(&w, &e);
    for (int round = 0; round < 3; round++) {
        CHECK(ph_snp_verify(&a, &v) == PH_OK);
        /* Another list, another entry. */
        struct snp_world revoked = w;
        revoked.s.revoked[0] = w.s.ask_serial;
        CHECK(snp_world_judge(&revoked, &v) == PH_ERR_UNTRUSTED);
        CHECK(v.check == PH_CHECK_SNP_ASK_REVOKED);
        a.now_s = w.s.vek_not_after_s; /* validity is not cached */
        CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED);
        CHECK(v.check == PH_CHECK_SNP_CHAIN_NOT_AFTER);
        a.now_s = w.s.crl_next_s;
        CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_SNP_CRL_FRESH);
        a.now_s = w.now_s;
        /* The bytes moved from one input to the next are other inputs. */
        struct ph_buf all PH_OWNED(ph_buf_clear) = PH_BUF(65536);
        CHECK(ph_buf_add(&all, a.vek) == PH_OK && ph_buf_add(&all, a.chain_pem) == PH_OK);
        struct ph_snp_args moved = a;
        moved.vek = ph_buf_view(&all);
        moved.chain_pem = (struct ph_bytes){0};
        CHECK(ph_snp_verify(&moved, &v) == PH_ERR_MALFORMED && v.check == PH_CHECK_SNP_VEK_FORMAT);
    }
    ph_attest_cache_free(NULL);
}

static struct snp_evidence shared;
static struct ph_attest_cache *shared_cache;
static void *judge_many(void *arg)
{
    size_t *good = arg;
    struct ph_snp_args a = snp_world_args(&w, &shared);
    a.cache = shared_cache;
    for (size_t i = 0; i < 20; i++) {
        struct ph_verdict mine;
        *good += ph_snp_verify(&a, &mine) == PH_OK;
    }
    return NULL;
}

TEST(threads_share_a_cache)
{
    pthread_t thread[4];
    size_t good[4] = {0};
    milan();
    snp_world_make(&w, &shared);
    CHECK(ph_attest_cache_new(1, &shared_cache) == PH_OK);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, judge_many, &good[i]) == 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
        CHECK(good[i] == 20);
    }
    ph_attest_cache_free(shared_cache);
    snp_evidence_clear(&shared);
}

TEST(a_warm_verdict_allocates_nothing)
{
    struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
    struct snp_evidence e PH_OWNED(snp_evidence_clear);

    if (!PH_TEST_HEAP_COUNTS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    milan();
    snp_world_make(&w, &e);
    CHECK(ph_attest_cache_new(8, &cache) == PH_OK);
    struct ph_snp_args a = snp_world_args(&w, &e);
    a.cache = cache;
    const unsigned long start = ph_test_heap();
    CHECK(ph_snp_verify(&a, &v) == PH_OK);
    const unsigned long warm = ph_test_heap();
    CHECK(warm > start); /* the chain is kept: the count does count */
    for (int i = 0; i < 20; i++)
        CHECK(ph_snp_verify(&a, &v) == PH_OK);
    e.report.ptr[0x90] ^= 1; /* refused ones too */
    for (int i = 0; i < 20; i++)
        CHECK(ph_snp_verify(&a, &v) == PH_ERR_UNTRUSTED);
    CHECK(ph_test_heap() == warm);
}

PH_TEST_MAIN(CASE(a_warm_verdict_allocates_nothing), CASE(a_table_brings_certificates_and_list),
             CASE(a_root_counts_for_its_own_product_only),
             CASE(every_product_and_kind_of_key_has_amds_chain_built_in),
             CASE(roles_and_products_cannot_be_mixed),
             CASE(amds_extensions_must_be_complete_and_fit),
             CASE(revocation_needs_a_list_and_says_whether_there_was_one),
             CASE(certificates_are_one_and_two_in_order),
             CASE(what_each_certificate_must_say_of_itself),
             CASE(authorities_have_keys_of_4096_bits_that_can_be_used),
             CASE(each_input_holds_whole_certificates), CASE(authorities_come_both_or_are_amds_own),
             CASE(certificates_are_taken_up_to_their_limit),
             CASE(what_is_no_pair_of_certificates_is_refused),
             CASE(a_cached_chain_gives_the_same_verdict), CASE(threads_share_a_cache))
