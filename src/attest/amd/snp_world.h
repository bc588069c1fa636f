#ifndef PH_ATTEST_AMD_SNP_WORLD_H
#define PH_ATTEST_AMD_SNP_WORLD_H

/* For tests: good SEV-SNP evidence with a policy and roots that accept it, and one way to break
 * each check so that it alone refuses. */

#include "attest/amd/snp.h"
#include "attest/amd/snp_synth.h"

enum { SNP_WORLD_NOW = 1750000000, SNP_WORLD_PATCHES = 4 };

struct snp_world {
    struct ph_synth_snp s;
    struct ph_policy policy;
    uint8_t expected[64];
    int64_t now_s;
    bool trust_root; /* the synthetic ARK is pinned */
    bool drop_vek, drop_crl;
    bool bad_vek, bad_crl; /* cut short */
    bool as_pem;           /* certificates in PEM */
    bool in_table;         /* certificates and list in a table after the report */
    size_t cut;            /* bytes of the report that are there; 0: all */
    const char *mr_config; /* the document that comes with the report; NULL: none */
    size_t padding;        /* bytes after the report, 0xa5 */
    struct {
        size_t at;
        uint8_t flip;
    } patch[SNP_WORLD_PATCHES]; /* after signing */
    size_t patch_cnt;
    struct ph_attest_cache *cache;
    struct ph_trace *trace;
};

/* The evidence of a world, as bytes. */
struct snp_evidence {
    struct ph_buf report, vek, chain, crl;
    struct ph_attest_roots roots;
};

/* A good world: everything is accepted. The first call in a process makes RSA keys. */
void snp_world_init(struct snp_world *w, enum ph_snp_product product, uint32_t version,
                    bool is_vlek);
/* Break one check of a world that is Milan's, version 3, VCEK. False: nothing can break it. */
bool snp_world_break(struct snp_world *w, enum ph_check check);
void snp_world_make(const struct snp_world *w, struct snp_evidence *e);
void snp_evidence_clear(struct snp_evidence *e);
struct ph_snp_args snp_world_args(const struct snp_world *w, const struct snp_evidence *e);
/* Make and judge. */
enum ph_err snp_world_judge(const struct snp_world *w, struct ph_verdict *out);

#endif
