/* One device: its certificates, their revocation, its report; and what holds between devices. */

#include "attest/nvidia/verify_priv.h"

#include "crypto/p384.h"

/* What a report says of its chip, if it says it, fits the architecture. */
static bool chip_agrees(const struct ph_spdm_report *r, enum ph_nvidia_arch arch)
{
    const struct ph_bytes chip = ph_spdm_text(r, PH_SPDM_CHIP);

    if (chip.len == 0)
        return true;
    return arch == PH_NVIDIA_HOPPER ? ph_bytes_is(chip, "GH100")
                                    : chip.len > 2 && memcmp(chip.ptr, "GB", 2) == 0;
}

static bool arch_agrees(const struct ph_nv_judgement *j, size_t i)
{
    const struct ph_nv_item *item = &j->evidence->item[i];
    const enum ph_nvidia_arch arch = j->chain[i]->arch;

    return (!item->arch_stated || item->arch == arch) && chip_agrees(&j->report[i], arch);
}

void ph_nv_judge_chain(struct ph_nv_judgement *j, size_t i)
{
    const struct ph_nv_chain *chain = j->chain[i];
    const struct ph_bytes seen = j->evidence->item[i].seen_chain;
    const int64_t now_s = j->args->now_s;
    const bool profile = ph_nv_check(j, PH_CHECK_NV_CHAIN_PROFILE,
                                     (chain->facts & PH_NV_FACT_PROFILE) != 0, seen),
               links = ph_nv_check(j, PH_CHECK_NV_CHAIN_LINKS,
                                   (chain->facts & PH_NV_FACT_LINKS) != 0, seen),
               signatures = ph_nv_check(j, PH_CHECK_NV_CHAIN_SIGNATURE,
                                        (chain->facts & PH_NV_FACT_SIGNATURES) != 0, seen);

    j->authentic = j->authentic && profile && links && signatures;
    (void)ph_nv_check(j, PH_CHECK_NV_CHAIN_NOT_BEFORE, chain->not_before_s <= now_s, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_CHAIN_NOT_AFTER, now_s < chain->not_after_s, seen);
    ph_judge_until(&j->judge, chain->not_after_s);
    (void)ph_nv_check(j, PH_CHECK_NV_ARCH, arch_agrees(j, i), seen);
    (void)ph_nv_check(j, PH_CHECK_NV_ROOT,
                      ph_judge_root(&j->judge, j->args->roots, j->args->policy,
                                    PH_ROOT_NVIDIA_DEVICE, chain->root_spki_sha256),
                      seen);
    /* The leaf is the firmware's, made anew at each start: nobody lists it. The root is pinned. */
    for (size_t c = PH_NV_DEVICE; c < PH_NV_ROOT; c++)
        ph_nv_judge_ocsp(j, &chain->cert[c], &chain->cert[c + 1]);
}

/* A switch's id is the end of its certificate's serial number. */
static bool pdi_agrees(const struct ph_spdm_report *r, const struct ph_x509 *device)
{
    const struct ph_bytes pdi = r->field[PH_SPDM_DEVICE_PDI], serial = device->serial;
    return !r->is_switch || (pdi.len == 8 && serial.len >= 8 &&
                             memcmp(serial.ptr + serial.len - 8, pdi.ptr, 8) == 0);
}

void ph_nv_judge_report(struct ph_nv_judgement *j, size_t i)
{
    const struct ph_nv_chain *chain = j->chain[i];
    const struct ph_spdm_report *r = &j->report[i];
    const struct ph_nv_item *item = &j->evidence->item[i];
    const struct ph_bytes fwid = r->field[PH_SPDM_FWID];
    const bool is_signed =
        ph_nv_check(j, PH_CHECK_NV_SIGNATURE,
                    ph_p384_verify(&chain->leaf_key, r->signed_part, r->signature.ptr) == PH_OK,
                    item->seen_report);

    j->authentic = j->authentic && is_signed;
    /* Switches and old drivers do not report it; what they report must be true. */
    (void)ph_nv_check(j, PH_CHECK_NV_FWID,
                      (chain->facts & PH_NV_FACT_FWID) != 0 &&
                          (!fwid.ptr || ph_bytes_equal(fwid, PH_BYTES_OF(chain->fwid))),
                      item->seen_report);
    (void)ph_nv_check(j, PH_CHECK_NV_PDI, pdi_agrees(r, &chain->cert[PH_NV_DEVICE]),
                      item->seen_report);
    (void)ph_nv_check(j, PH_CHECK_NV_STATED_NONCE,
                      !item->nonce_stated || ph_bytes_equal(r->nonce, PH_BYTES_OF(item->nonce)),
                      item->seen_report);
}

void ph_nv_judge_set(struct ph_nv_judgement *j)
{
    const struct ph_bytes seen = j->args->evidence, nonce = j->report[0].nonce;
    enum ph_nvidia_arch gpus = PH_NVIDIA_UNKNOWN;
    bool same = true, unique = true, mixed = false;

    for (size_t i = 0; i < j->device_cnt; i++) {
        const enum ph_nvidia_arch arch = j->device[i].arch;
        same = same && ph_bytes_equal(j->report[i].nonce, nonce);
        for (size_t k = 0; k < i; k++)
            unique = unique && memcmp(j->device[i].device_id, j->device[k].device_id, 32) != 0;
        if (arch == PH_NVIDIA_LS10)
            continue;
        mixed = mixed || (gpus != PH_NVIDIA_UNKNOWN && gpus != arch);
        gpus = arch;
    }
    (void)ph_nv_check(j, PH_CHECK_NV_SAME_NONCE, same, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_DUPLICATE, unique, seen);
    (void)ph_nv_check(j, PH_CHECK_NV_MIX, !mixed, seen);
    if (!j->args->nonce_unchecked)
        (void)ph_nv_check(j, PH_CHECK_REPORT_DATA,
                          ph_ct_equal(nonce.ptr, j->args->nonce, PH_NVIDIA_NONCE_LEN),
                          j->evidence->item[0].seen_report);
}
