#include "attest/intel/collateral_key.h"

#include "attest/intel/collateral_priv.h"
#include "attest/intel/quote.h"
#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>

enum ph_err ph_collateral_key_of(struct ph_bytes quote, struct ph_collateral_key *out)
{
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;
    struct ph_intel_quote q;
    enum ph_check failed;

    PH_TRY(ph_intel_quote_parse(quote, &q, &failed));
    if (q.cert_type != PH_QUOTE_CERT_PCK_CHAIN)
        return PH_ERR_NOT_FOUND;
    PH_TRY(ph_chain_parse_pck(ph_pem_trim(q.cert_data), NULL, &chain));
    if (!(chain->facts & PH_FACT_SGX_EXT))
        return PH_ERR_MALFORMED;
    out->tee = q.tee;
    out->platform_ca = chain->platform_ca;
    memcpy(out->fmspc, chain->sgx.fmspc, sizeof(out->fmspc));
    memcpy(out->ppid, chain->sgx.ppid, sizeof(out->ppid));
    return PH_OK;
}

void ph_collateral_key_name(const struct ph_collateral_key *key,
                            char out[static PH_COLLATERAL_NAME_LEN])
{
    char fmspc[13];

    ph_hex_encode(PH_BYTES_OF(key->fmspc), fmspc);
    (void)snprintf(out, PH_COLLATERAL_NAME_LEN, "%s-%s-%s", key->tee == PH_TEE_TDX ? "tdx" : "sgx",
                   fmspc, key->platform_ca ? "platform" : "processor");
}

const struct ph_collateral_file ph_collateral_files[PH_COLLATERAL_FILES_ALL] = {
    {"tcb_info.signed.json", offsetof(struct ph_collateral_parts, tcb_info_json)},
    {"tcb_info_chain.pem", offsetof(struct ph_collateral_parts, tcb_info_chain_pem)},
    {"qe_identity.signed.json", offsetof(struct ph_collateral_parts, qe_identity_json)},
    {"qe_identity_chain.pem", offsetof(struct ph_collateral_parts, qe_identity_chain_pem)},
    {"pck_crl.der", offsetof(struct ph_collateral_parts, pck_crl)},
    {"root_ca_crl.der", offsetof(struct ph_collateral_parts, root_ca_crl)},
    {"pck_chain.pem", offsetof(struct ph_collateral_parts, pck_chain_pem)},
};
