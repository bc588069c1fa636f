#ifndef PH_ATTEST_NVIDIA_VERIFY_PRIV_H
#define PH_ATTEST_NVIDIA_VERIFY_PRIV_H

/* One judgement under way, shared by the verify_*.c files. */

#include "attest/judge.h"
#include "attest/nvidia/evidence.h"
#include "attest/nvidia/kept.h"
#include "attest/nvidia/spdm.h"
#include "attest/nvidia/verify.h"

/* A manifest, and what was found out about it. */
struct ph_nv_rim {
    struct ph_cached held; /* a struct ph_nv_manifest; none if it is malformed */
    struct ph_bytes seen;  /* the document as it was given */
    bool judged;    /* its signature, certificates and OCSP: once, however many devices use it */
    bool authentic; /* the signatures verify, up to a root */
};

/* An OCSP response, and what was found out about it: once for all devices of an issuer. */
struct ph_nv_ocsp {
    struct ph_ocsp ocsp;
    bool judged;
    uint8_t issuer[96]; /* public key of the issuer that `facts` are about */
    struct ph_ocsp_facts facts;
};

struct ph_nv_judgement {
    const struct ph_nvidia_args *args;
    struct ph_judge judge;
    struct ph_nv_evidence *evidence;
    size_t device_cnt;
    struct ph_cached chain_held[PH_NVIDIA_DEVICES_MAX];
    const struct ph_nv_chain *chain[PH_NVIDIA_DEVICES_MAX]; /* what these hold */
    struct ph_spdm_report report[PH_NVIDIA_DEVICES_MAX];
    struct ph_nvidia_device device[PH_NVIDIA_DEVICES_MAX]; /* claims to be */
    struct ph_nv_rim *rim;                                 /* rim_cnt of them */
    size_t rim_cnt;
    struct ph_nv_ocsp *ocsp; /* args->ocsp_cnt of them */
    bool authentic;          /* every signature that the status rests on verifies */
    bool mismatch;           /* a device was compared, and differs */
    bool conflict;           /* manifests contradict each other */
    size_t measured_cnt;     /* devices that were compared whole, and match */
    bool unvouched;          /* a certificate has no OCSP response */
};

static inline bool ph_nv_check(struct ph_nv_judgement *j, enum ph_check check, bool holds,
                               struct ph_bytes seen)
{
    return ph_judge_check(&j->judge, check, holds, seen);
}

/* Parts of the argument. Each runs all checks it can; an error is one of the format, or of memory.
 */
PH_CHECKED enum ph_err ph_nv_open_documents(struct ph_nv_judgement *j); /* manifests and OCSP */
void ph_nv_judge_chain(struct ph_nv_judgement *j, size_t i);
/* Every response on a certificate that `issuer` issued. */
void ph_nv_judge_ocsp(struct ph_nv_judgement *j, const struct ph_x509 *cert,
                      const struct ph_x509 *issuer);
void ph_nv_judge_report(struct ph_nv_judgement *j, size_t i);
PH_CHECKED enum ph_err ph_nv_judge_measurements(struct ph_nv_judgement *j, size_t i);
void ph_nv_judge_set(struct ph_nv_judgement *j); /* what holds between devices */
void ph_nv_judge_policy(struct ph_nv_judgement *j);

#endif
