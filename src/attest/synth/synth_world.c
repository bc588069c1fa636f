#include "attest/synth/synth_world.h"

#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

static const uint8_t seed[32] = "synthetic evidence for tests";
static const uint8_t other_seed[32] = "another authority altogether";

void world_init(struct world *w)
{
    memset(w, 0, sizeof(*w));
    CHECK(ph_synth_defaults(&w->s, seed, WORLD_NOW) == PH_OK);
    w->qe_s = w->s;
    ph_synth_tdx_body(&w->s, &w->td);
    ph_synth_sgx_body(&w->s, &w->enclave);
    for (size_t i = 0; i < 64; i++)
        w->expected[i] = w->td.report_data[i] = w->enclave.report_data[i] =
            (uint8_t)(0xa0 + i % 16);
    memcpy(w->tail.tee_tcb_svn2, w->td.tee_tcb_svn, 16);
    w->policy = *ph_policy_builtin_hardware();
    w->trust_root = true;
    w->now_s = WORLD_NOW;
}

void world_sgx(struct world *w, uint16_t version)
{
    w->sgx = true;
    w->s.tdx = false;
    w->s.quote_version = version;
    w->s.qe_isvprodid = 1;
    w->qe_s = w->s;
}

void world_patch(struct world *w, size_t at, uint8_t byte)
{
    CHECK(w->patch_cnt < PH_LEN(w->patch));
    w->patch[w->patch_cnt].at = at;
    w->patch[w->patch_cnt++].byte = byte;
}

static void edit(const struct world *w, struct ph_buf *quote)
{
    for (size_t i = 0; i < w->patch_cnt; i++) {
        CHECK(w->patch[i].at < quote->len);
        quote->ptr[w->patch[i].at] = w->patch[i].byte;
    }
    if (w->replace) {
        uint8_t *at = memmem(quote->ptr, quote->len, w->replace, strlen(w->replace));
        CHECK(at && strlen(w->with) == strlen(w->replace));
        memcpy(at, w->with, strlen(w->with));
    }
    if (w->cut > 0)
        quote->len = w->cut;
}

void world_made_clear(struct world_made *made)
{
    ph_synth_pki_free(made->pki);
    ph_synth_pki_free(made->qe_pki);
    ph_synth_pki_free(made->other);
    ph_buf_clear(&made->quote);
}

void world_build(const struct world *w, struct world_made *out)
{
    struct ph_synth other_s = w->s;

    *out = (struct world_made){.quote = PH_BUF(PH_QUOTE_MAX)};
    CHECK(ph_synth_pki_new(&w->s, &out->pki) == PH_OK);
    CHECK(ph_synth_pki_new(&w->qe_s, &out->qe_pki) == PH_OK);
    CHECK(ph_synth_defaults(&other_s, other_seed, WORLD_NOW) == PH_OK);
    CHECK(ph_synth_pki_new(&other_s, &out->other) == PH_OK);
    struct ph_collateral_parts *parts = &out->parts;
    const struct ph_collateral_parts from =
        ph_synth_pki_parts(w->other_qe ? out->other : out->qe_pki);
    const struct ph_collateral_parts alien = ph_synth_pki_parts(out->other);
    *parts = ph_synth_pki_parts(out->pki);
    if (w->use_qe_s || w->other_qe) {
        parts->qe_identity_json = from.qe_identity_json;
        parts->qe_identity_chain_pem = from.qe_identity_chain_pem;
    }
    if (w->other_info) {
        parts->tcb_info_json = alien.tcb_info_json;
        parts->tcb_info_chain_pem = alien.tcb_info_chain_pem;
    }
    if (w->give_pck_chain)
        parts->pck_chain_pem = ph_synth_pki_chain_pem(out->pki);
    if (w->drop.info)
        parts->tcb_info_json.len = 0;
    if (w->drop.qe)
        parts->qe_identity_json.len = 0;
    if (w->drop.info_chain)
        parts->tcb_info_chain_pem.len = 0;
    if (w->drop.qe_chain)
        parts->qe_identity_chain_pem.len = 0;
    if (w->drop.root_crl)
        parts->root_ca_crl.len = 0;
    if (w->drop.pck_crl)
        parts->pck_crl.len = 0;
    if (w->sgx)
        CHECK(ph_synth_sgx_quote(&w->s, out->pki, &w->enclave, &out->quote) == PH_OK);
    else
        CHECK(ph_synth_tdx_quote(&w->s, out->pki, &w->td, w->td15 ? &w->tail : NULL, &out->quote) ==
              PH_OK);
    edit(w, &out->quote);
}

/* What is judged must not depend on who else can read it: parts are copied by the parser. */
void world_make(const struct world *w, struct ph_collateral **collateral, struct ph_buf *quote,
                struct ph_attest_roots *roots)
{
    struct world_made made PH_OWNED(world_made_clear);
    struct ph_json_why why;

    world_build(w, &made);
    if (ph_collateral_parse(&made.parts, collateral, &why) != PH_OK)
        fail_msg("collateral: %s", why.text);
    CHECK(ph_buf_add(quote, ph_buf_view(&made.quote)) == PH_OK);
    *roots = ph_attest_roots_production();
    if (w->trust_root)
        ph_synth_pki_root(made.pki, roots->key[roots->cnt++]);
}

enum ph_err world_judge(const struct world *w, struct ph_verdict *out)
{
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_attest_roots roots;

    world_make(w, &collateral, &quote, &roots);
    return ph_quote_verify_with(&(struct ph_verify_args){.quote = ph_buf_view(&quote),
                                                         .collateral = collateral,
                                                         .roots = &roots,
                                                         .policy = &w->policy,
                                                         .report_data = w->expected,
                                                         .now_s = w->now_s,
                                                         .cache = w->cache,
                                                         .trace = w->trace},
                                out);
}
