/* Certificates and revocation lists, element by element: each one removed, emptied, given another
 * type or followed by one too many. What is still read is listed, with the reason. */

#include "attest/amd/snp_certs_priv.h"
#include "attest/amd/snp_vek.h"
#include "attest/crl.h"
#include "attest/intel/pki.h"
#include "attest/synth/synth.h"
#include "attest/x509.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

#include <fnmatch.h>

enum { DEPTH_MAX = 16, DER_MAX = 4096 };
enum edit { EDIT_REMOVE, EDIT_EMPTY, EDIT_RETAG, EDIT_FOLLOW, EDIT_CNT };
static const char *const edit_names[EDIT_CNT] = {"removed", "emptied", "retagged", "followed"};

/* One element: tag at `start`, contents from `body` to `end`. */
struct element {
    size_t start, body, end;
};

static bool read_element(struct ph_bytes der, size_t at, size_t end, struct element *out)
{
    if (end - at < 2)
        return false;
    size_t len = der.ptr[at + 1], body = at + 2;
    if (len > 0x82 || len == 0x80)
        return false;
    if (len > 0x80) {
        const size_t octets = len & 0x7f;
        if (end - body < octets)
            return false;
        for (len = 0; body < at + 2 + octets; body++)
            len = len << 8 | der.ptr[body];
    }
    if (end - body < len)
        return false;
    *out = (struct element){at, body, body + len};
    return true;
}

/* Constructed, or an octet string that holds just one element, as extensions do. */
static bool has_elements(struct ph_bytes der, const struct element *e)
{
    struct element inner;
    if (e->body == e->end)
        return false;
    if (der.ptr[e->start] & 0x20)
        return true;
    return der.ptr[e->start] == 0x04 && read_element(der, e->body, e->end, &inner) &&
           inner.end == e->end && der.ptr[inner.start] != 0;
}

struct text {
    uint8_t b[DER_MAX];
    size_t len;
};

static void put(struct text *t, const uint8_t *bytes, size_t len)
{
    CHECK(len <= sizeof(t->b) - t->len);
    if (len > 0)
        memcpy(t->b + t->len, bytes, len);
    t->len += len;
}

static void put_wrapped(struct text *t, uint8_t tag, const struct text *content)
{
    const size_t n = content->len;
    const uint8_t head[] = {tag, 0x82, (uint8_t)(n >> 8), (uint8_t)n};
    const uint8_t mid[] = {tag, 0x81, (uint8_t)n}, low[] = {tag, (uint8_t)n};

    if (n >= 256)
        put(t, head, sizeof(head));
    else if (n >= 128)
        put(t, mid, sizeof(mid));
    else
        put(t, low, sizeof(low));
    put(t, content->b, n);
}

/* path[depth - 1] edited, the lengths of all around it made right again. */
static struct text edited(struct ph_bytes der, const struct element *path, size_t depth,
                          enum edit edit)
{
    static const uint8_t one_more[] = {0x05, 0x00};
    const struct element *e = &path[depth - 1];
    struct text now = {.len = 0};
    const struct text nothing = {.len = 0};

    if (edit == EDIT_FOLLOW || edit == EDIT_RETAG)
        put(&now, der.ptr + e->start, e->end - e->start);
    if (edit == EDIT_FOLLOW)
        put(&now, one_more, sizeof(one_more));
    if (edit == EDIT_RETAG)
        now.b[0] ^= 0x1f; /* the same form, another number */
    if (edit == EDIT_EMPTY)
        put_wrapped(&now, der.ptr[e->start], &nothing);
    for (size_t i = depth - 1; i > 0; i--) {
        const struct element *around = &path[i - 1];
        struct text content = {.len = 0}, whole = {.len = 0};
        put(&content, der.ptr + around->body, path[i].start - around->body);
        put(&content, now.b, now.len);
        put(&content, der.ptr + path[i].end, around->end - path[i].end);
        put_wrapped(&whole, der.ptr[around->start], &content);
        now = whole;
    }
    return now;
}

typedef bool reads_fn(struct ph_bytes der);

/* Make every edit of every element; those that are still read must match a pattern, and each
 * pattern must match one. An edit's name is the path of its element and what was done: "0.5.
 * removed". */
static void check_edits(struct ph_bytes der, reads_fn *reads, const char *const *allowed)
{
    bool used[32] = {false};
    struct element path[DEPTH_MAX];
    unsigned at[DEPTH_MAX] = {0};
    size_t depth = 1, edits = 0;
    bool as_listed = true;

    CHECK(reads(der) && read_element(der, 0, der.len, &path[0]));
    while (depth > 0) {
        char name[96];
        size_t len = 0;
        for (size_t i = 1; i < depth; i++)
            len += (size_t)snprintf(name + len, sizeof(name) - len, "%u.", at[i]);
        for (int e = 0; e < EDIT_CNT; e++) {
            const struct text text = edited(der, path, depth, (enum edit)e);
            (void)snprintf(name + len, sizeof(name) - len, " %s", edit_names[e]);
            edits++;
            if (e == EDIT_EMPTY && path[depth - 1].body == path[depth - 1].end)
                continue; /* empty as it is */
            if (!reads((struct ph_bytes){text.b, text.len}))
                continue;
            size_t i = 0;
            while (allowed[i] && fnmatch(allowed[i], name, 0) != 0)
                i++;
            if (allowed[i]) {
                used[i] = true;
            } else {
                print_message("# still read: \"%s\"\n", name);
                as_listed = false;
            }
        }
        /* Into it, else to the next one, else out. */
        if (depth < DEPTH_MAX && has_elements(der, &path[depth - 1])) {
            CHECK(read_element(der, path[depth - 1].body, path[depth - 1].end, &path[depth]));
            at[depth++] = 0;
            continue;
        }
        while (depth > 1 && path[depth - 1].end == path[depth - 2].end)
            depth--;
        if (depth == 1)
            break;
        CHECK(read_element(der, path[depth - 1].end, path[depth - 2].end, &path[depth - 1]));
        at[depth - 1]++;
    }
    for (size_t i = 0; allowed[i]; i++) {
        if (!used[i]) {
            print_message("# nothing like it is read: \"%s\"\n", allowed[i]);
            as_listed = false;
        }
    }
    CHECK(as_listed && edits > 60);
}

static struct ph_synth_pki *make_pki(void)
{
    static const uint8_t seed[32] = "certificates to take apart";
    struct ph_synth_pki *pki = NULL;
    struct ph_synth s;

    CHECK(ph_synth_defaults(&s, seed, 1750000000) == PH_OK);
    s.revoked_by_ca_cnt = s.revoked_by_root_cnt = 2;
    s.revoked_by_root[0].b[0] = s.revoked_by_root[1].b[0] = 1;
    s.revoked_by_root[1].b[19] = 1;
    CHECK(ph_synth_pki_new(&s, &pki) == PH_OK);
    return pki;
}

static bool reads_crl(struct ph_bytes der)
{
    struct ph_crl crl, before;
    memset(&crl, 0x5c, sizeof(crl));
    before = crl;
    if (ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, der, &crl) == PH_OK)
        return true;
    CHECK(memcmp(&crl, &before, sizeof(crl)) == 0);
    return false;
}

TEST(every_element_of_a_revocation_list_is_read)
{
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make_pki();
    static const char *const allowed[] = {
        "0.2. emptied",         "0.2.?*",         /* the issuer's name is compared, not read */
        "0.5. removed",         "0.5.?. removed", /* entries, */
        "0.5.?.2. removed",                       /* their extensions, */
        "0.5.?.2.0.1. emptied",                   /* and what those say: the entry counts */
        "0.5.?.2.0.1.0. *",     NULL};

    check_edits(ph_synth_pki_parts(pki).root_ca_crl, reads_crl, allowed);
}

static bool reads_cert(const struct ph_x509_profile *profile, struct ph_bytes der)
{
    struct ph_x509 cert, before;
    memset(&cert, 0x5c, sizeof(cert));
    before = cert;
    if (ph_x509_parse(profile, der, &cert) == PH_OK)
        return true;
    CHECK(memcmp(&cert, &before, sizeof(cert)) == 0);
    return false;
}

static bool reads_intel(struct ph_bytes der)
{
    return reads_cert(&ph_x509_profile_intel, der);
}

static bool reads_amd(struct ph_bytes der)
{
    return reads_cert(&ph_snp_x509_profile, der);
}

TEST(every_element_of_a_certificate_is_read)
{
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make_pki();
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(DER_MAX);
    struct ph_reader pem = {ph_synth_pki_chain_pem(pki)};
    /* Of names the one commonName counts. Which extensions must be there is the chain's to say
     * (intel/pki.c), and what the SGX extension holds that of intel/sgx_ext.c. */
    static const char *const leaf[] = {"0.[35].1. removed",
                                       "0.[35].?.0.1. emptied",
                                       "0.[35].?.0.1. retagged",
                                       "0.[35].1.0.0. emptied",
                                       "0.7.0.?. removed",
                                       "0.7.0.4.1.0.*",
                                       NULL};
    static const char *const ca[] = {"0.[35].1. removed",      "0.[35].?.0.1. emptied",
                                     "0.[35].?.0.1. retagged", "0.[35].1.0.0. emptied",
                                     "0.7.0.?. removed",       "0.7.0.3.2.0. emptied",
                                     "0.7.0.3.2.0.1. removed", NULL};

    CHECK(ph_pem_next(&pem, "CERTIFICATE", &der) == PH_OK);
    check_edits(ph_buf_view(&der), reads_intel, leaf);
    der.len = 0;
    CHECK(ph_pem_next(&pem, "CERTIFICATE", &der) == PH_OK);
    check_edits(ph_buf_view(&der), reads_intel, ca);
}

TEST(every_element_of_amds_certificates_is_read)
{
    /* AMD's chains are pinned by key: names need no commonName, key identifiers may name the issuer
     * instead. Extension 4 says where the list lies. */
    static const char *const ask[] = {"0.[35]. emptied",
                                      "0.[35].?. removed",
                                      "0.[35].?.0.?. emptied",
                                      "0.[35].?.0.1. retagged",
                                      "0.7.0.?. removed",
                                      "0.7.0.1.1.0. emptied",
                                      "0.7.0.1.1.0.0. [!e]*",
                                      "0.7.0.[23].1. removed",
                                      "0.7.0.2.2.0. emptied",
                                      "0.7.0.2.2.0.1. removed",
                                      "0.7.0.4.1. emptied",
                                      "0.7.0.4.1.0*",
                                      NULL};
    static const char *const ark[] = {
        "0.[35]. emptied",        "0.[35].?. removed",    "0.[35].?.0.?. emptied",
        "0.[35].?.0.1. retagged", "0.7.0.?. removed",     "0.7.0.0.1. removed",
        "0.7.0.2.1. removed",     "0.7.0.2.2.0. emptied", "0.7.0.2.2.0.0. removed",
        "0.7.0.3.1. emptied",     "0.7.0.3.1.0*",         NULL};
    const struct ph_snp_issuers of = ph_snp_builtin_issuers(PH_SNP_MILAN, false);

    check_edits(of.ask, reads_amd, ask);
    check_edits(of.ark, reads_amd, ark);
}

/* RFC 4055 §3.1: RSASSA-PSS with SHA-384, MGF1 with SHA-384, a salt of 48 bytes, trailer 1. */
static const uint8_t pss[] = {
    0x30, 0x46, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, 0x30, 0x39,
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
    0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01,
    0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02,
    0x05, 0x00, 0xa2, 0x03, 0x02, 0x01, 0x30, 0xa3, 0x03, 0x02, 0x01, 0x01};
static size_t other_algorithms;

static bool reads_algorithm(struct ph_bytes der)
{
    struct ph_reader r = {der};
    enum ph_x509_sig_alg alg;
    struct ph_bytes whole;
    const enum ph_err err = ph_x509_read_sig_alg(&r, PH_X509_SIG_PSS_SHA384, &alg, &whole);

    other_algorithms += err == PH_ERR_UNSUPPORTED;
    return err == PH_OK && r.rest.len == 0;
}

TEST(every_element_and_byte_of_a_signature_algorithm_is_read)
{
    /* Of a hash the NULL may be left out, and the trailer that is the only one. */
    static const char *const allowed[] = {"1.0.0.1. removed", "1.1.0.1.1. removed", "1.3. removed",
                                          NULL};
    uint8_t der[sizeof(pss)];

    check_edits(PH_BYTES_OF(pss), reads_algorithm, allowed);
    CHECK(other_algorithms ==
          4); /* for each identifier that is emptied; all else breaks the form */
    memcpy(der, pss, sizeof(der));
    for (size_t i = 0; i < sizeof(der); i++) {
        der[i] ^= 1;
        if (reads_algorithm(PH_BYTES_OF(der)))
            fail_msg("byte %zu", i);
        der[i] ^= 1;
    }
}

TEST(what_stands_for_no_parameters_is_empty)
{
    uint8_t der[sizeof(pss) + 1];

    memcpy(der, pss, 31);
    memcpy(der + 32, pss + 31, sizeof(pss) - 31);
    der[31] = 1; /* the NULL of the hash, and all that it lies in, a byte longer */
    static const uint8_t longer[] = {1, 14, 16, 18};
    for (size_t i = 0; i < PH_LEN(longer); i++)
        der[longer[i]]++;
    CHECK(!reads_algorithm(PH_BYTES_OF(der)));
}

static struct text chain_leaf, chain_root; /* what stands around the CA that is edited */

/* True if a PCK chain with this CA has every profile and link: all but signatures. */
static bool has_ca_role(struct ph_bytes ca)
{
    static const uint32_t roles = PH_FACT_ROOT_PROFILE | PH_FACT_CA_PROFILE | PH_FACT_LEAF_PROFILE |
                                  PH_FACT_LINKS | PH_FACT_SGX_EXT;
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    static uint8_t all[3 * DER_MAX];

    memcpy(all, chain_leaf.b, chain_leaf.len);
    memcpy(all + chain_leaf.len, ca.ptr, ca.len);
    memcpy(all + chain_leaf.len + ca.len, chain_root.b, chain_root.len);
    const struct ph_bytes der = {all, chain_leaf.len + ca.len + chain_root.len};
    return ph_chain_parse_pck(der, NULL, &chain) == PH_OK && (chain->facts & roles) == roles;
}

TEST(every_element_that_makes_a_certificate_a_pck_ca_is_demanded)
{
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make_pki();
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(DER_MAX);
    struct ph_reader pem = {ph_synth_pki_chain_pem(pki)};
    struct text ca = {.len = 0};
    struct text *const parts[] = {&chain_leaf, &ca, &chain_root};
    static const char *const allowed[] = {NULL};

    for (size_t i = 0; i < PH_LEN(parts); i++) {
        der.len = parts[i]->len = 0;
        CHECK(ph_pem_next(&pem, "CERTIFICATE", &der) == PH_OK);
        put(parts[i], der.ptr, der.len);
    }
    check_edits((struct ph_bytes){ca.b, ca.len}, has_ca_role, allowed);
}

/* The last ecdsa-with-SHA256 becomes ecdsa-with-SHA384: the algorithm beside the signature. */
static void change_outer_algorithm(uint8_t *der, size_t len)
{
    static const uint8_t oid[] = {0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};
    uint8_t *last = NULL;

    for (size_t i = 0; i + sizeof(oid) <= len; i++) {
        if (memcmp(der + i, oid, sizeof(oid)) == 0)
            last = der + i;
    }
    CHECK(last);
    last[sizeof(oid) - 1] = 0x03;
}

TEST(the_algorithm_is_the_same_inside_and_outside_the_signature)
{
    static const uint32_t both = PH_X509_SIG_ECDSA_SHA256 | PH_X509_SIG_ECDSA_SHA384;
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = make_pki();
    const struct ph_bytes list = ph_synth_pki_parts(pki).root_ca_crl;
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(DER_MAX);
    struct ph_reader pem = {ph_synth_pki_chain_pem(pki)};
    struct ph_x509_profile profile = ph_x509_profile_intel;
    struct ph_x509 cert;
    struct ph_crl crl;

    CHECK(ph_buf_add(&der, list) == PH_OK);
    CHECK(ph_crl_parse(both, ph_buf_view(&der), &crl) == PH_OK);
    change_outer_algorithm(der.ptr, der.len);
    CHECK(ph_crl_parse(both, ph_buf_view(&der), &crl) == PH_ERR_MALFORMED);

    profile.sig_algs = both;
    der.len = 0;
    CHECK(ph_pem_next(&pem, "CERTIFICATE", &der) == PH_OK);
    CHECK(ph_x509_parse(&profile, ph_buf_view(&der), &cert) == PH_OK);
    change_outer_algorithm(der.ptr, der.len);
    CHECK(ph_x509_parse(&profile, ph_buf_view(&der), &cert) == PH_ERR_MALFORMED);
}

TEST(a_list_is_not_looked_into_beyond_its_limit)
{
    static const uint8_t big[PH_CRL_MAX + 1];
    struct ph_crl crl;

    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, (struct ph_bytes){big, PH_CRL_MAX}, &crl) ==
          PH_ERR_MALFORMED);
    CHECK(ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, (struct ph_bytes){big, PH_CRL_MAX + 1}, &crl) ==
          PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(every_element_that_makes_a_certificate_a_pck_ca_is_demanded),
             CASE(the_algorithm_is_the_same_inside_and_outside_the_signature),
             CASE(a_list_is_not_looked_into_beyond_its_limit),
             CASE(every_element_of_a_revocation_list_is_read),
             CASE(every_element_and_byte_of_a_signature_algorithm_is_read),
             CASE(what_stands_for_no_parameters_is_empty),
             CASE(every_element_of_a_certificate_is_read),
             CASE(every_element_of_amds_certificates_is_read))
