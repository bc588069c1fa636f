/* Collateral: each part is parsed on its own terms, the window is that of all parts; and the cache
 * of chains under load. */

#include "attest/intel/collateral_priv.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t seed[32] = "collateral";
static struct ph_json_why why;

struct fixture {
    struct ph_synth s;
    struct ph_synth_pki *pki;
    struct ph_collateral_parts parts;
};

static void setup(struct fixture *f)
{
    CHECK(ph_synth_defaults(&f->s, seed, WORLD_NOW) == PH_OK);
    CHECK(ph_synth_pki_new(&f->s, &f->pki) == PH_OK);
    f->parts = ph_synth_pki_parts(f->pki);
    f->parts.pck_chain_pem = ph_synth_pki_chain_pem(f->pki);
}

static enum ph_err parse(const struct ph_collateral_parts *parts)
{
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    why.text[0] = '\0';
    return ph_collateral_parse(parts, &c, &why);
}

TEST(the_window_is_the_narrowest_of_all_parts)
{
    struct fixture f;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    int64_t from, until;
    setup(&f);
    CHECK(ph_collateral_parse(&f.parts, &c, &why) == PH_OK);
    ph_collateral_window(c, &from, &until);
    CHECK(from == f.s.issue_s && until == f.s.next_update_s);
    ph_synth_pki_free(f.pki);
}

TEST(nothing_at_all_parses_and_proves_nothing)
{
    const struct ph_collateral_parts none = {0};
    CHECK(parse(&none) == PH_OK);
    ph_collateral_free(NULL);
}

TEST(a_malformed_part_is_named)
{
    struct fixture f;
    setup(&f);
    struct ph_bytes *const part[] = {&f.parts.tcb_info_json,    &f.parts.tcb_info_chain_pem,
                                     &f.parts.qe_identity_json, &f.parts.qe_identity_chain_pem,
                                     &f.parts.pck_crl,          &f.parts.root_ca_crl,
                                     &f.parts.pck_chain_pem};
    static const char *const names[] = {"tcbInfo",           "tcb_info_chain", "enclaveIdentity",
                                        "qe_identity_chain", "pck_crl",        "root_ca_crl",
                                        "pck_chain"};
    for (size_t i = 0; i < PH_LEN(part); i++) {
        const struct ph_bytes good = *part[i];
        part[i]->len /= 2;
        CHECK(parse(&f.parts) == PH_ERR_MALFORMED);
        if (!strstr(why.text, names[i]))
            fail_msg("%s: %s", names[i], why.text);
        *part[i] = good;
        CHECK(parse(&f.parts) == PH_OK);
        part[i]->len = 0; /* absent is fine here */
        CHECK(parse(&f.parts) == PH_OK);
        *part[i] = good;
    }
    ph_synth_pki_free(f.pki);
}

TEST(parts_are_limited_in_size)
{
    static uint8_t big[PH_CRL_MAX + 1];
    struct fixture f;
    setup(&f);
    struct ph_bytes *const part[] = {
        &f.parts.tcb_info_json,        &f.parts.qe_identity_json, &f.parts.pck_crl,
        &f.parts.root_ca_crl,          &f.parts.pck_chain_pem,    &f.parts.tcb_info_chain_pem,
        &f.parts.qe_identity_chain_pem};
    for (size_t i = 0; i < PH_LEN(part); i++) {
        const struct ph_bytes good = *part[i];
        memset(big, ' ', sizeof(big));
        *part[i] = PH_BYTES_OF(big);
        CHECK(parse(&f.parts) == PH_ERR_LIMIT);
        *part[i] = good;
    }
    ph_synth_pki_free(f.pki);
}

TEST(a_key_that_is_no_point_signs_nothing)
{
    struct world w;
    struct ph_verdict v;
    world_init(&w);
    world_patch(&w, 700, 0xff); /* attestation key, x: not on the curve any more */
    world_patch(&w, 701, 0xff);
    CHECK(world_judge(&w, &v) == PH_ERR_UNTRUSTED && v.check == PH_CHECK_QE_BINDING);
    CHECK(v.status == PH_TCB_UNKNOWN && !v.accepted);
}

TEST(too_many_advisories_fail_closed)
{
    struct world w;
    struct ph_verdict v;
    struct ph_buf ids PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    for (unsigned cnt = PH_VERDICT_ADVISORIES_MAX; cnt <= PH_VERDICT_ADVISORIES_MAX + 1; cnt++) {
        ids.len = 0;
        for (unsigned i = 0; i < cnt; i++) /* each twice: the second is not counted */
            CHECK(ph_buf_addf(&ids, "%s\"SA-%u\",\"SA-%u\"", i ? "," : "[", i, i) == PH_OK);
        CHECK(ph_buf_add(&ids, PH_BYTES_LIT("]\0")) == PH_OK);
        world_init(&w);
        w.s.level[0].advisories = (const char *)ids.ptr;
        const bool fits = cnt == PH_VERDICT_ADVISORIES_MAX;
        CHECK((world_judge(&w, &v) == PH_OK) == fits);
        CHECK(fits || v.check == PH_CHECK_TCB_COMPONENTS);
        CHECK(v.advisory_cnt == PH_VERDICT_ADVISORIES_MAX);
    }
}

/* A reference held while the only entry is wanted by others: they go without the cache. */
TEST(an_entry_in_use_is_not_replaced)
{
    struct fixture f;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_attest_cache *cache = NULL;
    struct ph_cached held = {0}, other = {0}, again = {0};
    setup(&f);
    const struct ph_bytes pem = f.parts.pck_chain_pem;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    CHECK(ph_buf_add_str(&text, "\n") == PH_OK && ph_buf_add(&text, pem) == PH_OK);
    f.parts.pck_chain_pem.len = 0;
    CHECK(ph_collateral_parse(&f.parts, &c, &why) == PH_OK);
    CHECK(ph_attest_cache_new(1, &cache) == PH_OK);
    CHECK(ph_chain_get(cache, c, pem, WORLD_NOW, &held) == PH_OK && held.set && !held.owned);
    CHECK(ph_chain_get(cache, c, ph_buf_view(&text), WORLD_NOW, &other) == PH_OK);
    CHECK(!other.set && other.owned && other.value != held.value);
    CHECK(ph_chain_get(cache, c, pem, WORLD_NOW, &again) == PH_OK && again.value == held.value);
    ph_cached_release(&other);
    ph_cached_release(&held);
    ph_cached_release(&again);
    /* Free now: the other chain takes its place. */
    CHECK(ph_chain_get(cache, c, ph_buf_view(&text), WORLD_NOW, &other) == PH_OK && other.set);
    ph_cached_release(&other);
    ph_attest_cache_free(cache);
    ph_synth_pki_free(f.pki);
}

struct job {
    const struct ph_collateral *collateral;
    const struct ph_attest_roots *roots;
    const struct world *w;
    struct ph_bytes quote;
    struct ph_attest_cache *cache;
    size_t accepted;
};

static void *judge_many(void *arg)
{
    struct job *job = arg;
    for (size_t i = 0; i < 20; i++) {
        struct ph_verdict v;
        const struct ph_verify_args args = {.quote = job->quote,
                                            .collateral = job->collateral,
                                            .roots = job->roots,
                                            .policy = &job->w->policy,
                                            .report_data = job->w->expected,
                                            .now_s = job->w->now_s,
                                            .cache = job->cache};
        job->accepted += ph_quote_verify_with(&args, &v) == PH_OK;
    }
    return NULL;
}

TEST(threads_share_collateral_and_cache)
{
    struct world w;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;
    struct ph_attest_cache *cache = NULL;
    struct job job[4];
    pthread_t thread[4];
    world_init(&w);
    world_make(&w, &c, &quote, &roots);
    CHECK(ph_attest_cache_new(1, &cache) == PH_OK);
    for (size_t i = 0; i < PH_LEN(job); i++) {
        job[i] = (struct job){c, &roots, &w, ph_buf_view(&quote), cache, 0};
        CHECK(pthread_create(&thread[i], NULL, judge_many, &job[i]) == 0);
    }
    for (size_t i = 0; i < PH_LEN(job); i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
        CHECK(job[i].accepted == 20);
    }
    ph_attest_cache_free(cache);
}

PH_TEST_MAIN(CASE(the_window_is_the_narrowest_of_all_parts),
             CASE(nothing_at_all_parses_and_proves_nothing), CASE(a_malformed_part_is_named),
             CASE(parts_are_limited_in_size), CASE(a_key_that_is_no_point_signs_nothing),
             CASE(too_many_advisories_fail_closed), CASE(an_entry_in_use_is_not_replaced),
             CASE(threads_share_collateral_and_cache))
