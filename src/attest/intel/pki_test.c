/* Chains: roles are found by name in any order, in PEM and DER, and each fact stands for itself. */

#include "attest/intel/pki.h"

#include "attest/synth/synth.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

static const uint8_t seed[32] = "chains";
enum { NOW = 1750000000 };
enum {
    PCK_FACTS = PH_FACT_ROOT_PROFILE | PH_FACT_CA_PROFILE | PH_FACT_LEAF_PROFILE | PH_FACT_LINKS |
                PH_FACT_SGX_EXT | PH_FACT_ROOT_SIGNATURE | PH_FACT_CA_SIGNATURE |
                PH_FACT_LEAF_SIGNATURE,
    SIGNER_FACTS = PH_FACT_ROOT_PROFILE | PH_FACT_LEAF_PROFILE | PH_FACT_LINKS |
                   PH_FACT_ROOT_SIGNATURE | PH_FACT_LEAF_SIGNATURE,
};

static struct ph_synth defaults(void)
{
    struct ph_synth s;
    CHECK(ph_synth_defaults(&s, seed, NOW) == PH_OK);
    return s;
}

static struct ph_synth_pki *make(const struct ph_synth *s)
{
    struct ph_synth_pki *pki = NULL;
    CHECK(ph_synth_pki_new(s, &pki) == PH_OK);
    return pki;
}

static uint32_t pck_facts(const struct ph_synth *s)
{
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(s);
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    CHECK(ph_chain_parse_pck(ph_synth_pki_chain_pem(pki), NULL, &chain) == PH_OK);
    return chain->facts;
}

static uint32_t signer_facts(const struct ph_synth *s)
{
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(s);
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    CHECK(ph_chain_parse_signer(ph_synth_pki_parts(pki).tcb_info_chain_pem, &chain) == PH_OK);
    return chain->facts;
}

/* The DER certificates of a PEM chain. */
static size_t decode(struct ph_bytes pem, struct ph_buf certs[static 3])
{
    struct ph_reader r = {pem};
    size_t cnt = 0;
    for (size_t i = 0; i < 3; i++) {
        certs[i] = PH_BUF(8192);
        cnt += ph_pem_next(&r, "CERTIFICATE", &certs[i]) == PH_OK;
    }
    return cnt;
}

/* Whether the certificates in this order make a chain with all facts, in PEM and in DER. */
static void check_order(struct ph_buf certs[static 3], const size_t order[static 3])
{
    struct ph_buf pem PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_chain *a PH_OWNED(ph_chain_freep) = NULL;
    struct ph_chain *b PH_OWNED(ph_chain_freep) = NULL;
    struct ph_chain *none = NULL;
    for (size_t k = 0; k < 3; k++) {
        const struct ph_bytes cert = ph_buf_view(&certs[order[k]]);
        CHECK(ph_buf_add(&der, cert) == PH_OK);
        CHECK(ph_pem_encode("CERTIFICATE", cert, &pem) == PH_OK);
    }
    CHECK(ph_chain_parse_pck(ph_buf_view(&pem), NULL, &a) == PH_OK);
    CHECK(a->facts == PCK_FACTS && a->platform_ca);
    CHECK(ph_chain_parse_pck(ph_buf_view(&der), NULL, &b) == PH_OK);
    CHECK(b->facts == PCK_FACTS);
    CHECK(ph_buf_add(&der, PH_BYTES_LIT("\x30")) == PH_OK); /* more than certificates */
    CHECK(ph_chain_parse_pck(ph_buf_view(&der), NULL, &none) == PH_ERR_MALFORMED);
}

TEST(roles_are_found_by_name_in_any_order_and_form)
{
    static const size_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    const struct ph_synth s = defaults();
    struct ph_buf certs[3];
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(decode(ph_synth_pki_chain_pem(pki), certs) == 3);
    for (size_t i = 0; i < PH_LEN(orders); i++)
        check_order(certs, orders[i]);
    for (size_t i = 0; i < 3; i++)
        ph_buf_clear(&certs[i]);
}

TEST(a_signers_chain_may_begin_with_the_root)
{
    const struct ph_synth s = defaults();
    struct ph_buf certs[3], pem PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(decode(ph_synth_pki_parts(pki).tcb_info_chain_pem, certs) == 2);
    CHECK(ph_pem_encode("CERTIFICATE", ph_buf_view(&certs[1]), &pem) == PH_OK);
    CHECK(ph_pem_encode("CERTIFICATE", ph_buf_view(&certs[0]), &pem) == PH_OK);
    CHECK(ph_chain_parse_signer(ph_buf_view(&pem), &chain) == PH_OK);
    CHECK(chain->facts == SIGNER_FACTS);
    CHECK(memcmp(chain->root.serial.ptr, s.root_serial.b, 20) == 0);
    for (size_t i = 0; i < 3; i++)
        ph_buf_clear(&certs[i]);
}

TEST(a_wrong_name_costs_that_profile_and_nothing_else)
{
    struct ph_synth s = defaults();
    CHECK(pck_facts(&s) == PCK_FACTS && signer_facts(&s) == SIGNER_FACTS);
    s.root_cn = "Intel SGX Root CB";
    CHECK(pck_facts(&s) == (PCK_FACTS & ~PH_FACT_ROOT_PROFILE));
    CHECK(signer_facts(&s) == (SIGNER_FACTS & ~PH_FACT_ROOT_PROFILE));
    s = defaults();
    s.ca_cn = "Intel SGX PCK Platform CB";
    /* Neither kind of CA: the extension's platform fields do not fit it either. */
    CHECK(pck_facts(&s) == (PCK_FACTS & ~(PH_FACT_CA_PROFILE | PH_FACT_SGX_EXT)));
    s = defaults();
    s.ca_cn = "Intel SGX PCK Certificate"; /* two of that name: the first in order is the leaf */
    CHECK(pck_facts(&s) == (PCK_FACTS & ~(PH_FACT_CA_PROFILE | PH_FACT_SGX_EXT)));
    s = defaults();
    s.pck_cn = "Intel SGX PCK Certificat";
    CHECK(pck_facts(&s) == (PCK_FACTS & ~PH_FACT_LEAF_PROFILE));
    s = defaults();
    s.signer_cn = "Intel SGX TCB Signin";
    CHECK(signer_facts(&s) == (SIGNER_FACTS & ~PH_FACT_LEAF_PROFILE));
    /* Two roots: the order decides who is who, and the profiles refuse. */
    s = defaults();
    s.pck_cn = "Intel SGX Root CA";
    CHECK(!(pck_facts(&s) & PH_FACT_LEAF_PROFILE));
}

TEST(a_last_certificate_that_is_no_root_is_no_leaf_either)
{
    struct ph_synth s = defaults();
    struct ph_buf certs[3], der PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL, *none = NULL;
    s.root_cn = "Intel SGX Root CB";
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(decode(ph_synth_pki_chain_pem(pki), certs) == 3);
    for (size_t i = 3; i > 0; i--)
        CHECK(ph_buf_add(&der, ph_buf_view(&certs[i - 1])) == PH_OK);
    CHECK(ph_chain_parse_pck(ph_buf_view(&der), NULL, &chain) == PH_OK);
    CHECK(!(chain->facts & (PH_FACT_ROOT_PROFILE | PH_FACT_LEAF_PROFILE)));
    der.len--;
    CHECK(ph_chain_parse_signer(ph_buf_view(&der), &none) == PH_ERR_MALFORMED && !none);
    CHECK(ph_chain_parse_signer(PH_BYTES_LIT("x"), &none) == PH_ERR_MALFORMED && !none);
    for (size_t i = 0; i < 3; i++)
        ph_buf_clear(&certs[i]);
}

TEST(each_fault_costs_its_own_facts)
{
    static const struct {
        uint32_t fault, pck, signer; /* facts that are lost */
    } rows[] = {
        {PH_SYNTH_BAD_ROOT_SIG, PH_FACT_ROOT_SIGNATURE, PH_FACT_ROOT_SIGNATURE},
        {PH_SYNTH_BAD_CA_SIG, PH_FACT_CA_SIGNATURE, 0},
        {PH_SYNTH_BAD_PCK_SIG, PH_FACT_LEAF_SIGNATURE, 0},
        {PH_SYNTH_BAD_SIGNER_SIG, 0, PH_FACT_LEAF_SIGNATURE},
        {PH_SYNTH_BAD_PCK_AKI, PH_FACT_LINKS, 0},
        {PH_SYNTH_BAD_CA_AKI, PH_FACT_LINKS, 0},
        {PH_SYNTH_BAD_SIGNER_AKI, 0, PH_FACT_LINKS},
        {PH_SYNTH_BAD_ROOT_USAGE, PH_FACT_ROOT_PROFILE, PH_FACT_ROOT_PROFILE},
        {PH_SYNTH_BAD_CA_PATHLEN, PH_FACT_CA_PROFILE, 0},
        {PH_SYNTH_BAD_PCK_USAGE, PH_FACT_LEAF_PROFILE, 0},
        {PH_SYNTH_NO_SGX_EXT, PH_FACT_SGX_EXT, 0},
        {PH_SYNTH_NO_INSTANCE, PH_FACT_SGX_EXT, 0},
        {PH_SYNTH_PCK_IS_SIGNER, 0, PH_FACT_LEAF_PROFILE},
        {PH_SYNTH_ALL_SGX_EXT, PH_FACT_CA_PROFILE, PH_FACT_LEAF_PROFILE},
        {PH_SYNTH_NO_PCK_CONSTRAINTS, PH_FACT_LEAF_PROFILE, 0},
        {PH_SYNTH_NO_CONFIGURATION, PH_FACT_SGX_EXT, 0},
        {PH_SYNTH_SHORT_KEY_IDS, 0, 0}, /* no fault: the standard gives no length */
    };
    for (size_t i = 0; i < PH_LEN(rows); i++) {
        struct ph_synth s = defaults();
        s.faults = rows[i].fault;
        if (pck_facts(&s) != (PCK_FACTS & ~rows[i].pck) ||
            signer_facts(&s) != (SIGNER_FACTS & ~rows[i].signer))
            fail_msg("row %zu", i);
    }
}

TEST(the_window_is_that_of_all_certificates)
{
    for (size_t i = 0; i < 3; i++) {
        struct ph_synth s = defaults();
        struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
        struct ph_chain *signer PH_OWNED(ph_chain_freep) = NULL;
        int64_t *const ends[] = {&s.not_after_s, &s.ca_not_after_s, &s.pck_not_after_s};
        int64_t *const starts[] = {&s.not_before_s, &s.ca_not_before_s, &s.pck_not_before_s};
        *ends[i] = NOW + 7;
        *starts[i] = NOW - 7;
        struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
        CHECK(ph_chain_parse_pck(ph_synth_pki_chain_pem(pki), NULL, &chain) == PH_OK);
        CHECK(chain->not_before_s == NOW - 7 && chain->not_after_s == NOW + 7);
        CHECK(ph_chain_parse_signer(ph_synth_pki_parts(pki).tcb_info_chain_pem, &signer) == PH_OK);
        CHECK((signer->not_before_s == NOW - 7 && signer->not_after_s == NOW + 7) == (i == 0));
    }
}

TEST(a_known_root_is_not_judged_again_but_an_unknown_one_is)
{
    struct ph_synth s = defaults();
    struct ph_chain *known PH_OWNED(ph_chain_freep) = NULL;
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_chain *bad PH_OWNED(ph_chain_freep) = NULL;
    struct ph_chain *other PH_OWNED(ph_chain_freep) = NULL;
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(ph_chain_parse_signer(ph_synth_pki_parts(pki).tcb_info_chain_pem, &known) == PH_OK);
    CHECK(ph_chain_parse_pck(ph_synth_pki_chain_pem(pki), known, &chain) == PH_OK);
    CHECK(chain->facts == PCK_FACTS);
    s.faults = PH_SYNTH_BAD_ROOT_SIG;
    struct ph_synth_pki *altered PH_OWNED(ph_synth_pki_freep) = make(&s);
    CHECK(ph_chain_parse_pck(ph_synth_pki_chain_pem(altered), known, &bad) == PH_OK);
    CHECK(!(bad->facts & PH_FACT_ROOT_SIGNATURE));
    /* The same bytes, in a chain that could not verify them, vouch for nothing. */
    CHECK(ph_chain_parse_pck(ph_synth_pki_chain_pem(altered), bad, &other) == PH_OK);
    CHECK(!(other->facts & PH_FACT_ROOT_SIGNATURE));
}

PH_TEST_MAIN(CASE(roles_are_found_by_name_in_any_order_and_form),
             CASE(a_signers_chain_may_begin_with_the_root),
             CASE(a_wrong_name_costs_that_profile_and_nothing_else),
             CASE(a_last_certificate_that_is_no_root_is_no_leaf_either),
             CASE(each_fault_costs_its_own_facts), CASE(the_window_is_that_of_all_certificates),
             CASE(a_known_root_is_not_judged_again_but_an_unknown_one_is))
