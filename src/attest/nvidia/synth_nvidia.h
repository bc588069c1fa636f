#ifndef PH_ATTEST_NVIDIA_SYNTH_NVIDIA_H
#define PH_ATTEST_NVIDIA_SYNTH_NVIDIA_H

/* Makes evidence of GPUs and switches under a root of the caller's own, for tests and benchmarks:
 * see attest/synth/synth.h. The verifier is not linked with it.
 *
 * Layer: attest, static library ph_synth. Tests: verify_test.c, spdm_test.c.
 */

#include "attest/nvidia/nvidia_claims.h"
#include "attest/synth/synth_p384.h"
#include "base/bytes.h"

#include <stdbool.h>

enum { PH_SYNTH_NV_BLOCKS_MAX = 255, PH_SYNTH_NV_FIELDS_MAX = 40 };

/* A report, everything in it to be chosen. */
struct ph_synth_nv_report {
    uint8_t version, slot, response_slot;
    uint8_t nonce[32];
    size_t block_cnt;
    uint8_t digest[PH_SYNTH_NV_BLOCKS_MAX][48];
    struct {
        uint16_t number;
        size_t len;
        uint8_t value[256];
    } field[PH_SYNTH_NV_FIELDS_MAX]; /* in the order written */
    size_t field_cnt;
    size_t trailing; /* zero bytes after the signature */
};

/* A report of such a device as real ones are: 64 measurements (a switch: 31), versions 550.90.07
 * and 96.00.9F.00.01 (a switch: 96.10.55.00.01), an FWID in those of GPUs. */
void ph_synth_nv_report_init(struct ph_synth_nv_report *r, enum ph_nvidia_arch arch);
/* Add a field, or change the one of that number; `len` is at most 256. Length 0 removes it. */
void ph_synth_nv_field(struct ph_synth_nv_report *r, uint16_t number, const void *value,
                       size_t len);
/* Append the report, signed with a P-384 scalar. */
PH_CHECKED enum ph_err ph_synth_nv_report_put(const struct ph_synth_nv_report *r,
                                              const uint8_t secret[static 48], struct ph_buf *out);

/* A device: its certificates, leaf first, and its report. All devices share the upper three. */
enum { PH_SYNTH_NV_CERTS = 5 };
struct ph_synth_nv_device {
    enum ph_nvidia_arch arch;
    struct ph_synth_p384_cert cert[PH_SYNTH_NV_CERTS]; /* its extensions are set when made */
    size_t cert_cnt;
    struct ph_bytes ready[PH_SYNTH_NV_CERTS]; /* DER to be used as it is; empty: made */
    uint8_t secret[2][48];           /* of leaf and device: cert[] points at them, so do not copy */
    uint8_t fwid[48];                /* as the leaf certifies it */
    uint8_t tcb_flags;               /* Blackwell: DiceTcbInfo's first octet of flags */
    bool no_fwid;                    /* the leaf lacks the extension */
    const uint8_t *composite_secret; /* Hopper: the key that the extension names; NULL: right */
    struct ph_synth_nv_report report;
    const uint8_t *report_secret;           /* signs the report; NULL: the leaf's */
    const char *stated_arch, *stated_nonce; /* NULL: as it is; "": not stated */
};

/* Device `index` of a machine, all of it good: certificates without an end, FWIDs that agree. */
void ph_synth_nv_device_init(struct ph_synth_nv_device *d, enum ph_nvidia_arch arch, uint8_t index);
/* SHA-256 of the SubjectPublicKeyInfo of the root: for pins. */
PH_CHECKED enum ph_err ph_synth_nv_root(uint8_t spki_sha256[static 32]);
/* Append: DER of one certificate; PEM of all; the signed report; one element of the evidence list.
 */
PH_CHECKED enum ph_err ph_synth_nv_cert(const struct ph_synth_nv_device *d, size_t i,
                                        struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_nv_chain(const struct ph_synth_nv_device *d, struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_nv_report(const struct ph_synth_nv_device *d, struct ph_buf *out);
PH_CHECKED enum ph_err ph_synth_nv_item(const struct ph_synth_nv_device *d, struct ph_buf *out);

/* An OCSP response on one certificate. */
struct ph_synth_ocsp {
    struct ph_bytes cert, issuer;           /* DER */
    struct ph_bytes also_cert, also_issuer; /* a second certificate it speaks of; or empty */
    const char *issuer_cn;
    const uint8_t *issuer_secret;
    const uint8_t *responder_secret;     /* NULL: the issuer answers itself */
    struct ph_synth_p384_cert responder; /* set by init for the secret above */
    const char *purpose;                 /* of the responder's certificate, an OID; NULL: none */
    const uint8_t *signer_secret;        /* NULL: the responder's */
    int64_t produced_s, this_update_s, next_update_s; /* next_update_s 0: absent */
    unsigned response_status;                         /* 0 successful */
    unsigned status;                                  /* 0 good, 1 revoked, 2 unknown */
    unsigned reason;                                  /* of a revoked one; 6 on hold */
    const char *hash;                                 /* OID of the certificate id's algorithm */
    bool by_name, nonce;
};
/* Good, fresh at now_s for a day, by a responder of the issuer's. */
void ph_synth_ocsp_init(struct ph_synth_ocsp *o, int64_t now_s);
PH_CHECKED enum ph_err ph_synth_ocsp_make(const struct ph_synth_ocsp *o, struct ph_buf *out);

#endif
