#include "attest/nvidia/rim.h"

#define C(id, reason, holds) [PH_RIM_CHECK_##id] = {reason, holds},
static const struct {
    const char *reason, *holds;
} checks[] = {PH_RIM_CHECKS(C)};
#undef C

const char *ph_rim_check_reason(enum ph_rim_check check)
{
    return checks[check].reason;
}

const char *ph_rim_check_holds(enum ph_rim_check check)
{
    return checks[check].holds;
}

static const struct ph_rim_measurement *find_active(const struct ph_rim *rim, size_t index)
{
    for (size_t i = 0; rim && i < rim->measurement_cnt; i++) {
        if (rim->measurement[i].active && rim->measurement[i].index == index)
            return &rim->measurement[i];
    }
    return NULL;
}

static bool is_listed(const struct ph_rim *rim, const struct ph_rim_measurement *m,
                      const uint8_t value[static PH_RIM_HASH_LEN])
{
    for (size_t i = 0; i < m->hash_cnt; i++) {
        if (memcmp(rim->hash[m->hash_first + i], value, PH_RIM_HASH_LEN) == 0)
            return true;
    }
    return false;
}

/* One active measurement against the report. True if it matches; else *kind says why not. */
static bool matches(const struct ph_rim *rim, const struct ph_rim_measurement *m,
                    const struct ph_rim_block *blocks, size_t block_cnt,
                    enum ph_rim_mismatch_kind *kind)
{
    const struct ph_rim_block *found = NULL;

    for (size_t i = 0; i < block_cnt; i++) {
        if (blocks[i].index != m->index + 1)
            continue;
        if (found) {
            *kind = PH_RIM_MISMATCH_REPEATED;
            return false;
        }
        found = &blocks[i];
    }
    *kind = found ? PH_RIM_MISMATCH_VALUE : PH_RIM_MISMATCH_MISSING;
    return found && is_listed(rim, m, found->value);
}

enum ph_err ph_rim_compare(const struct ph_rim *driver, const struct ph_rim *firmware,
                           const struct ph_rim_block *blocks, size_t block_cnt,
                           bool nvdec0_disabled, struct ph_rim_comparison *out)
{
    memset(out, 0, sizeof(*out));
    for (size_t index = 0; index < PH_RIM_INDEX_CNT; index++) {
        const struct ph_rim_measurement *d = find_active(driver, index);
        const struct ph_rim_measurement *f = find_active(firmware, index);
        enum ph_rim_mismatch_kind kind = PH_RIM_MISMATCH_CONFLICT;

        if (!d && !f)
            continue;
        /* A conflict says that the manifests do not belong together, whatever is compared. */
        if (!(d && f)) {
            if (index == PH_RIM_NVDEC0_INDEX && nvdec0_disabled)
                continue;
            out->compared_cnt++;
            if (matches(d ? driver : firmware, d ? d : f, blocks, block_cnt, &kind))
                continue;
        }
        out->mismatch[out->mismatch_cnt++] = (struct ph_rim_mismatch){(uint8_t)index, kind};
    }
    if (out->mismatch_cnt > 0 || out->compared_cnt == 0)
        return PH_ERR_UNTRUSTED;
    return PH_OK;
}
