/* AMD's and NVIDIA's documents. */

#include "collateral_check.h"

#include "attest/amd/snp_chain.h"
#include "attest/judge.h"
#include "attest/nvidia/ocsp.h"
#include "attest/nvidia/rim.h"
#include "base/own.h"

#include <stdio.h>

static bool is_of_need(const struct ph_snp_chain *c, const struct ph_snp_need *need)
{
    const struct ph_snp_tcb *a = &c->ext.tcb, *b = &need->tcb;

    if (c->ext.product != need->product || c->is_vlek != need->is_vlek)
        return false;
    return a->fmc == b->fmc && a->bootloader == b->bootloader && a->tee == b->tee &&
           a->snp == b->snp && a->microcode == b->microcode &&
           (need->is_vlek || need->chip_id_len == 0 ||
            memcmp(c->ext.chip_id, need->chip_id, need->chip_id_len) == 0);
}

enum ph_err ph_check_snp(const struct ph_check_by *by, const struct ph_snp_need *need,
                         const struct ph_snp_parts *parts, struct ph_checked *out,
                         struct ph_json_why *why)
{
    static const enum ph_root_maker makers[PH_SNP_PRODUCT_CNT] = {
        [PH_SNP_MILAN] = PH_ROOT_AMD_MILAN,
        [PH_SNP_GENOA] = PH_ROOT_AMD_GENOA,
        [PH_SNP_TURIN] = PH_ROOT_AMD_TURIN};
    const struct ph_snp_chain_source source = {
        .vek = parts->vek_cert, .chain = parts->cert_chain, .crl = parts->crl};
    const uint32_t certs = PH_SNP_FACT_ARK_PROFILE | PH_SNP_FACT_ASK_PROFILE |
                           PH_SNP_FACT_VEK_PROFILE | PH_SNP_FACT_LINKS | PH_SNP_FACT_EXTENSION |
                           PH_SNP_FACT_ARK_SIGNATURE | PH_SNP_FACT_ASK_SIGNATURE |
                           PH_SNP_FACT_VEK_SIGNATURE;
    const uint32_t list = PH_SNP_FACT_CRL_ISSUER | PH_SNP_FACT_CRL_SIGNATURE;
    struct ph_snp_chain *chain PH_OWNED(ph_snp_chain_freep) = NULL;
    struct ph_checked c = {0};
    enum ph_check failed;

    const enum ph_err err = ph_snp_chain_new(&source, &chain, &failed);
    if (err != PH_OK)
        return ph_check_bad(err, why, "it does not hold that %s", ph_check_holds(failed));
    if ((chain->facts & certs) != certs)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "the certificates do not verify");
    if (!ph_attest_root_is_trusted(by->roots, by->policy, makers[need->product],
                                   chain->ark_spki_sha256, &c.insecure_simulator))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "the root is not AMD's for this product");
    if (!is_of_need(chain, need))
        return ph_check_bad(PH_ERR_UNTRUSTED, why,
                            "the certificate is of another chip, or of other security versions");
    PH_TRY(ph_check_window(by, "a certificate", chain->not_before_s, chain->not_after_s, &c, why));
    if (chain->has_crl && (chain->facts & list) != list)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "the revocation list is not the ARK's");
    if (chain->has_crl)
        PH_TRY(ph_check_window(by, "the revocation list", chain->crl_this_s, chain->crl_next_s, &c,
                               why));
    *out = c;
    return PH_OK;
}

/* Versions without dots end the id of a VBIOS, with dots that of a driver. */
static bool id_names_version(const char *id, struct ph_bytes version)
{
    char plain[64];
    size_t n = 0;
    const size_t id_len = strlen(id);

    for (size_t i = 0; i < version.len && n + 1 < sizeof(plain); i++) {
        if (version.ptr[i] != '.')
            plain[n++] = (char)version.ptr[i];
    }
    return (version.len > 0 && id_len >= version.len &&
            memcmp(id + id_len - version.len, version.ptr, version.len) == 0) ||
           (n > 0 && id_len >= n && strncasecmp(id + id_len - n, plain, n) == 0);
}

enum ph_err ph_check_rim(const struct ph_check_by *by, const char *id, struct ph_bytes xml,
                         struct ph_checked *out, struct ph_json_why *why)
{
    struct ph_rim *rim PH_OWNED(ph_freep) = calloc(1, sizeof(*rim));
    struct ph_rim_proof proof;
    struct ph_checked c = {0};
    enum ph_rim_check failed;

    if (!rim)
        return ph_check_bad(PH_ERR_NOMEM, why, "out of memory");
    enum ph_err err = ph_rim_parse(xml, rim, &failed);
    if (err != PH_OK)
        return ph_check_bad(err, why, "it does not hold that %s", ph_rim_check_holds(failed));
    if (!id_names_version(id, rim->version))
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is the manifest of version %.*s",
                            (int)rim->version.len, (const char *)rim->version.ptr);
    err = ph_rim_verify_signature(rim, by->roots, by->policy, by->now_s, &proof);
    if (err != PH_OK)
        return ph_check_bad(err, why, "it does not hold that %s",
                            proof.failed < PH_RIM_CHECK_CNT ? ph_rim_check_holds(proof.failed)
                                                            : "there is memory");
    c.insecure_simulator = proof.insecure_simulator;
    PH_TRY(ph_check_window(by, "its signer", proof.not_before_s, proof.not_after_s + 1, &c, why));
    *out = c;
    return PH_OK;
}

enum ph_err ph_check_ocsp(const struct ph_check_by *by, const struct ph_x509 *cert,
                          const struct ph_x509 *issuer, struct ph_bytes der, struct ph_checked *out,
                          bool *revoked, struct ph_json_why *why)
{
    struct ph_checked c = {0};
    struct ph_ocsp ocsp;

    const enum ph_err err = ph_ocsp_parse(der, &ocsp);
    if (err != PH_OK)
        return ph_check_bad(err, why, "it is no successful OCSP response of the supported form");
    const struct ph_ocsp_single *s = ph_ocsp_find(&ocsp, cert, issuer);
    if (!s)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "it is about another certificate");
    const struct ph_ocsp_facts facts = ph_ocsp_judge(&ocsp, issuer);
    if (!facts.responder_allowed || !facts.signatures)
        return ph_check_bad(PH_ERR_UNTRUSTED, why,
                            "neither the issuer nor a responder that it appointed signed it");
    if (s->status == PH_OCSP_UNKNOWN)
        return ph_check_bad(PH_ERR_UNTRUSTED, why, "the service does not know the certificate");
    PH_TRY(ph_check_window(by, "its responder", facts.not_before_s, facts.not_after_s, &c, why));
    PH_TRY(ph_check_window(by, "it", s->this_update_s, s->next_update_s, &c, why));
    *revoked = s->status == PH_OCSP_REVOKED;
    *out = c;
    return PH_OK;
}
