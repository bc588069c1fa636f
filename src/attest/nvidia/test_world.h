#ifndef PH_ATTEST_NVIDIA_TEST_WORLD_H
#define PH_ATTEST_NVIDIA_TEST_WORLD_H

/* For the unit tests of this directory: a machine that is accepted, and one place to change
 * anything about it before it is judged. */

#include "attest/nvidia/rim_synth.h"
#include "attest/nvidia/synth_nvidia.h"
#include "attest/nvidia/verify.h"

enum {
    NV_NOW = 1750000000,
    NV_DEVICES = 4,
    NV_RIMS = 4,
    NV_OCSP = 3 * NV_DEVICES + 3, /* of each device's certificates, then of the manifests' */
    NV_OCSP_RIM = 3 * NV_DEVICES,
};

struct nv_world {
    struct ph_synth_nv_device dev[NV_DEVICES];
    size_t dev_cnt;
    struct ph_rim_synth rim[NV_RIMS];
    char meta[NV_RIMS][256];
    struct ph_buf payload[NV_RIMS];
    size_t rim_cnt;
    struct ph_synth_ocsp ocsp[NV_OCSP];
    bool ocsp_drop[NV_OCSP];
    bool ocsp_oversteps; /* the first response speaks of its issuer's own certificate too */
    bool trust_device_root, trust_rim_root;
    struct ph_policy policy;
    uint8_t nonce[32];
    bool nonce_unchecked;
    int64_t now_s;
    const char *evidence_text;     /* instead of what the devices say; NULL */
    struct ph_attest_cache *cache; /* NULL: none */
    struct ph_trace *trace;
};

/* What a world is judged by; large. */
struct nv_made {
    struct ph_buf evidence, rim[NV_RIMS], ocsp[NV_OCSP];
    struct ph_bytes rims[NV_RIMS], ocsps[NV_OCSP];
    size_t rim_cnt, ocsp_cnt;
    struct ph_attest_roots roots;
};

/* One device of this kind, its manifests, OCSP responses for all certificates; everything good. */
void nv_world_init(struct nv_world *w, enum ph_nvidia_arch arch);
void nv_world_clear(struct nv_world *w);
/* One more device; its manifests too, unless those of its kind are there. */
void nv_world_add(struct nv_world *w, enum ph_nvidia_arch arch);
/* Add a manifest's measurement: index (0-based), value of 48 such bytes. */
void nv_world_list(struct nv_world *w, size_t rim, unsigned index, uint8_t byte);
/* Break one check, so that it alone refuses. */
void nv_world_break(struct nv_world *w, enum ph_check check);
void nv_world_make(const struct nv_world *w, struct nv_made *made);
void nv_made_clear(struct nv_made *made);
enum ph_err nv_made_judge(const struct nv_world *w, const struct nv_made *made,
                          struct ph_verdict *out);
/* Make everything and judge it. */
enum ph_err nv_world_judge(const struct nv_world *w, struct ph_verdict *out);
/* The same, and whether the verdict is this one; what else it was is printed. */
bool nv_world_refused(const struct nv_world *w, enum ph_check check, struct ph_verdict *out);
bool nv_world_accepted(const struct nv_world *w, struct ph_verdict *out);

#endif
