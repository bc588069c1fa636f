#include "attest/amd/snp_verify_priv.h"

#include "attest/eventlog/dstack_config.h"
#include "crypto/hash.h"

_Static_assert((int)PH_CHECK_SNP_CERT_TABLE == (int)PH_CHECK_SNP_LENGTH + 5, "order of the parser");

static struct ph_snp_firmware firmware(const uint8_t major[static 1], const uint8_t minor[static 1],
                                       const uint8_t build[static 1])
{
    return (struct ph_snp_firmware){.major = major[0], .minor = minor[0], .build = build[0]};
}

static enum ph_err open_report(struct ph_snp_judgement *j)
{
    const struct ph_snp_report *r = &j->evidence.report;
    enum ph_check failed;
    const enum ph_err err = ph_snp_report_parse(j->args->report, &j->evidence, &failed);

    ph_judge_format(&j->judge, PH_CHECK_SNP_LENGTH, PH_CHECK_SNP_CERT_TABLE, failed,
                    j->args->report);
    PH_TRY(err);
    if (j->args->policy->exact_length)
        (void)ph_snp_judge(j, PH_CHECK_SNP_LENGTH, j->evidence.trailing.len == 0,
                           j->evidence.trailing);
    j->policy = ph_snp_u64(r->policy);
    j->platform_info = ph_snp_u64(r->platform_info);
    j->vmpl = ph_snp_u32(r->vmpl);
    j->guest_svn = ph_snp_u32(r->guest_svn);
    j->current_firmware = firmware(r->current_major, r->current_minor, r->current_build);
    j->committed_firmware = firmware(r->committed_major, r->committed_minor, r->committed_build);
    return PH_OK;
}

static struct ph_bytes or_else(struct ph_bytes first, struct ph_bytes second)
{
    return first.len > 0 ? first : second;
}

/* The caller's certificates; those of the table; AMD's own. */
static enum ph_err open_chain(struct ph_snp_judgement *j, struct ph_cached *ref)
{
    const struct ph_snp_args *a = j->args;
    const struct ph_snp_evidence *e = &j->evidence;
    const bool vlek = e->key == PH_SNP_KEY_VLEK;
    struct ph_snp_chain_source s = {.chain = a->chain_pem};
    enum ph_check failed;

    j->vek = or_else(a->vek, e->cert[vlek ? PH_SNP_TABLE_VLEK : PH_SNP_TABLE_VCEK]);
    j->crl = or_else(a->crl, e->cert[PH_SNP_TABLE_CRL]);
    if (!ph_snp_judge(j, PH_CHECK_SNP_VEK_PRESENT, j->vek.len > 0, j->vek))
        return PH_ERR_UNTRUSTED;
    s.vek = j->vek;
    s.crl = j->crl;
    /* A table has no place for an ASVK: its ASK is none of a VLEK's. */
    if (!vlek) {
        s.ask = e->cert[PH_SNP_TABLE_ASK];
        s.ark = e->cert[PH_SNP_TABLE_ARK];
    }
    const enum ph_err err = ph_snp_chain_get(a->cache, &s, a->now_s, ref, &failed);
    if (err == PH_ERR_NOMEM)
        return err;
    if (err != PH_OK) {
        (void)ph_snp_judge(j, failed, false, failed == PH_CHECK_SNP_CRL_FORMAT ? j->crl : j->vek);
        return err;
    }
    (void)ph_snp_judge(j, PH_CHECK_SNP_VEK_FORMAT, true, j->vek);
    j->chain = ref->value;
    return PH_OK;
}

static bool is_zero_tail(const uint8_t v[static 72])
{
    uint8_t any = 0;
    for (size_t i = 48; i < 72; i++)
        any |= v[i];
    return any == 0;
}

/* r and s are little-endian; P-384 takes them the other way round. That 0 < r, s < n is for the
 * curve to check. */
static void judge_signature(struct ph_snp_judgement *j)
{
    const struct ph_snp_report *r = &j->evidence.report;
    const struct ph_bytes seen = {j->evidence.whole.ptr + PH_SNP_SIGNED_LEN, 144};
    uint8_t sig[PH_P384_SIG_LEN], digest[PH_SHA384_LEN];

    const bool kind = ph_snp_judge(j, PH_CHECK_SNP_KEY_KIND,
                                   j->chain->is_vlek == (j->evidence.key == PH_SNP_KEY_VLEK),
                                   PH_SNP_FIELD(j, flags));
    const bool form =
        ph_snp_judge(j, PH_CHECK_SNP_SIGNATURE_FORM,
                     is_zero_tail(r->signature_r) && is_zero_tail(r->signature_s), seen);
    for (size_t i = 0; i < 48; i++) {
        sig[i] = r->signature_r[47 - i];
        sig[48 + i] = r->signature_s[47 - i];
    }
    ph_sha384(j->evidence.signed_part, digest);
    const bool good = ph_snp_judge(j, PH_CHECK_SNP_SIGNATURE,
                                   ph_p384_verify_digest(&j->chain->key, digest, sig) == PH_OK,
                                   j->evidence.signed_part);
    j->authentic = j->authentic && kind && form && good;
}

/* A document that comes with the report must be the one that HOST_DATA names, and be readable: what
 * goes with evidence and is not proved by it would only mislead. */
static void judge_config(struct ph_snp_judgement *j)
{
    const struct ph_bytes document = j->args->mr_config;
    uint8_t hash[32];

    if (document.len == 0)
        return;
    ph_dstack_config_hash(document, hash);
    (void)ph_snp_judge(j, PH_CHECK_SNP_HOST_DATA,
                       memcmp(hash, j->evidence.report.host_data, sizeof(hash)) == 0 &&
                           ph_dstack_config_parse(document, &j->config) == PH_OK,
                       PH_SNP_FIELD(j, host_data));
}

static void judge_report_data(struct ph_snp_judgement *j)
{
    const struct ph_bytes got = PH_SNP_FIELD(j, report_data);
    if (!j->args->report_data_unchecked)
        (void)ph_snp_judge(j, PH_CHECK_REPORT_DATA,
                           ph_ct_equal(got.ptr, j->args->report_data, PH_REPORT_DATA_LEN), got);
}

static void write_claims(const struct ph_snp_judgement *j, struct ph_claims *out)
{
    const struct ph_snp_report *r = &j->evidence.report;
    const struct ph_snp_chain *chain = j->chain;
    struct ph_snp_claims *c = &out->snp;

    out->tee = PH_TEE_SNP;
    out->quote_version = (uint16_t)j->evidence.version;
    memcpy(out->report_data, r->report_data, PH_REPORT_DATA_LEN);
    out->report_data_checked = !j->args->report_data_unchecked;
    out->insecure_simulator = j->judge.verdict->insecure_simulator;
    out->verified_at_s = j->args->now_s;

    c->report_version = j->evidence.version;
    c->product = chain->ext.product;
    c->is_vlek = chain->is_vlek;
    if (chain->ext.csp_id.len > 0)
        memcpy(c->csp_id, chain->ext.csp_id.ptr, chain->ext.csp_id.len);
    c->guest_svn = j->guest_svn;
    c->policy = j->policy;
    c->vmpl = j->vmpl;
    c->platform_info = j->platform_info;
    memcpy(c->family_id, r->family_id, sizeof(c->family_id));
    memcpy(c->image_id, r->image_id, sizeof(c->image_id));
    memcpy(c->measurement, r->measurement, sizeof(c->measurement));
    memcpy(c->host_data, r->host_data, sizeof(c->host_data));
    memcpy(c->id_key_digest, r->id_key_digest, sizeof(c->id_key_digest));
    memcpy(c->author_key_digest, r->author_key_digest, sizeof(c->author_key_digest));
    memcpy(c->report_id, r->report_id, sizeof(c->report_id));
    memcpy(c->report_id_ma, r->report_id_ma, sizeof(c->report_id_ma));
    memcpy(c->chip_id, r->chip_id, sizeof(c->chip_id));
    c->current = j->current;
    c->reported = j->reported;
    c->committed = j->committed;
    c->launch = j->launch;
    c->current_firmware = j->current_firmware;
    c->committed_firmware = j->committed_firmware;
    c->launch_mit_vector = ph_snp_u64(r->launch_mit_vector);
    c->current_mit_vector = ph_snp_u64(r->current_mit_vector);
    c->has_config = j->args->mr_config.len > 0;
    c->config = j->config;
    c->revocation_checked = chain->has_crl && j->args->now_s < chain->crl_next_s;
}

static enum ph_err judge_all(struct ph_snp_judgement *j, struct ph_cached *ref)
{
    PH_TRY(open_report(j));
    PH_TRY(open_chain(j, ref));
    j->authentic = true;
    ph_snp_judge_chain(j);
    judge_signature(j);
    ph_snp_judge_fields(j);
    judge_config(j);
    judge_report_data(j);
    ph_snp_judge_policy(j);
    if (!ph_judge_holds(&j->judge))
        return PH_ERR_UNTRUSTED;

    ph_judge_accept(&j->judge);
    write_claims(j, &j->judge.verdict->claims);
    return PH_OK; /* the only way to say yes */
}

enum ph_err ph_snp_verify(const struct ph_snp_args *args, struct ph_verdict *out)
{
    struct ph_snp_args a = *args;
    struct ph_cached ref = {0};
    enum ph_err err;

    /* What is missing denies. */
    if (!a.policy)
        a.policy = ph_policy_denies();
    struct ph_snp_judgement j = {.args = &a, .judge = {.verdict = out, .trace = a.trace}};
    ph_judge_start(&j.judge, PH_GROUP_SNP, a.policy);
    if (!a.report_data && !a.report_data_unchecked) {
        (void)ph_snp_judge(&j, PH_CHECK_REPORT_DATA, false, (struct ph_bytes){0});
        err = PH_ERR_UNTRUSTED;
    } else {
        err = judge_all(&j, &ref);
    }
    ph_cached_release(&ref);
    ph_judge_end(&j.judge, "report");
    return err;
}
