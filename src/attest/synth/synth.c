#include "attest/synth/synth_priv.h"

#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"
#include "crypto/p256.h"

#include <stdlib.h>

/* A scalar for one role: SHA-256(seed || label). Out of range with probability 2^-32; signing then
 * reports it. */
static void derive(const uint8_t seed[static 32], const char *label, uint8_t out[static 32])
{
    struct ph_sha256 ctx;
    ph_sha256_init(&ctx);
    ph_sha256_update(&ctx, (struct ph_bytes){seed, 32});
    ph_sha256_update(&ctx, ph_bytes_str(label));
    ph_sha256_final(&ctx, out);
}

static void serial_of(const uint8_t seed[static 32], const char *label, struct ph_synth_serial *out)
{
    uint8_t digest[32];
    derive(seed, label, digest);
    memcpy(out->b, digest, sizeof(out->b));
    out->b[0] = (uint8_t)((out->b[0] & 0x3f) | 0x40); /* positive, all 20 octets used */
}

static void default_levels(struct ph_synth *s)
{
    s->level[0] =
        (struct ph_synth_level){.pcesvn = 11, .status = "UpToDate", .date = "2024-03-13T00:00:00Z"};
    s->level[1] = (struct ph_synth_level){.pcesvn = 5,
                                          .status = "OutOfDate",
                                          .date = "2018-01-04T00:00:00Z",
                                          .advisories = "[\"INTEL-SA-00106\"]"};
    for (size_t i = 0; i < 8; i++) {
        s->level[0].sgx[i] = s->cpusvn[i];
        s->level[0].tdx[i] = i == 0 ? 5 : i == 2 ? 2 : 0;
    }
    s->level_cnt = 2;
    s->module_level[0] = (struct ph_synth_isv_level){4, "UpToDate", "2024-03-13T00:00:00Z", NULL};
    s->module_level[1] =
        (struct ph_synth_isv_level){2, "OutOfDate", "2023-08-09T00:00:00Z", "[\"INTEL-SA-01036\"]"};
    s->module_level_cnt = 2;
    s->qe_level[0] = (struct ph_synth_isv_level){4, "UpToDate", "2024-03-13T00:00:00Z", NULL};
    s->qe_level[1] =
        (struct ph_synth_isv_level){1, "OutOfDate", "2021-11-10T00:00:00Z", "[\"INTEL-SA-00615\"]"};
    s->qe_level_cnt = 2;
}

enum ph_err ph_synth_defaults(struct ph_synth *out, const uint8_t seed[static 32], int64_t now_s)
{
    static const uint8_t fmspc[6] = {0xb0, 0xc0, 0x6f, 0x00, 0x00, 0x00};
    static const uint8_t cpusvn[16] = {3, 3, 2, 2, 4, 1, 0, 5};
    const int64_t hour = 3600, day = 24 * hour;
    struct ph_synth s = {0};
    uint8_t id[32];

    derive(seed, "root", s.keys.root);
    derive(seed, "pck-ca", s.keys.pck_ca);
    derive(seed, "pck", s.keys.pck);
    derive(seed, "tcb-signer", s.keys.tcb_signer);
    derive(seed, "attestation", s.keys.attestation);
    serial_of(seed, "root serial", &s.root_serial);
    serial_of(seed, "ca serial", &s.ca_serial);
    serial_of(seed, "pck serial", &s.pck_serial);
    serial_of(seed, "signer serial", &s.signer_serial);

    s.not_before_s = s.ca_not_before_s = s.pck_not_before_s = s.signer_not_before_s =
        now_s - 365 * day;
    s.not_after_s = s.ca_not_after_s = now_s + 20 * 365 * day;
    s.pck_not_after_s = s.signer_not_after_s = now_s + 7 * 365 * day;
    s.issue_s = s.crl_issue_s = s.root_crl_issue_s = now_s - hour;
    s.next_update_s = s.crl_next_s = now_s + 30 * day;
    s.root_crl_next_s = now_s + 365 * day;

    s.tdx = true;
    memcpy(s.fmspc, fmspc, sizeof(fmspc));
    memcpy(s.info_fmspc, fmspc, sizeof(fmspc));
    memcpy(s.cpusvn, cpusvn, sizeof(cpusvn));
    s.pcesvn = 11;
    s.sgx_type = 1;
    derive(seed, "ppid", id);
    memcpy(s.ppid, id, sizeof(s.ppid));
    derive(seed, "platform instance", id);
    memcpy(s.platform_instance, id, sizeof(s.platform_instance));

    s.info_version = 3;
    s.qe_version = 2;
    s.evaluation_number = s.qe_evaluation_number = 17;
    s.module_identities = true;
    s.module_version = 1;
    default_levels(&s);
    derive(seed, "qe signer", s.qe_mrsigner);
    s.qe_isvprodid = 2;

    s.quote_version = 4;
    s.qe_isvsvn = 6;
    s.qe_report.attributes[0] = 0x15; /* INIT, MODE64, PROVISIONKEY */
    s.qe_report.attributes[8] = 0xe7;
    memcpy(s.qe_report.mrsigner, s.qe_mrsigner, 32);
    *out = s;
    return PH_OK;
}

void ph_synth_pki_free(struct ph_synth_pki *pki)
{
    if (!pki)
        return;
    for (size_t i = 0; i < PH_SYNTH_PART_CNT; i++)
        ph_buf_clear(&pki->part[i]);
    free(pki);
}

struct ph_collateral_parts ph_synth_pki_parts(const struct ph_synth_pki *pki)
{
    return (struct ph_collateral_parts){
        .tcb_info_json = ph_buf_view(&pki->part[PH_SYNTH_INFO]),
        .tcb_info_chain_pem = ph_buf_view(&pki->part[PH_SYNTH_SIGNER_CHAIN]),
        .qe_identity_json = ph_buf_view(&pki->part[PH_SYNTH_QE]),
        .qe_identity_chain_pem = ph_buf_view(&pki->part[PH_SYNTH_SIGNER_CHAIN]),
        .pck_crl = ph_buf_view(&pki->part[PH_SYNTH_PCK_CRL]),
        .root_ca_crl = ph_buf_view(&pki->part[PH_SYNTH_ROOT_CRL]),
    };
}

struct ph_bytes ph_synth_pki_chain_pem(const struct ph_synth_pki *pki)
{
    return ph_buf_view(&pki->part[PH_SYNTH_PCK_CHAIN]);
}

enum ph_err ph_synth_pki_keep_chains(struct ph_synth_pki *pki, struct ph_bytes pck_chain,
                                     struct ph_bytes signer_chain)
{
    ph_buf_clear(&pki->part[PH_SYNTH_PCK_CHAIN]);
    ph_buf_clear(&pki->part[PH_SYNTH_SIGNER_CHAIN]);
    PH_TRY(ph_buf_add(&pki->part[PH_SYNTH_PCK_CHAIN], pck_chain));
    return ph_buf_add(&pki->part[PH_SYNTH_SIGNER_CHAIN], signer_chain);
}

void ph_synth_pki_root(const struct ph_synth_pki *pki, uint8_t xy[static 64])
{
    memcpy(xy, pki->root_key, 64);
}

enum ph_err ph_synth_pki_new(const struct ph_synth *s, struct ph_synth_pki **out)
{
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = calloc(1, sizeof(*pki));

    if (!pki)
        return PH_ERR_NOMEM;
    for (size_t i = 0; i < PH_SYNTH_PART_CNT; i++)
        pki->part[i] = PH_BUF(256 * 1024);
    PH_TRY(ph_p256_public(s->keys.root, pki->root_key));
    PH_TRY(ph_synth_make_chains(s, pki));
    PH_TRY(ph_synth_make_crls(s, pki));
    PH_TRY(ph_synth_make_documents(s, pki));
    *out = PH_TAKE(pki);
    return PH_OK;
}

void ph_synth_tdx_body(const struct ph_synth *s, struct ph_tdx_body *out)
{
    memset(out, 0, sizeof(*out));
    out->tee_tcb_svn[0] = 6;
    out->tee_tcb_svn[1] = s->module_version;
    out->tee_tcb_svn[2] = 3;
    out->td_attributes[3] = 0x10; /* SEPT_VE_DISABLE */
    out->xfam[0] = 0xe7;
    out->xfam[1] = 0x02;
    out->xfam[2] = 0x06;
}

void ph_synth_sgx_body(const struct ph_synth *s, struct ph_sgx_body *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->cpusvn, s->cpusvn, sizeof(out->cpusvn));
    out->attributes[0] = 0x05; /* INIT, MODE64 */
    out->attributes[8] = 0xe7;
}
