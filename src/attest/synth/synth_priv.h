#ifndef PH_ATTEST_SYNTH_SYNTH_PRIV_H
#define PH_ATTEST_SYNTH_SYNTH_PRIV_H

/* Shared by the synth*.c files. */

#include "attest/synth/synth.h"

enum {
    PH_SYNTH_PCK_CHAIN, /* PEM: leaf, CA, root */
    PH_SYNTH_SIGNER_CHAIN,
    PH_SYNTH_PCK_CRL,
    PH_SYNTH_ROOT_CRL,
    PH_SYNTH_INFO,
    PH_SYNTH_QE,
    PH_SYNTH_PART_CNT,
};

struct ph_synth_pki {
    uint8_t root_key[64];
    struct ph_buf part[PH_SYNTH_PART_CNT];
};

PH_CHECKED enum ph_err ph_synth_make_chains(const struct ph_synth *s, struct ph_synth_pki *pki);
PH_CHECKED enum ph_err ph_synth_make_crls(const struct ph_synth *s, struct ph_synth_pki *pki);
PH_CHECKED enum ph_err ph_synth_make_documents(const struct ph_synth *s, struct ph_synth_pki *pki);

/* Sign with `secret`; with `fault` set, with a key that is nobody's. */
PH_CHECKED enum ph_err ph_synth_sign(const struct ph_synth *s, enum ph_synth_fault fault,
                                     const uint8_t secret[static 32], struct ph_bytes message,
                                     uint8_t sig[static 64]);

/* Replace what `buf` holds from `start` on by one element of that tag around it. */
PH_CHECKED enum ph_err ph_synth_wrap(struct ph_buf *buf, size_t start, uint8_t tag);

/* Key identifier of a key: first 20 bytes of SHA-256 of the point. */
void ph_synth_key_id(const uint8_t key[static 64], uint8_t out[static 20]);

/* Append the DER of the PCK's SGX extension. */
PH_CHECKED enum ph_err ph_synth_put_sgx_ext(const struct ph_synth *s, struct ph_buf *buf);

/* Append Name, AlgorithmIdentifier, Extension, Extensions' AKI. */
PH_CHECKED enum ph_err ph_synth_put_name(const struct ph_synth *s, struct ph_buf *buf,
                                         const char *cn);
PH_CHECKED enum ph_err ph_synth_put_sig_alg(struct ph_buf *buf);
PH_CHECKED enum ph_err ph_synth_put_ext(struct ph_buf *buf, const char *oid, bool critical,
                                        struct ph_bytes value);
PH_CHECKED enum ph_err ph_synth_put_aki(struct ph_buf *buf, struct ph_bytes key_id);
/* Append `signature` over what `buf` holds from `start` on, and wrap both: Certificate or CRL. */
PH_CHECKED enum ph_err ph_synth_finish(const struct ph_synth *s, enum ph_synth_fault fault,
                                       const uint8_t secret[static 32], struct ph_buf *buf,
                                       size_t start);

#endif
