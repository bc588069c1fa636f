/* When memory ends, nothing is accepted and nothing is written: every allocation fails once. */

#include <stdbool.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HEAP_FAILS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HEAP_FAILS 0
#endif
#endif
#ifndef HEAP_FAILS
#define HEAP_FAILS 1
#endif

/* Allocations left until one fails; 0: none does. */
static unsigned long until_failure;
static bool failed;

#if HEAP_FAILS
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t cnt, size_t len);
void *__libc_realloc(void *old, size_t len);

static bool fails(void)
{
    if (until_failure == 0 || --until_failure > 0)
        return false;
    failed = true;
    return true;
}

__attribute__((visibility("default"))) void *malloc(size_t len)
{
    return fails() ? NULL : __libc_malloc(len);
}

__attribute__((visibility("default"))) void *calloc(size_t cnt, size_t len)
{
    return fails() ? NULL : __libc_calloc(cnt, len);
}

__attribute__((visibility("default"))) void *realloc(void *old, size_t len)
{
    return fails() ? NULL : __libc_realloc(old, len);
}
#endif

#include "attest/amd/snp_world.h"
#include "attest/azure/hcl.h"
#include "attest/evidence.h"
#include "attest/intel/verify.h"
#include "attest/nvidia/test_world.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

static struct ph_verdict verdict;

/* True if the n-th allocation from now on was reached and failed. */
#define WITH_FAILURE(n, call)                                                                      \
    (failed = false, until_failure = (n), err = (call), until_failure = 0, failed)

TEST(a_policy_that_does_not_fit_is_not_written)
{
    static struct ph_policy policy, before;
    struct ph_json_why why;
    enum ph_err err;
    unsigned long n = 1;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    memset(&before, 0x5c, sizeof(before));
    for (policy = before;; n++) {
        if (!WITH_FAILURE(n, ph_policy_parse(ph_bytes_str("{}"), &policy, &why)))
            break;
        CHECK(err == PH_ERR_NOMEM && memcmp(&policy, &before, sizeof(policy)) == 0);
    }
    CHECK(n > 1 && err == PH_OK);
}

TEST(a_quote_is_not_judged_without_memory)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    struct world w;
    enum ph_err err;
    unsigned long n = 1;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    world_init(&w);
    world_make(&w, &collateral, &quote, &roots);
    for (;; n++) {
        memset(&verdict, 0x5c, sizeof(verdict));
        if (!WITH_FAILURE(n, ph_quote_verify(ph_buf_view(&quote), collateral, &roots, &w.policy,
                                             w.expected, w.now_s, &verdict)))
            break;
        /* A library underneath may do without what it asked for; we may not. */
        if (err == PH_OK)
            continue;
        CHECK(err == PH_ERR_NOMEM && !verdict.accepted);
        CHECK(verdict.check == PH_CHECK_CNT && strcmp(verdict.reason, "not-judged") == 0);
        CHECK(verdict.claims.tee == PH_TEE_NONE);
        CHECK(strstr(verdict.sentence, "out of memory"));
    }
    CHECK(n > 2 && err == PH_OK && verdict.accepted);
}

/* How many single failures of the heap end in PH_ERR_NOMEM. */
static unsigned refusals(const struct ph_verify_args *args)
{
    unsigned cnt = 0;
    enum ph_err err;

    for (unsigned long n = 1; WITH_FAILURE(n, ph_quote_verify_with(args, &verdict)); n++) {
        CHECK(!verdict.accepted || err == PH_OK);
        cnt += err == PH_ERR_NOMEM;
    }
    return cnt;
}

TEST(an_event_log_is_not_judged_without_memory)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    const struct ph_bytes log = ph_bytes_str("[]");
    struct ph_attest_roots roots;
    struct world w;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    world_init(&w);
    world_make(&w, &collateral, &quote, &roots);
    struct ph_verify_args args = {.quote = ph_buf_view(&quote),
                                  .collateral = collateral,
                                  .roots = &roots,
                                  .policy = &w.policy,
                                  .report_data = w.expected,
                                  .now_s = w.now_s};
    const unsigned without = refusals(&args);
    args.event_log = &log;
    CHECK(refusals(&args) > without);
}

TEST(collateral_is_not_made_without_memory)
{
    static struct world w;
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = NULL;
    struct ph_collateral_parts parts = {0}; /* none at all */
    struct ph_collateral *collateral = NULL;
    struct ph_json_why why;
    enum ph_err err;
    unsigned long n = 1;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    for (;; n++) {
        if (!WITH_FAILURE(n, ph_collateral_parse(&parts, &collateral, &why)))
            break;
        CHECK(err == PH_ERR_NOMEM && !collateral);
    }
    CHECK(n > 1 && err == PH_OK && collateral);
    ph_collateral_free(collateral);
    collateral = NULL;
    world_init(&w);
    CHECK(ph_synth_pki_new(&w.s, &pki) == PH_OK);
    parts = ph_synth_pki_parts(pki);
    parts.pck_chain_pem = ph_synth_pki_chain_pem(pki);
    const unsigned long few = n;
    for (n = 1; WITH_FAILURE(n, ph_collateral_parse(&parts, &collateral, &why)); n++)
        CHECK(err == PH_ERR_NOMEM && !collateral);
    CHECK(n > few && err == PH_OK && collateral);
    ph_collateral_free(collateral);
}

TEST(evidence_is_not_opened_without_memory)
{
    static const char *const texts[] = {
        "{\"format\":\"phala-evidence-v1\",\"time\":\"2025-06-19T10:32:27Z\","
        "\"nvidia\":{\"evidence\":\"[]\"}}",
        "[]",
    };
    struct ph_json_why why;
    enum ph_err err;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    for (size_t i = 0; i < PH_LEN(texts); i++) {
        struct ph_evidence_bundle *bundle PH_OWNED(ph_evidence_freep) = NULL;
        unsigned long n = 1;
        for (; WITH_FAILURE(n, ph_evidence_open(ph_bytes_str(texts[i]), &bundle, &why)); n++)
            CHECK(err == PH_ERR_NOMEM && !bundle);
        CHECK(n > 2 && err == PH_OK && bundle);
    }
    const struct ph_evidence both = {.quote = PH_BYTES_LIT("q"),
                                     .nvidia = {.evidence = PH_BYTES_LIT("[]")}};
    const struct ph_evidence_args args = {.evidence = &both};
    memset(&verdict, 0xa5, sizeof(verdict));
    CHECK(WITH_FAILURE(1, ph_evidence_verify(&args, &verdict)) && err == PH_ERR_NOMEM);
    CHECK(!verdict.accepted && strstr(verdict.sentence, "out of memory"));
}

/* How many failures of the heap end a key's loading, and a signature's check, with their own error.
 */
static unsigned key_refusals(struct ph_bytes n, struct ph_bytes e, struct ph_rsa_pub **key)
{
    unsigned cnt = 0;
    enum ph_err err;

    for (unsigned long i = 1; WITH_FAILURE(i, ph_rsa_pub_new(n, e, key)); i++) {
        cnt += err == PH_ERR_NOMEM;
        ph_rsa_pub_free(*key); /* OpenSSL may do without what it asked for */
        *key = NULL;
    }
    return cnt;
}

static unsigned signature_refusals(const struct ph_rsa_pub *key)
{
    static const uint8_t sig[512];
    unsigned cnt = 0;
    enum ph_err err;

    for (unsigned long i = 1;
         WITH_FAILURE(i, ph_rsa_pss384_verify(key, (struct ph_bytes){0}, PH_BYTES_OF(sig))); i++)
        cnt += err == PH_ERR_NOMEM;
    return cnt;
}

TEST(a_sev_snp_report_is_not_judged_without_memory)
{
    struct ph_rsa_pub *key = NULL;

    struct snp_evidence e PH_OWNED(snp_evidence_clear) = {0};
    struct snp_world w;
    unsigned refused = 0;
    enum ph_err err;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    snp_world_init(&w, PH_SNP_MILAN, 3, false);
    w.as_pem = true;
    snp_world_make(&w, &e);
    const struct ph_snp_args args = snp_world_args(&w, &e);
    for (unsigned long n = 1; WITH_FAILURE(n, ph_snp_verify(&args, &verdict)); n++) {
        /* Inside the library that verifies signatures it ends in one that does not verify. */
        if (err == PH_ERR_UNTRUSTED)
            CHECK(!verdict.accepted && strstr(verdict.reason, "-signature"));
        else
            CHECK(err == (verdict.accepted ? PH_OK : PH_ERR_NOMEM) &&
                  verdict.check == PH_CHECK_CNT);
        refused += err == PH_ERR_NOMEM;
    }
    CHECK(err == PH_OK && verdict.accepted);
    /* Two keys are loaded; they sign three certificates and the list. */
    const struct ph_bytes n = ph_rsa_key_n(w.s.keys->ark), pub_e = ph_rsa_key_e(w.s.keys->ark);
    const unsigned loading = key_refusals(n, pub_e, &key), checking = signature_refusals(key);
    ph_rsa_pub_free(key);
    CHECK(loading > 0 && checking > 0);
    CHECK(refused >= 2 * loading + 4 * checking + 4); /* and the chain, for itself */
}

TEST(devices_are_not_judged_without_memory)
{
    static struct nv_world w;
    static struct nv_made made;
    enum ph_err err;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    nv_world_init(&w, PH_NVIDIA_HOPPER);
    nv_world_add(&w, PH_NVIDIA_LS10);
    nv_world_make(&w, &made);
    unsigned long n = 1;
    for (; WITH_FAILURE(n, nv_made_judge(&w, &made, &verdict)); n++) {
        CHECK(err == PH_ERR_NOMEM && !verdict.accepted);
        CHECK(verdict.check == PH_CHECK_CNT && verdict.claims.tee == PH_TEE_NONE);
    }
    CHECK(n > 20 && err == PH_OK && verdict.accepted);
    /* With a cache, what cannot be kept is made again. */
    for (n = 1;; n++) {
        struct ph_attest_cache *cache PH_OWNED(ph_attest_cache_freep) = NULL;
        CHECK(ph_attest_cache_new(64, &cache) == PH_OK);
        w.cache = cache;
        if (!WITH_FAILURE(n, nv_made_judge(&w, &made, &verdict)))
            break;
        CHECK(err == (verdict.accepted ? PH_OK : PH_ERR_NOMEM));
    }
    CHECK(n > 20 && err == PH_OK && verdict.accepted);
    nv_made_clear(&made);
    nv_world_clear(&w);
}

TEST(azures_key_is_not_read_without_memory)
{
    static char text[1024];
    struct ph_hcl_key key;
    enum ph_err err;
    unsigned long n = 1;

    if (!HEAP_FAILS)
        SKIP_BECAUSE("a sanitizer stands in for the heap");
    const int at = snprintf(text, sizeof(text),
                            "{\"keys\":[{\"kid\":\"k\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"l");
    memset(text + at, 'V', 340); /* 256 bytes: 0x95, and then 0x55 */
    (void)snprintf(text + at + 340, sizeof(text) - (size_t)at - 340, "Q\"}]}");
    const struct ph_hcl hcl = {.kind = PH_HCL_SNP, .runtime = ph_bytes_str(text)};
    for (; WITH_FAILURE(n, ph_hcl_key(&hcl, "k", &key)); n++)
        CHECK(err == PH_ERR_NOMEM);
    CHECK(n == 3 && err == PH_OK && key.n_len == 256);
}

PH_TEST_MAIN(CASE(a_sev_snp_report_is_not_judged_without_memory),
             CASE(devices_are_not_judged_without_memory),
             CASE(azures_key_is_not_read_without_memory),
             CASE(evidence_is_not_opened_without_memory),
             CASE(a_policy_that_does_not_fit_is_not_written),
             CASE(a_quote_is_not_judged_without_memory),
             CASE(an_event_log_is_not_judged_without_memory),
             CASE(collateral_is_not_made_without_memory))
