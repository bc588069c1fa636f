/* Errors, policies, evidence and what is kept: thin over the module's own functions. */

#include "attest/amd/snp.h"
#include "attest/intel/verify.h"
#include "attest/lib/lib_priv.h"
#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>

enum phala_attest_error ph_lib_error(enum ph_err err)
{
    switch (err) {
    case PH_OK:
        return PHALA_ATTEST_OK;
    case PH_ERR_UNTRUSTED:
        return PHALA_ATTEST_REFUSED;
    case PH_ERR_MALFORMED:
        return PHALA_ATTEST_MALFORMED;
    case PH_ERR_UNSUPPORTED:
        return PHALA_ATTEST_UNSUPPORTED;
    case PH_ERR_LIMIT:
        return PHALA_ATTEST_LIMIT;
    case PH_ERR_NOMEM:
        return PHALA_ATTEST_NOMEM;
    case PH_ERR_NOT_FOUND:
    case PH_ERR_CONFLICT:
    case PH_ERR_IO:
    case PH_ERR_CLOSED:
    case PH_ERR_AGAIN:
        break; /* nothing here returns these */
    }
    return PHALA_ATTEST_REFUSED;
}

const char *phala_attest_error_name(enum phala_attest_error error)
{
    static const char *const names[] = {"ok",    "refused",       "malformed", "unsupported",
                                        "limit", "out of memory", "argument"};
    return (size_t)error < PH_LEN(names) ? names[error] : "unknown";
}

const char *phala_attest_version(void)
{
    return PHALA_ATTEST_VERSION;
}

void phala_attest_free(char *text)
{
    free(text);
}

enum phala_attest_error ph_lib_text(enum ph_err err, const struct ph_buf *text, char **out)
{
    if (err != PH_OK)
        return ph_lib_error(err);
    char *copy = malloc(text->len + 1);
    if (!copy)
        return PHALA_ATTEST_NOMEM;
    memcpy(copy, text->ptr, text->len);
    copy[text->len] = '\0';
    *out = copy;
    return PHALA_ATTEST_OK;
}

/* ---- Policy ---- */

enum phala_attest_error phala_attest_policy_parse(const char *json, size_t len,
                                                  struct phala_attest_policy **out,
                                                  struct phala_attest_why *why)
{
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    struct ph_json_why inner = {"out of memory"};
    enum ph_err err = PH_ERR_NOMEM;

    if (!json || !out)
        return PHALA_ATTEST_ARGUMENT;
    if (policy)
        err = ph_policy_parse((struct ph_bytes){(const uint8_t *)json, len}, policy, &inner);
    if (err != PH_OK) {
        ph_lib_why(why, &inner);
        return ph_lib_error(err);
    }
    *out = (struct phala_attest_policy *)(void *)PH_TAKE(policy);
    return PHALA_ATTEST_OK;
}

enum phala_attest_error phala_attest_policy_hardware(struct phala_attest_policy **out)
{
    if (!out)
        return PHALA_ATTEST_ARGUMENT;
    struct ph_policy *policy = malloc(sizeof(*policy));
    if (!policy)
        return PHALA_ATTEST_NOMEM;
    *policy = *ph_policy_builtin_hardware();
    *out = (struct phala_attest_policy *)(void *)policy;
    return PHALA_ATTEST_OK;
}

void phala_attest_policy_free(struct phala_attest_policy *policy)
{
    free(policy);
}

/* ---- Evidence ---- */

enum phala_attest_error phala_attest_evidence_open(const uint8_t *bytes, size_t len,
                                                   struct phala_attest_evidence **out,
                                                   struct phala_attest_why *why)
{
    struct phala_attest_evidence *e PH_OWNED(ph_freep) = calloc(1, sizeof(*e));
    struct ph_json_why inner = {"out of memory"};
    enum ph_err err = PH_ERR_NOMEM;

    if (!bytes || !out)
        return PHALA_ATTEST_ARGUMENT;
    if (e)
        err = ph_evidence_open((struct ph_bytes){bytes, len}, &e->bundle, &inner);
    if (err != PH_OK) {
        ph_lib_why(why, &inner);
        return ph_lib_error(err);
    }
    e->view = *ph_evidence_view(e->bundle);
    *out = PH_TAKE(e);
    return PHALA_ATTEST_OK;
}

void phala_attest_evidence_free(struct phala_attest_evidence *evidence)
{
    if (!evidence)
        return;
    for (struct ph_lib_part *p = evidence->added, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    ph_evidence_free(evidence->bundle);
    free(evidence);
}

/* Where a part goes; NULL: nowhere, or its list is full. A part of a list counts only when the
 * caller has written it. */
static struct ph_bytes *place_of(struct ph_evidence *e, enum phala_attest_part part, bool *full)
{
    switch (part) {
    case PHALA_ATTEST_INTEL_TCB_INFO:
        return &e->collateral.tcb_info_json;
    case PHALA_ATTEST_INTEL_TCB_INFO_CHAIN:
        return &e->collateral.tcb_info_chain_pem;
    case PHALA_ATTEST_INTEL_QE_IDENTITY:
        return &e->collateral.qe_identity_json;
    case PHALA_ATTEST_INTEL_QE_IDENTITY_CHAIN:
        return &e->collateral.qe_identity_chain_pem;
    case PHALA_ATTEST_INTEL_PCK_CRL:
        return &e->collateral.pck_crl;
    case PHALA_ATTEST_INTEL_ROOT_CA_CRL:
        return &e->collateral.root_ca_crl;
    case PHALA_ATTEST_INTEL_PCK_CHAIN:
        return &e->collateral.pck_chain_pem;
    case PHALA_ATTEST_EVENT_LOG:
        return &e->event_log;
    case PHALA_ATTEST_SNP_VEK_CERT:
        return &e->snp.vek_cert;
    case PHALA_ATTEST_SNP_CERT_CHAIN:
        return &e->snp.cert_chain;
    case PHALA_ATTEST_SNP_CRL:
        return &e->snp.crl;
    case PHALA_ATTEST_NVIDIA_EVIDENCE:
        return &e->nvidia.evidence;
    case PHALA_ATTEST_NVIDIA_CHAIN:
        return &e->nvidia.chain;
    case PHALA_ATTEST_NVIDIA_RIM:
        *full = e->nvidia.rim_cnt == PH_EVIDENCE_RIMS_MAX;
        return *full ? NULL : &e->nvidia.rim[e->nvidia.rim_cnt];
    case PHALA_ATTEST_NVIDIA_OCSP:
        *full = e->nvidia.ocsp_cnt == PH_EVIDENCE_OCSP_MAX;
        return *full ? NULL : &e->nvidia.ocsp[e->nvidia.ocsp_cnt];
    }
    return NULL;
}

enum phala_attest_error phala_attest_evidence_add(struct phala_attest_evidence *evidence,
                                                  enum phala_attest_part part, const uint8_t *bytes,
                                                  size_t len)
{
    bool full = false;

    if (!evidence || !bytes || len == 0)
        return PHALA_ATTEST_ARGUMENT;
    struct ph_bytes *place = place_of(&evidence->view, part, &full);
    if (!place)
        return full ? PHALA_ATTEST_LIMIT : PHALA_ATTEST_ARGUMENT;
    if (len > PH_EVIDENCE_MAX)
        return PHALA_ATTEST_LIMIT;
    struct ph_lib_part *copy = malloc(sizeof(*copy) + len);
    if (!copy)
        return PHALA_ATTEST_NOMEM;
    memcpy(copy->bytes, bytes, len);
    copy->next = evidence->added;
    evidence->added = copy;
    *place = (struct ph_bytes){copy->bytes, len};
    if (part == PHALA_ATTEST_EVENT_LOG)
        evidence->view.event_log_rtmr3_alone = false;
    evidence->view.nvidia.rim_cnt += part == PHALA_ATTEST_NVIDIA_RIM;
    evidence->view.nvidia.ocsp_cnt += part == PHALA_ATTEST_NVIDIA_OCSP;
    return PHALA_ATTEST_OK;
}

const char *phala_attest_evidence_kind(const struct phala_attest_evidence *evidence)
{
    const struct ph_evidence *e = &evidence->view;
    return ph_evidence_kind_name(e->quote.len == 0             ? PH_EVIDENCE_NVIDIA
                                 : e->kind != PH_EVIDENCE_NONE ? e->kind
                                                               : ph_evidence_detect(e->quote));
}

int64_t phala_attest_evidence_time(const struct phala_attest_evidence *evidence)
{
    return evidence->view.time_s;
}

enum phala_attest_error phala_attest_evidence_show(const struct phala_attest_evidence *evidence,
                                                   char **out, struct phala_attest_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_LIB_JSON_MAX);
    struct ph_jput j = {.out = &text};
    struct ph_json_why inner = {"out of memory"};

    if (!evidence || !out)
        return PHALA_ATTEST_ARGUMENT;
    enum ph_err err = ph_evidence_show(&evidence->view, &j, NULL, &inner);
    if (err == PH_OK)
        err = ph_jput_end(&j);
    if (err != PH_OK)
        ph_lib_why(why, &inner);
    return ph_lib_text(err, &text, out);
}

enum phala_attest_error phala_attest_evidence_bundle(const struct phala_attest_evidence *evidence,
                                                     int64_t time_s, char **out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);

    if (!evidence || !out)
        return PHALA_ATTEST_ARGUMENT;
    struct ph_evidence e = evidence->view;
    e.time_s = time_s;
    return ph_lib_text(ph_evidence_encode(&e, &text), &text, out);
}

/* ---- Collateral and cache ---- */

enum phala_attest_error phala_attest_collateral_parse(const struct phala_attest_evidence *evidence,
                                                      struct phala_attest_collateral **out,
                                                      struct phala_attest_why *why)
{
    struct ph_json_why inner = {"out of memory"};
    struct ph_collateral *collateral;

    if (!evidence || !out)
        return PHALA_ATTEST_ARGUMENT;
    const enum ph_err err = ph_collateral_parse(&evidence->view.collateral, &collateral, &inner);
    if (err != PH_OK) {
        ph_lib_why(why, &inner);
        return ph_lib_error(err);
    }
    *out = (struct phala_attest_collateral *)(void *)collateral;
    return PHALA_ATTEST_OK;
}

void phala_attest_collateral_window(const struct phala_attest_collateral *collateral,
                                    int64_t *from_s, int64_t *until_s)
{
    ph_collateral_window((const struct ph_collateral *)(const void *)collateral, from_s, until_s);
}

void phala_attest_collateral_free(struct phala_attest_collateral *collateral)
{
    ph_collateral_free((struct ph_collateral *)(void *)collateral);
}

void phala_attest_cache_free(struct phala_attest_cache *cache)
{
    ph_attest_cache_free((struct ph_attest_cache *)(void *)cache);
}

enum phala_attest_error phala_attest_cache_new(size_t entry_cnt, struct phala_attest_cache **out)
{
    struct ph_attest_cache *cache;

    if (!out)
        return PHALA_ATTEST_ARGUMENT;
    const enum ph_err err = ph_attest_cache_new(entry_cnt, &cache);
    if (err == PH_OK)
        *out = (struct phala_attest_cache *)(void *)cache;
    return ph_lib_error(err);
}
