/* Manifests and OCSP responses: parsed once, judged for each certificate and device that uses them.
 */

#include "attest/nvidia/verify_priv.h"

#include <stdlib.h>

/* The moment that manifests are judged at. */
static int64_t rim_time(const struct ph_nv_judgement *j)
{
    const int64_t chosen_s = j->args->policy->nvidia.rim_valid_at_s;
    return chosen_s != 0 ? chosen_s : j->args->now_s;
}

static enum ph_err open_rim(const struct ph_nv_judgement *j, size_t i)
{
    const struct ph_bytes xml = j->args->rims[i];

    j->rim[i].seen = xml;
    return ph_nv_manifest_open(j->args->cache, xml, rim_time(j), &j->rim[i].held);
}

static enum ph_err open_rims(struct ph_nv_judgement *j)
{
    const size_t cnt = j->args->rim_cnt;

    if (cnt == 0)
        return PH_OK;
    enum ph_err err = cnt > PH_NVIDIA_RIMS_MAX ? PH_ERR_LIMIT : PH_OK;
    if (err == PH_OK && !(j->rim = calloc(cnt, sizeof(*j->rim))))
        return PH_ERR_NOMEM;
    for (; err == PH_OK && j->rim_cnt < cnt; j->rim_cnt++)
        err = open_rim(j, j->rim_cnt);
    if (err == PH_ERR_NOMEM)
        return err;
    (void)ph_nv_check(j, PH_CHECK_NV_RIM_FORMAT, err == PH_OK, j->args->rims[0]);
    return err;
}

enum ph_err ph_nv_open_documents(struct ph_nv_judgement *j)
{
    const size_t cnt = j->args->ocsp_cnt;

    PH_TRY(open_rims(j));
    if (cnt == 0)
        return PH_OK;
    enum ph_err err = cnt > PH_NVIDIA_OCSP_MAX ? PH_ERR_LIMIT : PH_OK;
    if (err == PH_OK && !(j->ocsp = calloc(cnt, sizeof(*j->ocsp))))
        return PH_ERR_NOMEM;
    for (size_t i = 0; err == PH_OK && i < cnt; i++)
        err = ph_ocsp_parse(j->args->ocsp[i], &j->ocsp[i].ocsp);
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_FORMAT, err == PH_OK, j->args->ocsp[0]);
    return err;
}

static bool is_good(const struct ph_nv_judgement *j, const struct ph_ocsp_single *s)
{
    return s->status == PH_OCSP_GOOD ||
           (s->status == PH_OCSP_REVOKED && s->on_hold && j->args->policy->nvidia.allow_ocsp_hold);
}

/* The facts about a response on certificates of this issuer. */
static void find_facts(const struct ph_nv_judgement *j, size_t i, const struct ph_x509 *issuer)
{
    struct ph_nv_ocsp *o = &j->ocsp[i];

    if (o->judged && ph_bytes_equal(issuer->point, PH_BYTES_OF(o->issuer)))
        return;
    ph_nv_ocsp_facts(j->args->cache, j->args->ocsp[i], &o->ocsp, issuer, j->args->now_s, &o->facts);
    memcpy(o->issuer, issuer->point.ptr, sizeof(o->issuer));
    o->judged = true;
}

/* One response that speaks of the certificate. */
static void judge_response(struct ph_nv_judgement *j, size_t i, const struct ph_ocsp_single *s,
                           const struct ph_x509 *issuer)
{
    const struct ph_bytes seen = j->args->ocsp[i];
    const int64_t now_s = j->args->now_s;
    struct ph_nv_ocsp *o = &j->ocsp[i];

    find_facts(j, i, issuer);
    const struct ph_ocsp_facts f = o->facts;
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_RESPONDER,
                      f.responder_allowed && f.not_before_s <= now_s && now_s < f.not_after_s,
                      seen);
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_SIGNATURE, f.signatures, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_ISSUED,
                      s->this_update_s <= now_s && o->ocsp.produced_at_s <= now_s, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_FRESH, now_s < s->next_update_s, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_GOOD, is_good(j, s), seen);
    ph_judge_until(&j->judge, s->next_update_s);
    ph_judge_until(&j->judge, f.not_after_s);
}

void ph_nv_judge_ocsp(struct ph_nv_judgement *j, const struct ph_x509 *cert,
                      const struct ph_x509 *issuer)
{
    bool found = false;

    for (size_t i = 0; i < j->args->ocsp_cnt; i++) {
        const struct ph_ocsp_single *s = ph_ocsp_find(&j->ocsp[i].ocsp, cert, issuer);
        if (!s)
            continue;
        found = true;
        judge_response(j, i, s, issuer);
    }
    j->unvouched = j->unvouched || !found;
    (void)ph_nv_check(j, PH_CHECK_NV_OCSP_PRESENT,
                      found || j->args->policy->nvidia.ocsp_not_required, (struct ph_bytes){0});
}

/* Revocation of a manifest's signers: leaf, L3 and CA. A malformed certificate was said already, as
 * a fault of the chain. */
static void judge_rim_ocsp(struct ph_nv_judgement *j, const struct ph_nv_manifest *m)
{
    for (size_t i = 0; i + 1 < m->cert_cnt; i++)
        ph_nv_judge_ocsp(j, &m->cert[i], &m->cert[i + 1]);
}

static bool held(const struct ph_rim_proof *proof, enum ph_rim_check check)
{
    return (proof->held >> check & 1) != 0;
}

/* Signature and certificates of a manifest: the first time a device uses it. */
static enum ph_err judge_rim(struct ph_nv_judgement *j, struct ph_nv_rim *r)
{
    const struct ph_policy *policy = j->args->policy;
    const int64_t at_s = rim_time(j);
    const struct ph_nv_manifest *m = r->held.value;
    const struct ph_bytes seen = r->seen;

    if (r->judged)
        return PH_OK;
    r->judged = true;
    PH_TRY(ph_nv_manifest_prove(&r->held));
    struct ph_rim_proof proof = m->proof;
    const bool trusted = ph_rim_decide(&proof, j->args->roots, policy, at_s) == PH_OK;
    j->judge.verdict->insecure_simulator =
        j->judge.verdict->insecure_simulator || proof.insecure_simulator;
    const bool chain =
        ph_nv_check(j, PH_CHECK_NV_RIM_CHAIN,
                    held(&proof, PH_RIM_CHECK_CHAIN_LENGTH) && held(&proof, PH_RIM_CHECK_CERTS) &&
                        held(&proof, PH_RIM_CHECK_PROFILE) && held(&proof, PH_RIM_CHECK_LINKS) &&
                        held(&proof, PH_RIM_CHECK_CHAIN_SIGNATURE) &&
                        m->cert_cnt == PH_RIM_CERT_CNT, /* else revocation is not looked at */
                    seen);
    (void)ph_nv_check(j, PH_CHECK_NV_RIM_ROOT, held(&proof, PH_RIM_CHECK_ROOT), seen);
    const bool is_signed = ph_nv_check(
        j, PH_CHECK_NV_RIM_SIGNATURE,
        held(&proof, PH_RIM_CHECK_DIGEST) && held(&proof, PH_RIM_CHECK_SIGNATURE), seen);
    (void)ph_nv_check(j, PH_CHECK_NV_RIM_NOT_BEFORE, held(&proof, PH_RIM_CHECK_ISSUED), seen);
    (void)ph_nv_check(j, PH_CHECK_NV_RIM_NOT_AFTER, held(&proof, PH_RIM_CHECK_FRESH), seen);
    if (policy->nvidia.rim_valid_at_s == 0 && held(&proof, PH_RIM_CHECK_CERTS))
        ph_judge_until(&j->judge, proof.not_after_s);
    r->authentic = chain && is_signed;
    judge_rim_ocsp(j, m);
    if (trusted)
        ph_nv_manifest_keep(j->args->cache, at_s, &r->held);
    return PH_OK;
}

/* The product a manifest for this device is of. */
static struct ph_bytes product_of(const struct ph_nv_judgement *j, size_t i)
{
    const struct ph_bytes chip = ph_spdm_text(&j->report[i], PH_SPDM_CHIP);
    switch (j->device[i].arch) {
    case PH_NVIDIA_HOPPER:
        return PH_BYTES_LIT("GH100");
    case PH_NVIDIA_BLACKWELL:
        return chip.len > 0 ? chip : PH_BYTES_LIT("GB100");
    case PH_NVIDIA_LS10:
        return PH_BYTES_LIT("LS10");
    case PH_NVIDIA_UNKNOWN:
        break;
    }
    return (struct ph_bytes){0};
}

static const struct ph_rim *rim_of(const struct ph_nv_rim *r)
{
    return &((const struct ph_nv_manifest *)r->held.value)->rim;
}

/* The next manifest, from `from` on, of this kind, product and version; NULL: none. */
static struct ph_nv_rim *find_rim(const struct ph_nv_judgement *j, size_t i, enum ph_rim_kind kind,
                                  const char *version, size_t *from)
{
    const struct ph_bytes product = product_of(j, i);

    while (*from < j->args->rim_cnt) {
        struct ph_nv_rim *r = &j->rim[(*from)++];
        const struct ph_rim *rim = rim_of(r);
        if (rim->kind == kind && version[0] && product.len > 0 &&
            ph_bytes_equal(rim->product, product) && ph_bytes_is(rim->version, version))
            return r;
    }
    return NULL;
}

/* A report's measurements in the form that manifests are compared with. */
struct blocks {
    struct ph_rim_block block[PH_SPDM_BLOCKS_MAX];
    size_t cnt;
    bool nvdec0_disabled;
};

static void read_blocks(const struct ph_spdm_report *r, struct blocks *out)
{
    const struct ph_bytes nvdec0 = r->field[PH_SPDM_NVDEC0];

    out->cnt = r->block_cnt;
    out->nvdec0_disabled = nvdec0.ptr && nvdec0.ptr[0] == PH_SPDM_DISABLED;
    for (size_t b = 0; b < r->block_cnt; b++) {
        out->block[b].index = (uint8_t)(b + 1);
        memcpy(out->block[b].value, ph_spdm_digest(r, b).ptr, PH_RIM_HASH_LEN);
    }
}

static enum ph_err compare(const struct ph_nv_rim *driver, const struct ph_nv_rim *firmware,
                           const struct blocks *b, struct ph_rim_comparison *out)
{
    return ph_rim_compare(driver ? rim_of(driver) : NULL, firmware ? rim_of(firmware) : NULL,
                          b->block, b->cnt, b->nvdec0_disabled, out);
}

/* The firmware's manifest: boards of several kinds share a version, and manifests do not name
 * the board. That which fits, or else the first. */
static struct ph_nv_rim *choose_firmware(const struct ph_nv_judgement *j, size_t i,
                                         const struct ph_nv_rim *driver, const struct blocks *b)
{
    const enum ph_rim_kind kind = j->report[i].is_switch ? PH_RIM_SWITCH_BIOS : PH_RIM_GPU_VBIOS;
    struct ph_nv_rim *first = NULL, *r;
    struct ph_rim_comparison result;
    size_t from = 0;

    while ((r = find_rim(j, i, kind, j->device[i].vbios, &from))) {
        if (compare(driver, r, b, &result) == PH_OK)
            return r;
        first = first ? first : r;
    }
    return first;
}

static bool has_conflict(const struct ph_rim_comparison *c)
{
    for (size_t i = 0; i < c->mismatch_cnt; i++) {
        if (c->mismatch[i].kind == PH_RIM_MISMATCH_CONFLICT)
            return true;
    }
    return false;
}

enum ph_err ph_nv_judge_measurements(struct ph_nv_judgement *j, size_t i)
{
    const struct ph_bytes seen = j->evidence->item[i].seen_report;
    const bool gpu = !j->report[i].is_switch;
    struct ph_rim_comparison result;
    struct blocks blocks;
    size_t from = 0;

    read_blocks(&j->report[i], &blocks);
    struct ph_nv_rim *driver =
        gpu ? find_rim(j, i, PH_RIM_GPU_DRIVER, j->device[i].driver, &from) : NULL;
    struct ph_nv_rim *firmware = choose_firmware(j, i, driver, &blocks);
    const bool whole = firmware && (driver || !gpu);

    (void)ph_nv_check(j, PH_CHECK_NV_RIM_PRESENT, whole || j->args->policy->nvidia.rim_not_required,
                      seen);
    if (driver)
        PH_TRY(judge_rim(j, driver));
    if (firmware)
        PH_TRY(judge_rim(j, firmware));
    if (!driver && !firmware)
        return PH_OK;
    const bool same = compare(driver, firmware, &blocks, &result) == PH_OK,
               authentic = (!driver || driver->authentic) && (!firmware || firmware->authentic);
    const bool conflict = has_conflict(&result);
    (void)ph_nv_check(j, PH_CHECK_NV_CONFLICT, !conflict, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_MEASUREMENTS, same || conflict, seen);
    j->authentic = j->authentic && authentic;
    j->mismatch = j->mismatch || (!same && !conflict);
    j->conflict = j->conflict || conflict;
    j->measured_cnt += whole && same && authentic;
    return PH_OK;
}
