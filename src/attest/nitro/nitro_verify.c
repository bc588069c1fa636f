#include "attest/judge.h"
#include "attest/nitro/nitro_priv.h"
#include "base/own.h"
#include "crypto/hash.h"
#include "crypto/p384.h"

/* Leaf certificates of AWS mark keyUsage as not critical, and CAs name issuer and serial in their
 * AuthorityKeyIdentifier. */
const struct ph_x509_profile ph_x509_profile_nitro = {
    .key_algs = PH_X509_KEY_P384,
    .sig_algs = PH_X509_SIG_ECDSA_SHA384,
    .loose_extensions = true,
};

enum { CHAIN_MAX = PH_NITRO_CA_MAX + 1 };

struct judgement {
    struct ph_judge judge;
    const struct ph_nitro_args *args;
    struct ph_nitro_doc doc;
    struct ph_x509 cert[CHAIN_MAX]; /* leaf first, root last */
    size_t cnt;
};

static bool check(struct judgement *j, enum ph_check c, bool holds, struct ph_bytes seen)
{
    return ph_judge_check(&j->judge, c, holds, seen);
}

static enum ph_err open_document(struct judgement *j)
{
    enum ph_check failed;
    const enum ph_err err = ph_nitro_parse(j->args->document, &j->doc, &failed);

    ph_judge_format(&j->judge, PH_CHECK_NITRO_LENGTH, PH_CHECK_NITRO_PCRS, failed,
                    j->args->document);
    return err;
}

static enum ph_err open_chain(struct judgement *j)
{
    const struct ph_nitro_doc *doc = &j->doc;

    for (j->cnt = 0; j->cnt < doc->ca_cnt + 1; j->cnt++) {
        const struct ph_bytes der = j->cnt == 0 ? doc->certificate : doc->ca[doc->ca_cnt - j->cnt];
        const enum ph_err err = ph_x509_parse(&ph_x509_profile_nitro, der, &j->cert[j->cnt]);
        (void)check(j, PH_CHECK_NITRO_CERT_FORMAT, err == PH_OK, der);
        PH_TRY(err);
    }
    return PH_OK;
}

static bool ends_with(struct ph_bytes text, const char *end)
{
    const size_t n = strlen(end);
    return text.len > n && memcmp(text.ptr + text.len - n, end, n) == 0;
}

/* [NSM] §3.2.3.2, §3.2.3.3; names as AWS's certificates have them. `i` counts from the leaf. */
static bool has_profile(const struct judgement *j, size_t i)
{
    const struct ph_x509 *c = &j->cert[i];

    if (!c->has_basic_constraints || c->is_ca != (i > 0))
        return false;
    if (i == 0)
        return (c->key_usage & PH_X509_KU_DIGITAL_SIGNATURE) &&
               !(c->key_usage & PH_X509_KU_CERT_SIGN);
    if (i == j->cnt - 1 ? !ph_bytes_is(c->cn, "aws.nitro-enclaves")
                        : !ends_with(c->cn, ".aws.nitro-enclaves"))
        return false;
    /* RFC 5280 §4.2.1.9: i - 1 CAs stand between this one and the leaf. */
    return (c->key_usage & PH_X509_KU_CERT_SIGN) && (!c->has_path_len || c->path_len >= i - 1);
}

/* Index of the certificate above; the root is its own. */
static size_t issuer_of(const struct judgement *j, size_t i)
{
    return i + 1 < j->cnt ? i + 1 : i;
}

/* CAs below the root must name their issuer's key; leaf and root may leave it to the name. */
static bool is_issued_by(const struct judgement *j, size_t i, size_t above)
{
    const struct ph_x509 *c = &j->cert[i], *issuer = &j->cert[above];

    if (!ph_bytes_equal(c->issuer, issuer->subject))
        return false;
    if (c->aki.len == 0)
        return i == 0 || i == above;
    return ph_bytes_equal(c->aki, issuer->ski);
}

/* "i-0827e799ec9232d44-enc019b5640fdf630d6" is certified as that, a dot, region and partition. */
static bool names_module(const struct judgement *j)
{
    struct ph_reader r = {j->cert[0].cn};
    struct ph_bytes id;
    uint8_t dot;

    return ph_read_view(&r, j->doc.module_id.len, &id) && ph_bytes_equal(id, j->doc.module_id) &&
           ph_read_u8(&r, &dot) && dot == '.';
}

/* Certificate `i` of the chain, under the one above. */
static void judge_certificate(struct judgement *j, size_t i)
{
    const struct ph_x509 *c = &j->cert[i];

    (void)check(j, PH_CHECK_NITRO_CHAIN_PROFILE, has_profile(j, i), c->whole);
    (void)check(j, PH_CHECK_NITRO_CHAIN_LINKS, is_issued_by(j, i, issuer_of(j, i)), c->whole);
    (void)check(j, PH_CHECK_NITRO_ISSUED, j->args->now_s >= c->not_before_s, c->whole);
    (void)check(j, PH_CHECK_NITRO_FRESH, j->args->now_s <= c->not_after_s, c->whole);
    ph_judge_until(&j->judge, c->not_after_s);
}

static void judge_chain(struct judgement *j)
{
    const struct ph_x509 *leaf = &j->cert[0], *root = &j->cert[j->cnt - 1];
    const int64_t made_s = (int64_t)(j->doc.timestamp_ms / 1000);
    uint8_t spki_sha256[32];

    for (size_t i = 0; i < j->cnt; i++)
        judge_certificate(j, i);
    (void)check(j, PH_CHECK_NITRO_MODULE, names_module(j), j->doc.module_id);
    (void)check(j, PH_CHECK_NITRO_TIMESTAMP,
                made_s >= leaf->not_before_s && made_s <= leaf->not_after_s, leaf->whole);
    ph_sha256(root->spki, spki_sha256);
    (void)check(
        j, PH_CHECK_NITRO_ROOT,
        ph_judge_root(&j->judge, j->args->roots, j->args->policy, PH_ROOT_AWS_NITRO, spki_sha256),
        root->whole);
}

/* RFC 9052 §4.4: the signature covers ["Signature1", protected, h'', payload]. The head of the
 * payload is that of 256 bytes to 64 KiB: there is no shorter one with two certificates in it, and
 * a signature over one would not verify. */
static void hash_signed(const struct ph_nitro_doc *doc, uint8_t digest[static 48])
{
    static const uint8_t before[] = "\x84\x6aSignature1";
    const size_t len = doc->payload.len;
    const uint8_t between[4] = {0x40, 0x59, (uint8_t)(len >> 8), (uint8_t)len};
    const uint8_t protected_head = (uint8_t)(0x40 | doc->protected_header.len);
    struct ph_sha384 sha;

    ph_sha384_init(&sha);
    ph_sha384_update(&sha, (struct ph_bytes){before, sizeof(before) - 1});
    ph_sha384_update(&sha, (struct ph_bytes){&protected_head, 1});
    ph_sha384_update(&sha, doc->protected_header);
    ph_sha384_update(&sha, PH_BYTES_OF(between));
    ph_sha384_update(&sha, doc->payload);
    ph_sha384_final(&sha, digest);
}

/* From the root, which signed itself, down to the leaf, which signed the document. A key that is no
 * point verifies nothing. */
static void judge_signatures(struct judgement *j)
{
    struct ph_p384_pub key PH_NO_INIT; /* of the certificate above */
    uint8_t digest[48];

    (void)!ph_p384_pub_init(&key, j->cert[j->cnt - 1].point.ptr);
    for (size_t i = j->cnt; i-- > 0;) {
        const struct ph_x509 *c = &j->cert[i];
        (void)check(j, PH_CHECK_NITRO_CHAIN_SIGNATURE,
                    ph_p384_verify(&key, c->tbs, c->sig) == PH_OK, c->whole);
        (void)!ph_p384_pub_init(&key, c->point.ptr);
    }
    hash_signed(&j->doc, digest);
    (void)check(j, PH_CHECK_NITRO_SIGNATURE,
                ph_p384_verify_digest(&key, digest, j->doc.signature.ptr) == PH_OK,
                j->doc.signature);
}

/* user_data with zeros up to 64 bytes. */
static bool read_report_data(const struct ph_nitro_doc *doc, uint8_t out[static PH_REPORT_DATA_LEN])
{
    memset(out, 0, PH_REPORT_DATA_LEN);
    if (doc->user_data.len == 0 || doc->user_data.len > PH_REPORT_DATA_LEN)
        return false;
    memcpy(out, doc->user_data.ptr, doc->user_data.len);
    return true;
}

static void judge_report_data(struct judgement *j)
{
    uint8_t got[PH_REPORT_DATA_LEN];
    const bool present = read_report_data(&j->doc, got);

    if (!j->args->report_data_unchecked)
        (void)check(j, PH_CHECK_REPORT_DATA,
                    present && ph_ct_equal(got, j->args->report_data, sizeof(got)),
                    j->doc.user_data);
}

static bool is_zero(struct ph_bytes b)
{
    uint8_t any = 0;
    for (size_t i = 0; i < b.len; i++)
        any |= b.ptr[i];
    return any == 0;
}

static bool is_debug(const struct ph_nitro_doc *doc)
{
    for (size_t i = 0; i <= 2; i++) {
        if (is_zero(doc->pcr[i])) /* one that is not there has no bytes */
            return true;
    }
    return false;
}

static bool is_allowed(const struct ph_policy_nitro *m, const struct ph_nitro_doc *doc)
{
    for (size_t i = 0; i < PH_POLICY_NITRO_PCRS; i++) {
        if ((m->pcrs >> i & 1) &&
            (!(doc->pcrs >> i & 1) || memcmp(doc->pcr[i].ptr, m->pcr[i], 48) != 0))
            return false;
    }
    return m->pcrs != 0;
}

static void judge_policy(struct judgement *j)
{
    const struct ph_policy *p = j->args->policy;
    bool allowed = p->any_measurement;

    ph_judge_tcb_policy(&j->judge, p);
    (void)check(j, PH_CHECK_POLICY_DEBUG, p->allow_debug_insecure || !is_debug(&j->doc),
                j->doc.pcr[0]);
    for (size_t i = 0; i < p->nitro_cnt; i++)
        allowed = allowed || is_allowed(&p->nitro[i], &j->doc);
    (void)check(j, PH_CHECK_POLICY_MEASUREMENT, allowed, j->doc.pcr[0]);
}

static size_t copy(uint8_t *out, struct ph_bytes from)
{
    for (size_t i = 0; i < from.len; i++)
        out[i] = from.ptr[i];
    return from.len;
}

static void write_claims(const struct judgement *j, struct ph_claims *out)
{
    const struct ph_nitro_doc *doc = &j->doc;
    struct ph_nitro_claims *n = &out->nitro;

    out->tee = PH_TEE_NITRO;
    (void)read_report_data(doc, out->report_data);
    out->report_data_checked = !j->args->report_data_unchecked;
    memcpy(n->module_id, doc->module_id.ptr, doc->module_id.len); /* zeroed before */
    n->timestamp_ms = (int64_t)doc->timestamp_ms;
    n->pcrs = doc->pcrs;
    for (size_t i = PH_NITRO_PCRS; i-- > 0;)
        (void)copy(n->pcr[i], doc->pcr[i]);
    n->public_key_len = copy(n->public_key, doc->public_key);
    n->user_data_len = copy(n->user_data, doc->user_data);
    n->nonce_len = copy(n->nonce, doc->nonce);
    out->insecure_simulator = j->judge.verdict->insecure_simulator;
    out->verified_at_s = j->args->now_s;
}

static enum ph_err judge_all(struct judgement *j)
{
    PH_TRY(open_document(j));
    PH_TRY(open_chain(j));
    judge_chain(j);
    judge_signatures(j);
    if (ph_judge_holds(&j->judge))
        j->judge.verdict->status = PH_TCB_UP_TO_DATE;
    judge_report_data(j);
    judge_policy(j);
    if (!ph_judge_holds(&j->judge))
        return PH_ERR_UNTRUSTED;

    ph_judge_accept(&j->judge);
    write_claims(j, &j->judge.verdict->claims);
    return PH_OK; /* the only way to say yes */
}

enum ph_err ph_nitro_verify(const struct ph_nitro_args *args, struct ph_verdict *out)
{
    struct ph_nitro_args a = *args;
    enum ph_err err = PH_ERR_UNTRUSTED;

    /* What is missing denies. */
    if (!a.policy)
        a.policy = ph_policy_denies();
    struct judgement j = {.args = &a, .judge = {.verdict = out, .trace = a.trace}};
    ph_judge_start(&j.judge, PH_GROUP_NITRO, a.policy);
    if (!a.report_data && !a.report_data_unchecked)
        (void)check(&j, PH_CHECK_REPORT_DATA, false, (struct ph_bytes){0});
    else
        err = judge_all(&j);
    ph_judge_end(&j.judge, "document");
    return err;
}
