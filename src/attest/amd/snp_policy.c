#include "attest/amd/snp_policy.h"

static enum ph_err read_guest(const struct ph_jdoc *doc, uint32_t tok,
                              struct ph_policy_snp_guest *out, struct ph_json_why *why)
{
    static const char *const keys[] = {"measurement", "host_data", "id_key_digest",
                                       "author_key_digest", NULL};
    static const char path[] = "measurements.snp";
    bool present = false;

    PH_TRY(ph_jread_only_keys(doc, tok, path, keys, why));
    PH_TRY(ph_jread_hex(doc, tok, path, keys[0], out->measurement, 48, &present, why));
    PH_TRY(ph_jread_hex(doc, tok, path, keys[1], out->host_data, 32, &out->has_host_data, why));
    PH_TRY(ph_jread_hex(doc, tok, path, keys[2], out->id_key_digest, 48, &out->has_id_key_digest,
                        why));
    PH_TRY(ph_jread_hex(doc, tok, path, keys[3], out->author_key_digest, 48,
                        &out->has_author_key_digest, why));
    if (!present)
        return ph_jread_bad(why, path, "", "measurement is missing");
    return PH_OK;
}

enum ph_err ph_policy_snp_read_guests(const struct ph_jdoc *doc, uint32_t measurements,
                                      struct ph_policy_snp *out, struct ph_json_why *why)
{
    uint32_t list;
    PH_TRY(ph_jread_array(doc, measurements, "measurements", "snp", PH_POLICY_SNP_MEASUREMENTS_MAX,
                          &list, why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_guest(doc, t, &out->guest[out->guest_cnt++], why));
    return PH_OK;
}

/* Least security versions of one product; a component that is not there may be anything. */
static enum ph_err read_tcb(const struct ph_jdoc *doc, uint32_t tok, bool has_fmc,
                            struct ph_snp_tcb *out, struct ph_json_why *why)
{
    static const char *const keys[] = {"bootloader", "tee", "snp", "microcode", "fmc", NULL};
    static const char *const no_fmc[] = {"bootloader", "tee", "snp", "microcode", NULL};
    static const char path[] = "snp.min_tcb";
    uint8_t *const parts[] = {&out->bootloader, &out->tee, &out->snp, &out->microcode, &out->fmc};

    PH_TRY(ph_jread_only_keys(doc, tok, path, has_fmc ? keys : no_fmc, why));
    for (size_t i = 0; keys[i]; i++) {
        uint64_t v = 0;
        PH_TRY(ph_jread_int(doc, tok, path, keys[i], 0, UINT8_MAX, &v, why));
        *parts[i] = (uint8_t)v;
    }
    return PH_OK;
}

static enum ph_err read_min_tcb(const struct ph_jdoc *doc, uint32_t snp, struct ph_policy_snp *out,
                                struct ph_json_why *why)
{
    static const char *const keys[] = {"milan", "genoa", "turin", NULL};
    static const enum ph_snp_product products[] = {PH_SNP_MILAN, PH_SNP_GENOA, PH_SNP_TURIN};
    const uint32_t list = ph_jscan_get(doc, snp, "min_tcb");
    uint32_t tok;

    if (!list)
        return PH_OK;
    PH_TRY(ph_jread_only_keys(doc, list, "snp.min_tcb", keys, why));
    out->has_min_tcb = true;
    for (size_t i = 0; keys[i]; i++) {
        PH_TRY(ph_jread_object(doc, list, "snp.min_tcb", keys[i], &tok, why));
        if (!tok)
            continue;
        out->min_tcb[products[i]].present = true;
        PH_TRY(
            read_tcb(doc, tok, products[i] == PH_SNP_TURIN, &out->min_tcb[products[i]].tcb, why));
    }
    return PH_OK;
}

static enum ph_err read_min_abi(const struct ph_jdoc *doc, uint32_t snp, struct ph_policy_snp *out,
                                struct ph_json_why *why)
{
    static const char *const keys[] = {"major", "minor", NULL};
    uint64_t major = UINT64_MAX, minor = 0;
    const uint32_t tok = ph_jscan_get(doc, snp, "min_abi");

    if (!tok)
        return PH_OK;
    PH_TRY(ph_jread_only_keys(doc, tok, "snp.min_abi", keys, why));
    PH_TRY(ph_jread_int(doc, tok, "snp.min_abi", "major", 0, UINT8_MAX, &major, why));
    PH_TRY(ph_jread_int(doc, tok, "snp.min_abi", "minor", 0, UINT8_MAX, &minor, why));
    if (major == UINT64_MAX)
        return ph_jread_bad(why, "snp.min_abi", "major", "is missing");
    out->min_abi_major = (uint8_t)major;
    out->min_abi_minor = (uint8_t)minor;
    return PH_OK;
}

static enum ph_err read_chips(const struct ph_jdoc *doc, uint32_t snp, struct ph_policy_snp *out,
                              struct ph_json_why *why)
{
    static const uint8_t masked[64];
    uint32_t list;

    PH_TRY(ph_jread_array(doc, snp, "snp", "chip_ids", PH_POLICY_SNP_CHIPS_MAX, &list, why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        uint8_t *id = out->chip_ids[out->chip_id_cnt++];
        if (ph_jscan_hex(doc, t, id, 64) == PH_OK || ph_jscan_hex(doc, t, id, 8) == PH_OK) {
            if (memcmp(id, masked, sizeof(masked)) != 0)
                continue;
            return ph_jread_bad(why, "snp", "chip_ids", "zero is what a masked chip shows");
        }
        return ph_jread_bad(why, "snp", "chip_ids",
                            "expected 64 bytes each (Turin: 8), in hexadecimal");
    }
    return PH_OK;
}

static enum ph_err read_flags(const struct ph_jdoc *doc, uint32_t snp, struct ph_policy_snp *out,
                              struct ph_json_why *why)
{
    bool allow_vlek = true;
    const struct {
        const char *key;
        bool *out;
    } flags[] = {{"require_smt_off", &out->require_smt_off},
                 {"require_ciphertext_hiding", &out->require_ciphertext_hiding},
                 {"require_crl", &out->require_crl},
                 {"allow_migrate_ma", &out->allow_migrate_ma},
                 {"allow_provisional", &out->allow_provisional},
                 {"allow_vlek", &allow_vlek}};

    for (size_t i = 0; i < PH_LEN(flags); i++)
        PH_TRY(ph_jread_bool(doc, snp, "snp", flags[i].key, flags[i].out, why));
    out->deny_vlek = !allow_vlek;
    return PH_OK;
}

enum ph_err ph_policy_snp_read(const struct ph_jdoc *doc, struct ph_policy_snp *out,
                               struct ph_json_why *why)
{
    static const char *const keys[] = {
        "min_tcb",     "min_abi",          "min_guest_svn",
        "max_vmpl",    "require_smt_off",  "require_ciphertext_hiding",
        "require_crl", "allow_migrate_ma", "allow_provisional",
        "allow_vlek",  "chip_ids",         NULL};
    uint64_t vmpl = 0, svn = 0;
    const uint32_t snp = ph_jscan_get(doc, 0, "snp");

    if (!snp)
        return PH_OK;
    PH_TRY(ph_jread_only_keys(doc, snp, "snp", keys, why));
    PH_TRY(read_min_tcb(doc, snp, out, why));
    PH_TRY(read_min_abi(doc, snp, out, why));
    PH_TRY(ph_jread_int(doc, snp, "snp", "max_vmpl", 0, PH_POLICY_SNP_VMPL_MAX, &vmpl, why));
    PH_TRY(ph_jread_int(doc, snp, "snp", "min_guest_svn", 0, UINT32_MAX, &svn, why));
    out->max_vmpl = (uint32_t)vmpl;
    out->min_guest_svn = (uint32_t)svn;
    PH_TRY(read_flags(doc, snp, out, why));
    return read_chips(doc, snp, out, why);
}
