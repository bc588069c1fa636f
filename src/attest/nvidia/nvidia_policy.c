#include "attest/nvidia/nvidia_policy.h"

#include "attest/nvidia/evidence.h"
#include "codec/jread.h"

enum { DRIVER_BASE = 10, VBIOS_BASE = 16, NUMBERS_MAX = (PH_NVIDIA_VERSION_LEN + 1) / 2 };

static bool is_digit(char c, unsigned base)
{
    return memchr("0123456789ABCDEF", c, base) != NULL;
}

/* Numbers of at most 6 digits, upper-case, single dots between them. */
static bool is_version(struct ph_bytes text, unsigned base)
{
    size_t digits = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.') {
            if (digits == 0)
                return false;
            digits = 0;
        } else if (!is_digit((char)text.ptr[i], base) || ++digits > 6) {
            return false;
        }
    }
    return digits > 0;
}

/* Cut a number and the dot behind it off: its digits, without zeros in front. */
static struct ph_bytes next_number(const char **at, unsigned base)
{
    while (**at == '0')
        (*at)++;
    struct ph_bytes number = {(const uint8_t *)*at, 0};
    for (; is_digit(**at, base); (*at)++)
        number.len++;
    if (**at == '.')
        (*at)++;
    return number;
}

int ph_nvidia_version_cmp(const char *a, const char *b, unsigned base)
{
    int order = 0;

    /* As many steps as there can be numbers: whatever the texts hold, this ends. */
    for (size_t left = NUMBERS_MAX; left != 0 && order == 0; left--) {
        const struct ph_bytes x = next_number(&a, base), y = next_number(&b, base);
        order = x.len != y.len ? (int)x.len - (int)y.len
                               : memcmp(x.ptr, y.ptr, x.len); /* "A" comes after "9" */
    }
    return order;
}

static bool matches(const char *got, const char *want, const char *least, unsigned base)
{
    if (want[0] && (!got[0] || ph_nvidia_version_cmp(got, want, base) != 0))
        return false;
    return !least[0] || (got[0] && ph_nvidia_version_cmp(got, least, base) >= 0);
}

bool ph_policy_nvidia_allows(const struct ph_policy_nvidia *policy,
                             const struct ph_nvidia_device *device)
{
    for (size_t i = 0; i < policy->fw_cnt; i++) {
        const struct ph_policy_nvidia_fw *fw = &policy->fw[i];
        if (fw->arch == device->arch && fw->arch != PH_NVIDIA_UNKNOWN &&
            matches(device->driver, fw->driver, fw->min_driver, DRIVER_BASE) &&
            matches(device->vbios, fw->vbios, fw->min_vbios, VBIOS_BASE))
            return true;
    }
    return false;
}

static enum ph_err read_version(const struct ph_jdoc *doc, uint32_t tok, const char *key,
                                unsigned base, char out[static PH_NVIDIA_VERSION_LEN + 1],
                                struct ph_json_why *why)
{
    static const char path[] = "measurements.nvidia";
    struct ph_bytes text = {0};

    PH_TRY(ph_jread_str(doc, tok, path, key, 1, PH_NVIDIA_VERSION_LEN, &text, why));
    if (text.len == 0)
        return PH_OK;
    if (!is_version(text, base))
        return ph_jread_bad(why, path, key,
                            base == DRIVER_BASE ? "expected a version like \"550.90.07\""
                                                : "expected a version like \"96.00.9F.00.01\"");
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return PH_OK;
}

static enum ph_err read_fw(const struct ph_jdoc *doc, uint32_t tok, struct ph_policy_nvidia_fw *out,
                           struct ph_json_why *why)
{
    static const char *const keys[] = {"arch", "driver", "min_driver", "vbios", "min_vbios", NULL};
    static const char path[] = "measurements.nvidia";
    struct ph_bytes arch = {0};

    PH_TRY(ph_jread_only_keys(doc, tok, path, keys, why));
    PH_TRY(ph_jread_str(doc, tok, path, "arch", 1, 16, &arch, why));
    out->arch = ph_nvidia_arch_parse(arch);
    if (out->arch == PH_NVIDIA_UNKNOWN)
        return ph_jread_bad(why, path, "arch", "expected \"HOPPER\", \"BLACKWELL\" or \"LS10\"");
    PH_TRY(read_version(doc, tok, "driver", DRIVER_BASE, out->driver, why));
    PH_TRY(read_version(doc, tok, "min_driver", DRIVER_BASE, out->min_driver, why));
    PH_TRY(read_version(doc, tok, "vbios", VBIOS_BASE, out->vbios, why));
    PH_TRY(read_version(doc, tok, "min_vbios", VBIOS_BASE, out->min_vbios, why));
    if (out->arch == PH_NVIDIA_LS10 && (out->driver[0] || out->min_driver[0]))
        return ph_jread_bad(why, path, "driver", "a switch reports no driver");
    return PH_OK;
}

enum ph_err ph_policy_nvidia_read_fw(const struct ph_jdoc *doc, uint32_t list,
                                     struct ph_policy_nvidia *out, struct ph_json_why *why)
{
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next)
        PH_TRY(read_fw(doc, t, &out->fw[out->fw_cnt++], why));
    return PH_OK;
}

static enum ph_err read_ids(const struct ph_jdoc *doc, uint32_t tok, struct ph_policy_nvidia *out,
                            struct ph_json_why *why)
{
    uint32_t list;
    PH_TRY(ph_jread_array(doc, tok, "nvidia", "device_ids", PH_POLICY_NVIDIA_IDS_MAX, &list, why));
    for (uint32_t t = list + 1; list && ph_jread_in(doc, list, t); t = doc->toks[t].next) {
        if (ph_jscan_hex(doc, t, out->device_ids[out->device_id_cnt++], 32) != PH_OK)
            return ph_jread_bad(why, "nvidia", "device_ids",
                                "expected 32 bytes each, in hexadecimal");
    }
    return PH_OK;
}

enum ph_err ph_policy_nvidia_read(const struct ph_jdoc *doc, uint32_t tok,
                                  struct ph_policy_nvidia *out, struct ph_json_why *why)
{
    static const char path[] = "nvidia";
    static const char *const keys[] = {
        "require_rim",  "require_ocsp", "allow_ocsp_hold", "allow_unattested_switches",
        "rim_valid_at", "min_devices",  "device_ids",      NULL};
    bool rim = true, ocsp = true;
    uint64_t devices = 0;

    PH_TRY(ph_jread_only_keys(doc, tok, path, keys, why));
    PH_TRY(ph_jread_bool(doc, tok, path, "require_rim", &rim, why));
    PH_TRY(ph_jread_bool(doc, tok, path, "require_ocsp", &ocsp, why));
    PH_TRY(ph_jread_bool(doc, tok, path, "allow_ocsp_hold", &out->allow_ocsp_hold, why));
    PH_TRY(ph_jread_bool(doc, tok, path, "allow_unattested_switches",
                         &out->allow_unattested_switches, why));
    PH_TRY(ph_jread_time(doc, tok, path, "rim_valid_at", &out->rim_valid_at_s, why));
    PH_TRY(ph_jread_int(doc, tok, path, "min_devices", 0, PH_NVIDIA_DEVICES_MAX, &devices, why));
    PH_TRY(read_ids(doc, tok, out, why));
    out->rim_not_required = !rim;
    out->ocsp_not_required = !ocsp;
    out->min_devices = (uint32_t)devices;
    return PH_OK;
}
