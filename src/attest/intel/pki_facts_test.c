/* Facts of a chain are found one by one: one byte of one certificate, one fact that no longer holds
 * beside the signature. */

#include "attest/intel/pki.h"
#include "attest/synth/synth.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

enum { CERTS = 3, DER_MAX = 4096 };
#define SIGNATURES                                                                                 \
    ((uint32_t)(PH_FACT_ROOT_SIGNATURE | PH_FACT_CA_SIGNATURE | PH_FACT_LEAF_SIGNATURE))

/* Leaf, CA and root of a PCK chain, DER. */
struct certs {
    uint8_t der[CERTS][DER_MAX];
    size_t len[CERTS];
};
enum { LEAF, CA, ROOT };

static void make(struct certs *out, const char *ca_cn)
{
    static const uint8_t seed[32] = "facts of certificates";
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = NULL;
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(DER_MAX);
    struct ph_synth s;

    CHECK(ph_synth_defaults(&s, seed, 1750000000) == PH_OK);
    s.ca_cn = ca_cn;
    CHECK(ph_synth_pki_new(&s, &pki) == PH_OK);
    struct ph_reader pem = {ph_synth_pki_chain_pem(pki)};
    for (size_t i = 0; i < CERTS; i++) {
        der.len = 0;
        CHECK(ph_pem_next(&pem, "CERTIFICATE", &der) == PH_OK);
        memcpy(out->der[i], der.ptr, der.len);
        out->len[i] = der.len;
    }
}

/* Change the byte `skip` bytes after the first `mark`, which must be `from`. */
static void change(struct certs *c, size_t which, struct ph_bytes mark, size_t skip, uint8_t from,
                   uint8_t to)
{
    uint8_t *at = memmem(c->der[which], c->len[which], mark.ptr, mark.len);
    CHECK(at && at[mark.len + skip] == from);
    at[mark.len + skip] = to;
}

/* Facts of the certificates from `first` on: of a PCK chain, or of a signer's. */
static uint32_t facts(const struct certs *c, size_t first)
{
    struct ph_buf all PH_OWNED(ph_buf_clear) = PH_BUF(CERTS * DER_MAX);
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;

    for (size_t i = first; i < CERTS; i++)
        CHECK(ph_buf_add(&all, (struct ph_bytes){c->der[i], c->len[i]}) == PH_OK);
    const enum ph_err err = first == LEAF ? ph_chain_parse_pck(ph_buf_view(&all), NULL, &chain)
                                          : ph_chain_parse_signer(ph_buf_view(&all), &chain);
    CHECK(err == PH_OK);
    return chain->facts;
}

static const uint8_t key_usage[] = {0x55, 0x1d, 0x0f}, aki[] = {0x55, 0x1d, 0x23};

static struct certs certs;

TEST(a_root_is_its_own_issuer_by_name_and_key)
{
    make(&certs, NULL);
    const uint32_t all = facts(&certs, LEAF);
    CHECK((all & SIGNATURES) == SIGNATURES && (all & PH_FACT_LINKS));

    change(&certs, ROOT, ph_bytes_str("Intel Corporatio"), 0, 'n', 'm'); /* the issuer's */
    uint32_t now = facts(&certs, LEAF);
    CHECK(!(now & PH_FACT_ROOT_PROFILE) && !(now & PH_FACT_LINKS));
    CHECK((now & PH_FACT_CA_PROFILE) && (now & PH_FACT_LEAF_PROFILE));

    make(&certs, NULL);
    /* OID, OCTET STRING, SEQUENCE, [0]: two bytes of head each, then the identifier */
    const uint8_t *at = memmem(certs.der[ROOT], certs.len[ROOT], aki, sizeof(aki));
    CHECK(at);
    change(&certs, ROOT, PH_BYTES_OF(aki), 6, at[9], (uint8_t)(at[9] ^ 1));
    now = facts(&certs, LEAF);
    CHECK(!(now & PH_FACT_LINKS) && (now & PH_FACT_ROOT_PROFILE));
    now = facts(&certs, CA); /* CA and root, read as a signer's chain */
    CHECK(!(now & PH_FACT_LINKS) && (now & PH_FACT_ROOT_PROFILE));
    make(&certs, NULL);
    CHECK(facts(&certs, CA) & PH_FACT_LINKS);
}

TEST(every_certificate_has_an_identifier_of_its_key)
{
    static const uint8_t ski[] = {0x55, 0x1d};
    for (size_t which = LEAF; which <= ROOT; which++) {
        make(&certs, NULL);
        const size_t len = certs.len[which];
        bool found = false;
        for (size_t i = 0; i + 4 < len && !found; i++) {
            uint8_t *at = certs.der[which] + i;
            found = memcmp(at, ski, sizeof(ski)) == 0 && at[2] == 0x0e && at[3] == 0x04;
            if (found)
                at[2] = 0x7f; /* an extension that nobody knows */
        }
        CHECK(found);
        const uint32_t now = facts(&certs, LEAF);
        CHECK(!(now & PH_FACT_LINKS) && (now & PH_FACT_LEAF_PROFILE) && (now & PH_FACT_SGX_EXT));
    }
}

TEST(a_certificate_authority_is_no_signer_whatever_its_name_and_usage)
{
    make(&certs, "Intel SGX TCB Signing");
    uint32_t now = facts(&certs, CA);
    CHECK((now & PH_FACT_LEAF_SIGNATURE) && (now & PH_FACT_LINKS)); /* all but its profile */
    CHECK(!(now & PH_FACT_LEAF_PROFILE));
    /* BOOLEAN, OCTET STRING, then the BIT STRING: cRLSign and keyCertSign become a leaf's two */
    change(&certs, CA, PH_BYTES_OF(key_usage), 7, 0x01, 0x06);
    change(&certs, CA, PH_BYTES_OF(key_usage), 8, 0x06, 0xc0);
    now = facts(&certs, CA);
    CHECK(!(now & PH_FACT_LEAF_PROFILE) && (now & PH_FACT_LINKS));
}

TEST(a_key_that_is_no_point_verifies_nothing)
{
    static const uint8_t p256[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint32_t lost[CERTS] = {
        [LEAF] = PH_FACT_LEAF_SIGNATURE, /* over its own bytes: no other hangs on its key */
        [CA] = PH_FACT_CA_SIGNATURE | PH_FACT_LEAF_SIGNATURE,
        [ROOT] = PH_FACT_ROOT_SIGNATURE | PH_FACT_CA_SIGNATURE,
    };
    for (size_t which = LEAF; which <= ROOT; which++) {
        make(&certs, NULL);
        const uint32_t all = facts(&certs, LEAF), pair = facts(&certs, CA);
        uint8_t *at = memmem(certs.der[which], certs.len[which], p256, sizeof(p256));
        CHECK(at && at[11] == 4); /* BIT STRING, length, unused bits, uncompressed */
        at[12] ^= 1;
        CHECK(facts(&certs, LEAF) == (all & ~lost[which]));
        if (which == ROOT) /* a signer's chain hangs on it alone */
            CHECK(facts(&certs, CA) == (pair & ~(PH_FACT_ROOT_SIGNATURE | PH_FACT_LEAF_SIGNATURE)));
    }
}

TEST(a_list_is_of_an_issuer_by_name_and_by_key)
{
    static const uint8_t name[] = "name", other[] = "nome", id[] = "id", other_id[] = "jd";
    struct ph_x509 issuer = {.subject = PH_BYTES_OF(name), .ski = PH_BYTES_OF(id)};
    struct ph_crl crl = {.issuer = PH_BYTES_OF(name), .aki = PH_BYTES_OF(id)};

    CHECK(ph_crl_is_of(&crl, &issuer));
    crl.issuer = PH_BYTES_OF(other);
    CHECK(!ph_crl_is_of(&crl, &issuer));
    crl.issuer = PH_BYTES_OF(name);
    crl.aki = PH_BYTES_OF(other_id);
    CHECK(!ph_crl_is_of(&crl, &issuer));
}

TEST(a_chain_is_not_looked_into_beyond_its_limit)
{
    static const uint8_t big[PH_CHAIN_PEM_MAX + 1];
    struct ph_chain *chain = NULL;

    CHECK(ph_chain_parse_pck((struct ph_bytes){big, PH_CHAIN_PEM_MAX}, NULL, &chain) ==
          PH_ERR_MALFORMED);
    CHECK(ph_chain_parse_pck((struct ph_bytes){big, PH_CHAIN_PEM_MAX + 1}, NULL, &chain) ==
          PH_ERR_LIMIT);
    /* One certificate of more bytes than three may have, within what a chain may have. */
    static uint8_t der[50000] = {0x30, 0x82, (sizeof(der) - 4) >> 8, (sizeof(der) - 4) & 0xff};
    CHECK(ph_chain_parse_pck(PH_BYTES_OF(der), NULL, &chain) == PH_ERR_LIMIT);
    CHECK(!chain);
}

PH_TEST_MAIN(CASE(a_chain_is_not_looked_into_beyond_its_limit),
             CASE(a_root_is_its_own_issuer_by_name_and_key),
             CASE(every_certificate_has_an_identifier_of_its_key),
             CASE(a_certificate_authority_is_no_signer_whatever_its_name_and_usage),
             CASE(a_key_that_is_no_point_verifies_nothing),
             CASE(a_list_is_of_an_issuer_by_name_and_by_key))
