#ifndef PH_ATTEST_INTEL_COLLATERAL_KEY_H
#define PH_ATTEST_INTEL_COLLATERAL_KEY_H

/* Which collateral a quote needs: how a cache of collateral is asked.
 *
 * Layer: attest. Pure. Spec: Intel PCS API v4 (TCB info by FMSPC, QE identity by kind of TEE, PCK
 * CRL by CA). Tests: collateral_key_test.c.
 */

#include "attest/intel/verify.h"

/* All of it is what the quote claims, UNPROVED: good for looking things up. */
struct ph_collateral_key {
    enum ph_tee_kind tee; /* SGX or TDX */
    uint8_t fmspc[6];
    bool platform_ca; /* false: Processor CA */
    uint8_t ppid[16]; /* of the platform; once the quote is accepted, proved with it */
};

/* PH_ERR_NOT_FOUND: the quote carries no PCK chain, only the name of one. Else what
 * ph_intel_quote_parse and ph_chain_parse_pck return. */
PH_CHECKED enum ph_err ph_collateral_key_of(struct ph_bytes quote, struct ph_collateral_key *out);

enum { PH_COLLATERAL_NAME_LEN = 32 }; /* with the NUL */
/* "tdx-90c06f000000-platform": a file name of lower-case letters, digits and '-'. */
void ph_collateral_key_name(const struct ph_collateral_key *key,
                            char out[static PH_COLLATERAL_NAME_LEN]);

/* The files of a folder of collateral, one document each; and where it goes. */
enum {
    PH_COLLATERAL_FILES = 6,     /* of those, what every quote needs */
    PH_COLLATERAL_FILES_ALL = 7, /* and the chain of a PCK, for quotes that do not carry theirs */
};
struct ph_collateral_file {
    const char *name;
    size_t offset; /* of a struct ph_bytes in struct ph_collateral_parts */
};
extern const struct ph_collateral_file ph_collateral_files[PH_COLLATERAL_FILES_ALL];

#endif
