#include "attest/amd/snp_synth.h"

#include "attest/amd/snp_report.h"
#include "attest/synth/synth_p384.h"
#include "attest/synth/synth_rsa.h"
#include "base/own.h"
#include "codec/der.h"

#include <stdio.h>

enum { BITS = 4096, HOUR_S = 3600, DAY_S = 24 * HOUR_S };

enum ph_err ph_synth_snp_keys_new(struct ph_synth_snp_keys *out)
{
    struct ph_synth_snp_keys k = {0};
    enum ph_err err = ph_rsa_key_generate(BITS, &k.ark);
    if (err == PH_OK)
        err = ph_rsa_key_generate(BITS, &k.ask);
    if (err != PH_OK) {
        ph_synth_snp_keys_clear(&k);
        return err;
    }
    *out = k;
    return PH_OK;
}

void ph_synth_snp_keys_clear(struct ph_synth_snp_keys *keys)
{
    ph_rsa_key_free(keys->ark);
    ph_rsa_key_free(keys->ask);
    *keys = (struct ph_synth_snp_keys){0};
}

void ph_synth_snp_tcb(enum ph_snp_product product, const struct ph_snp_tcb *t,
                      uint8_t out[static 8])
{
    const uint8_t turin[8] = {t->fmc, t->bootloader, t->tee, t->snp, 0, 0, 0, t->microcode};
    const uint8_t others[8] = {t->bootloader, t->tee, 0, 0, 0, 0, t->snp, t->microcode};
    memcpy(out, product == PH_SNP_TURIN ? turin : others, 8);
}

static void fill_report(struct ph_synth_snp *s, uint32_t version)
{
    static const uint8_t cpus[PH_SNP_PRODUCT_CNT][3] = {
        {0, 0, 0}, {0x19, 0x01, 1}, {0x19, 0x11, 1}, {0x1a, 0x02, 1}};
    struct ph_snp_report *r = &s->report;

    ph_put_u32le(r->version, version);
    ph_put_u32le(r->guest_svn, 3);
    ph_put_u64le(r->policy, 0x3001f); /* ABI 0.31, SMT, the bit that is one */
    ph_put_u32le(r->signature_algo, PH_SNP_SIG_ECDSA_P384_SHA384);
    ph_put_u64le(r->platform_info, PH_SNP_PLATFORM_SMT | PH_SNP_PLATFORM_ECC);
    ph_put_u32le(r->flags, (uint32_t)s->is_vlek << PH_SNP_FLAG_KEY_SHIFT);
    memset(r->report_data, 0xd1, sizeof(r->report_data));
    memset(r->measurement, 0xe2, sizeof(r->measurement));
    memset(r->host_data, 0xa3, sizeof(r->host_data));
    memset(r->id_key_digest, 0xb4, sizeof(r->id_key_digest));
    memset(r->report_id_ma, 0xff, sizeof(r->report_id_ma));
    if (version >= 3) {
        r->cpuid_family[0] = cpus[s->product][0];
        r->cpuid_model[0] = cpus[s->product][1];
        r->cpuid_stepping[0] = cpus[s->product][2];
    }
    if (version >= 5)
        r->launch_mit_vector[0] = r->current_mit_vector[0] = 0x3f;
    if (!s->is_vlek)
        memcpy(r->chip_id, s->hwid, sizeof(r->chip_id));
    ph_synth_snp_tcb(s->product, &s->tcb, r->current_tcb);
    ph_synth_snp_tcb(s->product, &s->tcb, r->reported_tcb);
    ph_synth_snp_tcb(s->product, &s->tcb, r->committed_tcb);
    ph_synth_snp_tcb(s->product, &s->tcb, r->launch_tcb);
    r->current_major[0] = r->committed_major[0] = 1;
    r->current_minor[0] = r->committed_minor[0] = 55;
    r->current_build[0] = r->committed_build[0] = 29;
}

void ph_synth_snp_defaults(struct ph_synth_snp *out, const struct ph_synth_snp_keys *keys,
                           enum ph_snp_product product, uint32_t version, bool is_vlek,
                           int64_t now_s)
{
    *out = (struct ph_synth_snp){
        .keys = keys,
        .vek_secret = {0x56, 0x43, 0x45, 0x4b},
        .is_vlek = is_vlek,
        .product = product,
        .csp_id = "CN=cloud.example",
        .not_before_s = now_s - HOUR_S,
        .not_after_s = now_s + 3 * 365 * DAY_S,
        .vek_not_before_s = now_s - HOUR_S,
        .vek_not_after_s = now_s + 365 * DAY_S,
        .crl_this_s = now_s - HOUR_S,
        .crl_next_s = now_s + 30 * DAY_S,
        .ark_serial = 65536,
        .ask_serial = 65537,
        .revoked = {99},
        .revoked_cnt = 1,
        .tcb = {.bootloader = 4, .tee = 1, .snp = 24, .microcode = 219},
    };
    if (product == PH_SNP_TURIN)
        out->tcb.fmc = 2;
    memset(out->hwid, 0xc5, product == PH_SNP_TURIN ? PH_SNP_TURIN_CHIP_ID_LEN : 64);
    fill_report(out, version);
}

/* The contents of AMD's extensions while a certificate is made. */
struct exts {
    struct ph_synth_rsa_ext ext[16];
    size_t cnt;
    struct ph_buf der[16];
};

static void clear_exts(struct exts *e)
{
    for (size_t i = 0; i < e->cnt; i++)
        ph_buf_clear(&e->der[i]);
}

static struct ph_buf *begin(struct exts *e, const char *oid)
{
    e->der[e->cnt] = PH_BUF(256);
    e->ext[e->cnt].oid = oid;
    return &e->der[e->cnt++];
}

static enum ph_err put_svn(struct exts *e, const char *oid, uint64_t v)
{
    return ph_der_put_u64(begin(e, oid), v);
}

static enum ph_err put_text(struct exts *e, const char *oid, const char *text)
{
    return ph_der_put(begin(e, oid), PH_DER_IA5_STRING, ph_bytes_str(text));
}

#define AMD "1.3.6.1.4.1.3704.1."

static enum ph_err put_tcb(const struct ph_synth_snp *s, struct exts *e)
{
    const bool turin = s->product == PH_SNP_TURIN;

    PH_TRY(put_svn(e, AMD "3.1", s->tcb.bootloader));
    PH_TRY(put_svn(e, AMD "3.2", s->tcb.tee));
    PH_TRY(put_svn(e, AMD "3.3", s->tcb.snp));
    if (!turin)
        PH_TRY(put_svn(e, AMD "3.4", 0));
    PH_TRY(put_svn(e, AMD "3.5", s->faults & PH_SYNTH_SNP_SPL_SET ? 1 : 0));
    PH_TRY(put_svn(e, AMD "3.6", 0));
    PH_TRY(put_svn(e, AMD "3.7", 0));
    if (!(s->faults & PH_SYNTH_SNP_NO_MICROCODE))
        PH_TRY(put_svn(e, AMD "3.8", s->tcb.microcode));
    return turin ? put_svn(e, AMD "3.9", s->tcb.fmc) : PH_OK;
}

static enum ph_err put_identity(const struct ph_synth_snp *s, struct exts *e)
{
    const bool both = s->faults & PH_SYNTH_SNP_HWID_AND_CSP_ID;
    const struct ph_bytes hwid = {s->hwid,
                                  s->product == PH_SNP_TURIN ? PH_SNP_TURIN_CHIP_ID_LEN : 64};

    if ((!s->is_vlek || both) && !(s->faults & PH_SYNTH_SNP_NO_HWID)) {
        struct ph_buf *buf = begin(e, AMD "4");
        PH_TRY(s->wrap_hwid ? ph_der_put(buf, PH_DER_OCTET_STRING, hwid) : ph_buf_add(buf, hwid));
    }
    if ((s->is_vlek || both) && !(s->faults & PH_SYNTH_SNP_NO_CSP_ID))
        PH_TRY(put_text(e, AMD "5", s->csp_id));
    return PH_OK;
}

static enum ph_err put_exts(const struct ph_synth_snp *s, struct exts *e)
{
    static const char *const names[] = {"", "Milan-B0", "Genoa", "Turin"};
    const bool turin = s->product == PH_SNP_TURIN;
    const bool wrong = s->faults & PH_SYNTH_SNP_BAD_STRUCT;

    PH_TRY(put_svn(e, AMD "1", turin != wrong));
    PH_TRY(put_text(e, AMD "2", s->product_name ? s->product_name : names[s->product]));
    PH_TRY(put_tcb(s, e));
    PH_TRY(put_identity(s, e));
    for (size_t i = 0; i < e->cnt; i++)
        e->ext[i].value = ph_buf_view(&e->der[i]);
    return PH_OK;
}

/* AMD's names, or those that were chosen. */
struct cns {
    char ark[32], ask[32];
    const char *vek;
};
static struct cns cns_of(const struct ph_synth_snp *s)
{
    const char *product = ph_snp_product_name(s->product);
    struct cns c = {.vek = s->is_vlek ? "SEV-VLEK" : "SEV-VCEK"};

    (void)snprintf(c.ark, sizeof(c.ark), "ARK-%s", product);
    (void)snprintf(c.ask, sizeof(c.ask), "SEV-%s%s", s->is_vlek ? "VLEK-" : "", product);
    if (s->ark_cn)
        (void)snprintf(c.ark, sizeof(c.ark), "%s", s->ark_cn);
    if (s->ask_cn)
        (void)snprintf(c.ask, sizeof(c.ask), "%s", s->ask_cn);
    if (s->vek_cn)
        c.vek = s->vek_cn;
    return c;
}

static const struct ph_rsa_key *signer(const struct ph_synth_snp *s, enum ph_synth_snp_fault fault,
                                       const struct ph_rsa_key *good)
{
    if (!(s->faults & (uint32_t)fault))
        return good;
    return good == s->keys->ark ? s->keys->ask : s->keys->ark;
}

enum ph_err ph_synth_snp_vek(const struct ph_synth_snp *s, struct ph_buf *out)
{
    const struct cns cn = cns_of(s);
    struct exts e PH_OWNED(clear_exts) = {0};

    PH_TRY(put_exts(s, &e));
    const struct ph_synth_rsa_cert c = {
        .subject = cn.vek,
        .issuer = cn.ask,
        .key = s->faults & PH_SYNTH_SNP_VEK_IS_RSA ? s->keys->ark : NULL,
        .p384_secret = s->vek_secret,
        .issuer_key = s->keys->ask,
        .signer = signer(s, PH_SYNTH_SNP_BAD_VEK_SIG, s->keys->ask),
        .not_before_s = s->vek_not_before_s,
        .not_after_s = s->vek_not_after_s,
        .serial = s->vek_serial,
        .is_ca = s->faults & PH_SYNTH_SNP_VEK_IS_CA,
        .key_usage = s->vek_key_usage,
        .no_aki = true,
        .ext = e.ext,
        .ext_cnt = e.cnt,
    };
    return ph_synth_rsa_cert_make(&c, out);
}

enum ph_err ph_synth_snp_ask(const struct ph_synth_snp *s, struct ph_buf *out)
{
    const struct cns cn = cns_of(s);
    const struct ph_synth_rsa_cert c = {
        .subject = cn.ask,
        .issuer = cn.ark,
        .key = s->keys->ask,
        .issuer_key = s->faults & PH_SYNTH_SNP_BAD_ASK_AKI ? s->keys->ask : s->keys->ark,
        .signer = signer(s, PH_SYNTH_SNP_BAD_ASK_SIG, s->keys->ark),
        .not_before_s = s->not_before_s,
        .not_after_s = s->not_after_s,
        .serial = s->ask_serial,
        .is_ca = true,
        .no_aki = s->faults & PH_SYNTH_SNP_NO_ASK_AKI,
        .no_ski = s->faults & PH_SYNTH_SNP_NO_ASK_SKI,
        .short_ids = s->faults & PH_SYNTH_SNP_SHORT_IDS,
        .has_path_len = !(s->faults & PH_SYNTH_SNP_NO_ASK_PATHLEN),
        .path_len = s->faults & PH_SYNTH_SNP_BAD_ASK_PATHLEN ? 1 : 0,
        .key_usage = s->faults & PH_SYNTH_SNP_BAD_ASK_USAGE ? 0x06 : 0x04,
    };
    return ph_synth_rsa_cert_make(&c, out);
}

enum ph_err ph_synth_snp_ark(const struct ph_synth_snp *s, struct ph_buf *out)
{
    const struct cns cn = cns_of(s);
    const struct ph_synth_rsa_cert c = {
        .subject = cn.ark,
        .issuer = s->faults & PH_SYNTH_SNP_BAD_ARK_NAME ? "ARK-Nobody" : cn.ark,
        .key = s->keys->ark,
        .issuer_key = s->keys->ark,
        .signer = signer(s, PH_SYNTH_SNP_BAD_ARK_SIG, s->keys->ark),
        .not_before_s = s->not_before_s,
        .not_after_s = s->not_after_s,
        .serial = s->ark_serial,
        .is_ca = !(s->faults & PH_SYNTH_SNP_ARK_NO_CA),
        .has_path_len = s->faults & PH_SYNTH_SNP_ARK_PATHLEN,
        .path_len = 1,
        .short_ids = s->faults & PH_SYNTH_SNP_SHORT_IDS,
        .key_usage = s->faults & PH_SYNTH_SNP_BAD_ARK_USAGE ? 0x04 : 0x06,
        .no_aki = true,
    };
    return ph_synth_rsa_cert_make(&c, out);
}

enum ph_err ph_synth_snp_crl(const struct ph_synth_snp *s, struct ph_buf *out)
{
    const struct cns cn = cns_of(s);
    const struct ph_synth_rsa_crl c = {
        .issuer = s->faults & PH_SYNTH_SNP_BAD_CRL_ISSUER ? "ARK-Nobody" : cn.ark,
        .issuer_key = s->faults & PH_SYNTH_SNP_BAD_CRL_AKI ? s->keys->ask : s->keys->ark,
        .signer = signer(s, PH_SYNTH_SNP_BAD_CRL_SIG, s->keys->ark),
        .this_update_s = s->crl_this_s,
        .next_update_s = s->crl_next_s,
        .revoked = s->revoked,
        .revoked_cnt = s->revoked_cnt,
        .long_aki = s->faults & PH_SYNTH_SNP_LONG_CRL_AKI,
    };
    return ph_synth_rsa_crl_make(&c, out);
}

enum ph_err ph_synth_snp_report(const struct ph_synth_snp *s, struct ph_buf *out)
{
    struct ph_snp_report r = s->report;
    uint8_t *at, sig[PH_P384_SIG_LEN];

    PH_TRY(ph_buf_reserve(out, sizeof(r), &at));
    memcpy(at, &r, sizeof(r));
    PH_TRY(ph_synth_p384_sign(s->vek_secret, (struct ph_bytes){at, PH_SNP_SIGNED_LEN}, sig));
    for (size_t i = 0; i < 48; i++) {
        r.signature_r[i] = sig[47 - i];
        r.signature_s[i] = sig[95 - i];
    }
    memcpy(at, &r, sizeof(r));
    out->len += sizeof(r);
    return PH_OK;
}

enum ph_err ph_synth_snp_table(const struct ph_bytes certs[static 5], struct ph_buf *out)
{
    static const uint8_t end[PH_SNP_TABLE_ENTRY_LEN];
    uint32_t cnt = 1, at;

    for (size_t i = 0; i < PH_SNP_TABLE_CNT; i++)
        cnt += certs[i].len > 0;
    at = cnt * PH_SNP_TABLE_ENTRY_LEN;
    for (enum ph_snp_table_cert i = 0; i < PH_SNP_TABLE_CNT; i++) {
        uint8_t entry[PH_SNP_TABLE_ENTRY_LEN];
        if (certs[i].len == 0)
            continue;
        memcpy(entry, ph_snp_table_guid(i), 16);
        ph_put_u32le(entry + 16, at);
        ph_put_u32le(entry + 20, (uint32_t)certs[i].len);
        at += (uint32_t)certs[i].len;
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(entry)));
    }
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(end)));
    for (size_t i = 0; i < PH_SNP_TABLE_CNT; i++)
        PH_TRY(ph_buf_add(out, certs[i]));
    return PH_OK;
}
