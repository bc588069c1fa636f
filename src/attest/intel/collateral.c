#include "attest/intel/collateral_priv.h"

#include "base/own.h"
#include "crypto/hash.h"

#include <stdio.h>
#include <stdlib.h>

void ph_collateral_free(struct ph_collateral *collateral)
{
    if (!collateral)
        return;
    ph_chain_free(collateral->info_chain);
    ph_chain_free(collateral->qe_chain);
    ph_chain_free(collateral->pck_chain);
    ph_buf_clear(&collateral->text);
    free(collateral);
}

void ph_collateral_window(const struct ph_collateral *collateral, int64_t *from_s, int64_t *until_s)
{
    *from_s = collateral->from_s;
    *until_s = collateral->until_s;
}

static enum ph_err bad(enum ph_err err, const char *part, const char *what, struct ph_json_why *why)
{
    (void)snprintf(why->text, sizeof(why->text), "%s: %s", part, what);
    return err;
}

static void narrow(struct ph_collateral *c, int64_t from_s, int64_t until_s)
{
    if (from_s > c->from_s)
        c->from_s = from_s;
    if (until_s < c->until_s)
        c->until_s = until_s;
}

/* Keep a copy; the buffer has room for all parts, so that views into it stay good. */
static enum ph_err keep(struct ph_collateral *c, struct ph_bytes part, struct ph_bytes *view)
{
    const size_t at = c->text.len;
    PH_TRY(ph_buf_add(&c->text, part));
    *view = (struct ph_bytes){c->text.ptr + at, part.len};
    return PH_OK;
}

/* Only running out of memory is an error: an altered document is for the verdict to refuse. */
static enum ph_err judge(const struct ph_p256_pub *key, const uint8_t digest[32],
                         const uint8_t sig[64], bool *out)
{
    *out = false;
    if (!key)
        return PH_OK;
    const enum ph_err err = ph_p256_verify_digest(key, digest, sig);
    *out = err == PH_OK;
    return err == PH_ERR_NOMEM ? err : PH_OK;
}

static enum ph_err load_chains(struct ph_collateral *c, const struct ph_collateral_parts *parts,
                               struct ph_json_why *why)
{
    enum ph_err err;

    if (parts->tcb_info_chain_pem.len > 0) {
        err = ph_chain_parse_signer(ph_pem_trim(parts->tcb_info_chain_pem), &c->info_chain);
        if (err != PH_OK)
            return bad(err, "tcb_info_chain", "not two strict certificates, signer and root", why);
        narrow(c, c->info_chain->not_before_s, c->info_chain->not_after_s);
    }
    if (c->info_chain && ph_bytes_equal(parts->qe_identity_chain_pem, parts->tcb_info_chain_pem)) {
        c->qe_chain_is_info_chain = true;
    } else if (parts->qe_identity_chain_pem.len > 0) {
        err = ph_chain_parse_signer(ph_pem_trim(parts->qe_identity_chain_pem), &c->qe_chain);
        if (err != PH_OK)
            return bad(err, "qe_identity_chain", "not two strict certificates, signer and root",
                       why);
        narrow(c, c->qe_chain->not_before_s, c->qe_chain->not_after_s);
    }
    return PH_OK;
}

static enum ph_err load_documents(struct ph_collateral *c, const struct ph_collateral_parts *parts,
                                  struct ph_json_why *why)
{
    const struct ph_chain *qe_chain = ph_collateral_qe_chain(c);

    if (parts->tcb_info_json.len > 0) {
        PH_TRY(keep(c, parts->tcb_info_json, &c->parts[PH_PART_INFO]));
        PH_TRY(ph_tcb_info_parse(parts->tcb_info_json, &c->info, why));
        c->has_info = true;
        narrow(c, c->info.issue_s, c->info.next_update_s);
        if (c->info_chain)
            PH_TRY(judge(c->info_chain->leaf_key, c->info.digest, c->info.sig, &c->info_signed));
    }
    if (parts->qe_identity_json.len > 0) {
        PH_TRY(keep(c, parts->qe_identity_json, &c->parts[PH_PART_QE]));
        PH_TRY(ph_enclave_identity_parse(parts->qe_identity_json, &c->qe, why));
        c->has_qe = true;
        narrow(c, c->qe.issue_s, c->qe.next_update_s);
        if (qe_chain)
            PH_TRY(judge(qe_chain->leaf_key, c->qe.digest, c->qe.sig, &c->qe_signed));
    }
    return PH_OK;
}

static enum ph_err load_crls(struct ph_collateral *c, const struct ph_collateral_parts *parts,
                             struct ph_json_why *why)
{
    const struct ph_chain *qe_chain = ph_collateral_qe_chain(c);
    uint8_t digest[32];
    enum ph_err err;

    if (parts->root_ca_crl.len > 0) {
        PH_TRY(keep(c, parts->root_ca_crl, &c->parts[PH_PART_ROOT_CRL]));
        err = ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, c->parts[PH_PART_ROOT_CRL], &c->root_crl);
        if (err != PH_OK)
            return bad(err, "root_ca_crl", "not a strict DER revocation list", why);
        c->has_root_crl = true;
        narrow(c, c->root_crl.this_update_s, c->root_crl.next_update_s);
        if (c->info_chain) {
            ph_sha256(c->root_crl.tbs, digest);
            PH_TRY(judge(c->info_chain->root_key, digest, c->root_crl.sig, &c->root_crl_signed));
            c->signer_revoked = ph_crl_has(&c->root_crl, c->info_chain->leaf.serial);
        }
        c->qe_signer_revoked = qe_chain && ph_crl_has(&c->root_crl, qe_chain->leaf.serial);
    }
    if (parts->pck_crl.len > 0) {
        PH_TRY(keep(c, parts->pck_crl, &c->parts[PH_PART_PCK_CRL]));
        err = ph_crl_parse(PH_X509_SIG_ECDSA_SHA256, c->parts[PH_PART_PCK_CRL], &c->pck_crl);
        if (err != PH_OK)
            return bad(err, "pck_crl", "not a strict DER revocation list", why);
        c->has_pck_crl = true;
        ph_sha256(c->parts[PH_PART_PCK_CRL], c->pck_crl_digest);
        narrow(c, c->pck_crl.this_update_s, c->pck_crl.next_update_s);
    }
    return PH_OK;
}

static enum ph_err load_pck_chain(struct ph_collateral *c, const struct ph_collateral_parts *parts,
                                  struct ph_json_why *why)
{
    if (parts->pck_chain_pem.len == 0)
        return PH_OK;
    PH_TRY(keep(c, ph_pem_trim(parts->pck_chain_pem), &c->pck_pem));
    const enum ph_err err = ph_chain_parse_pck(c->pck_pem, c->info_chain, &c->pck_chain);
    if (err != PH_OK)
        return bad(err, "pck_chain", "not three strict certificates: leaf, CA, root", why);
    if (c->has_pck_crl)
        ph_chain_judge_crl(c->pck_chain, &c->pck_crl);
    return PH_OK;
}

enum ph_err ph_collateral_parse(const struct ph_collateral_parts *parts, struct ph_collateral **out,
                                struct ph_json_why *why)
{
    const size_t room = parts->tcb_info_json.len + parts->qe_identity_json.len +
                        parts->root_ca_crl.len + parts->pck_crl.len + parts->pck_chain_pem.len;
    uint8_t *at;

    (void)bad(PH_OK, "collateral", "out of memory", why);
    if (parts->tcb_info_json.len > PH_TCB_DOC_MAX || parts->qe_identity_json.len > PH_TCB_DOC_MAX ||
        parts->root_ca_crl.len > PH_CRL_MAX || parts->pck_crl.len > PH_CRL_MAX ||
        parts->pck_chain_pem.len > PH_CHAIN_PEM_MAX)
        return bad(PH_ERR_LIMIT, "collateral", "a part is too long", why);

    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = calloc(1, sizeof(*c));
    if (!c)
        return PH_ERR_NOMEM;
    c->from_s = INT64_MIN;
    c->until_s = INT64_MAX;
    c->text = PH_BUF(room);
    if (room > 0)
        PH_TRY(ph_buf_reserve(&c->text, room, &at));
    PH_TRY(load_chains(c, parts, why));
    PH_TRY(load_documents(c, parts, why));
    PH_TRY(load_crls(c, parts, why));
    PH_TRY(load_pck_chain(c, parts, why));
    *out = PH_TAKE(c);
    return PH_OK;
}
