#ifndef PH_ATTEST_SYNTH_SYNTH_WORLD_H
#define PH_ATTEST_SYNTH_SYNTH_WORLD_H

/* For the unit tests of this directory: a platform that is accepted, and one place to change
 * anything about it before it is judged. */

#include "attest/intel/verify.h"
#include "attest/synth/synth.h"

enum { WORLD_NOW = 1750000000 };

struct world {
    struct ph_synth s;
    struct ph_synth qe_s; /* where QE identity comes from, if use_qe_s: a copy of s to change */
    bool use_qe_s;
    bool other_info, other_qe; /* documents and chains of an unrelated authority */
    bool sgx, td15;
    struct ph_tdx_body td;
    struct ph_tdx15_tail tail;
    struct ph_sgx_body enclave;
    struct ph_policy policy;
    bool trust_root; /* pin the root */
    uint8_t expected[64];
    int64_t now_s;
    struct {
        bool info, info_chain, qe, qe_chain, root_crl, pck_crl;
    } drop;
    bool give_pck_chain; /* as part of the collateral */
    struct {
        size_t at;
        uint8_t byte;
    } patch[4]; /* of the finished quote */
    size_t patch_cnt;
    size_t cut;                 /* keep so many bytes of the quote; 0: all */
    const char *replace, *with; /* in the finished quote, same length */
    struct ph_attest_cache *cache;
    struct ph_trace *trace;
};

/* Everything as it should be: TDX 1.0, version 4. */
void world_init(struct world *w);
/* Make SGX documents, and quotes of this version. */
void world_sgx(struct world *w, uint16_t version);
void world_patch(struct world *w, size_t at, uint8_t byte);
/* Break one check, so that it alone refuses. */
void world_break(struct world *w, enum ph_check check);
/* Make everything and judge it. */
enum ph_err world_judge(const struct world *w, struct ph_verdict *out);
/* Everything that is judged, as bytes. */
struct world_made {
    struct ph_synth_pki *pki, *qe_pki, *other;
    struct ph_collateral_parts parts; /* views into those */
    struct ph_buf quote;
};
void world_build(const struct world *w, struct world_made *out);
void world_made_clear(struct world_made *made);
/* The same, and the collateral and quote it was judged by, for the caller to free. */
void world_make(const struct world *w, struct ph_collateral **collateral, struct ph_buf *quote,
                struct ph_attest_roots *roots);

#endif
