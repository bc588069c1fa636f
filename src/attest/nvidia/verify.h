#ifndef PH_ATTEST_NVIDIA_VERIFY_H
#define PH_ATTEST_NVIDIA_VERIFY_H

/* Judge evidence of NVIDIA GPUs and NVSwitches: Hopper, Blackwell, LS10.
 *
 * Layer: attest. Pure: bytes, time, trust and policy come in as arguments; no clock, network, log,
 * global state or recursion; any thread. Spec: docs/attestation.md. Tests: verify_test.c (every
 * check alone, by synthetic evidence), vectors_test.c (real evidence).
 */

#include "attest/cache.h"
#include "attest/verdict.h"
#include "codec/jput.h"

enum {
    PH_NVIDIA_RIMS_MAX = 16, /* manifests of one judgement: a machine has one driver, few VBIOSes */
    PH_NVIDIA_OCSP_MAX = 128, /* OCSP responses of one judgement */
    PH_NVIDIA_NONCE_LEN = 32,
};

/* Everything a judgement can use. Zero members have the meaning given. */
struct ph_nvidia_args {
    struct ph_bytes evidence;  /* untrusted: JSON or one raw report, see attest/nvidia/evidence.h */
    struct ph_bytes chain_pem; /* of a raw report */
    const struct ph_bytes *rims; /* manifests, XML; in any order, others are ignored */
    size_t rim_cnt;
    const struct ph_bytes *ocsp; /* OCSP responses, DER; likewise */
    size_t ocsp_cnt;
    const uint8_t
        *nonce; /* 32 bytes that the devices were asked to sign; NULL only with the next */
    bool nonce_unchecked;                /* for tools that show: a replayed report passes */
    const struct ph_attest_roots *roots; /* NULL trusts nobody */
    const struct ph_policy *policy;      /* NULL denies */
    int64_t now_s;                 /* Unix time, seconds; every validity window is judged at it */
    struct ph_attest_cache *cache; /* NULL: none; else a known device, with manifests and OCSP
                                    * responses that are known too, costs one signature check */
    struct ph_trace *trace;        /* NULL: none; else written whole */
};

/**
 * Decide whether devices prove what the policy asks, at one moment. All must pass.
 *
 * The status is UpToDate when every device's measurements are those that the manifests of its
 * versions list; OutOfDate when all is authentic, but a device has other measurements; Unknown when
 * a signature or format broke, or a device was not compared. A policy that does without manifests
 * accepts such devices where it accepts UpToDate: claims.nvidia.measured then says false.
 *
 * @out  always written whole
 *
 * Returns PH_OK              accepted
 *         PH_ERR_UNTRUSTED   refused: see out->step and out->reason
 *         PH_ERR_MALFORMED   evidence, a report, a chain, a manifest or an OCSP response breaks its
 *                            format
 *         PH_ERR_UNSUPPORTED likewise, in a form that nobody here can judge
 *         PH_ERR_LIMIT       longer, or more, than a limit allows
 *         PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_nvidia_verify(const struct ph_nvidia_args *args, struct ph_verdict *out);

/* True if bytes are evidence of this kind: they may still be refused. */
bool ph_nvidia_is_evidence(struct ph_bytes bytes);

/* The nonce that the first device claims to have been asked for, unproved. PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_nvidia_peek_nonce(struct ph_bytes evidence,
                                            uint8_t out[static PH_NVIDIA_NONCE_LEN]);

/**
 * Write what evidence says, unproved, as one object: each device with its certificates, every field
 * of its report by name and meaning, and the names of the manifests that judge it.
 *
 * @key     name of the object in the one around it; NULL: none around it
 * @failed  the check of the format that failed; PH_CHECK_CNT on PH_OK. Always written
 * Returns PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED, PH_ERR_LIMIT, PH_ERR_NOMEM; what `out` says is
 *         known from ph_jput_end
 */
PH_CHECKED enum ph_err ph_nvidia_json(struct ph_bytes evidence, struct ph_bytes chain_pem,
                                      struct ph_jput *out, const char *key, enum ph_check *failed);

#endif
