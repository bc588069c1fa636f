/* A worker's own quote goes with the collateral that its operator keeps, and is judged by it: here
 * the test PKI plays the hardware. */

#include "node/collateral_dir.h"

#include "attest/evidence.h"
#include "attest/synth/synth_world.h"
#include "base/own.h"
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DAY = 86400 };

static struct world w;
static struct ph_synth_pki *pki;
static struct ph_buf quote;
static struct ph_attest_roots roots;
static char dir[64], folder[128];
static struct ph_json_why why;
static struct ph_verdict verdict;

static void keep(const char *name, struct ph_bytes bytes)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(bytes.ptr, 1, bytes.len, f) == bytes.len && fclose(f) == 0);
}

static void setup(void)
{
    struct ph_collateral_key key;
    char name[PH_COLLATERAL_NAME_LEN];

    world_init(&w);
    quote = PH_BUF(PH_QUOTE_MAX);
    CHECK(ph_synth_pki_new(&w.s, &pki) == PH_OK);
    CHECK(ph_synth_tdx_quote(&w.s, pki, &w.td, NULL, &quote) == PH_OK);
    roots = (struct ph_attest_roots){.cnt = 1};
    ph_synth_pki_root(pki, roots.key[0]);
    (void)snprintf(dir, sizeof(dir), "/tmp/collateral-XXXXXX");
    CHECK(mkdtemp(dir));
    CHECK(ph_collateral_key_of(ph_buf_view(&quote), &key) == PH_OK);
    ph_collateral_key_name(&key, name);
    (void)snprintf(folder, sizeof(folder), "%s/%s", dir, name);
    CHECK(mkdir(folder, 0700) == 0);
    const struct ph_collateral_parts p = ph_synth_pki_parts(pki);
    keep("tcb_info.signed.json", p.tcb_info_json);
    keep("tcb_info_chain.pem", p.tcb_info_chain_pem);
    keep("qe_identity.signed.json", p.qe_identity_json);
    keep("qe_identity_chain.pem", p.qe_identity_chain_pem);
    keep("pck_crl.der", p.pck_crl);
    keep("root_ca_crl.der", p.root_ca_crl);
}

static void teardown(void)
{
    ph_synth_pki_free(pki);
    ph_buf_clear(&quote);
}

static enum ph_err judge(struct ph_bytes bundle, int64_t now_s)
{
    struct ph_evidence_bundle *parsed PH_OWNED(ph_evidence_freep) = NULL;

    CHECK(ph_evidence_parse(bundle, &parsed, &why) == PH_OK);
    const struct ph_evidence_args args = {.evidence = ph_evidence_view(parsed),
                                          .roots = &roots,
                                          .policy = &w.policy,
                                          .report_data = w.expected,
                                          .now_s = now_s};
    return ph_evidence_verify(&args, &verdict);
}

TEST(a_quote_goes_with_what_is_kept_for_it_and_is_judged_by_its_dates)
{
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);

    setup();
    CHECK(ph_collateral_dir_bundle(dir, ph_buf_view(&quote), WORLD_NOW, &bundle, &why) == PH_OK);
    CHECK(judge(ph_buf_view(&bundle), WORLD_NOW) == PH_OK && verdict.accepted);
    CHECK(judge(ph_buf_view(&bundle), w.s.next_update_s + DAY) == PH_ERR_UNTRUSTED);
    CHECK(strstr(verdict.reason, "expired") || strstr(verdict.reason, "stale"));
    CHECK(judge(ph_buf_view(&bundle), w.s.issue_s - DAY) == PH_ERR_UNTRUSTED);
    teardown();
}

/* As between two TDX machines of which the one has no --collateral. */
TEST(a_quote_alone_is_refused_for_what_is_missing)
{
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);

    setup();
    const struct ph_evidence alone = {.quote = ph_buf_view(&quote), .time_s = WORLD_NOW};
    CHECK(ph_evidence_encode(&alone, &bundle) == PH_OK);
    CHECK(judge(ph_buf_view(&bundle), WORLD_NOW) == PH_ERR_UNTRUSTED);
    CHECK(strcmp(verdict.reason, "tcb-info-absent") == 0);
    teardown();
}

TEST(what_is_not_kept_is_named_and_nothing_is_written)
{
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    char path[256];

    setup();
    CHECK(ph_collateral_dir_bundle(NULL, ph_buf_view(&quote), 0, &bundle, &why) ==
          PH_ERR_NOT_FOUND);
    CHECK(ph_collateral_dir_bundle("/nowhere", ph_buf_view(&quote), 0, &bundle, &why) ==
          PH_ERR_NOT_FOUND);
    CHECK(strstr(why.text, "tcb_info.signed.json is not kept here"));
    (void)snprintf(path, sizeof(path), "%s/pck_crl.der", folder);
    CHECK(unlink(path) == 0);
    CHECK(ph_collateral_dir_bundle(dir, ph_buf_view(&quote), 0, &bundle, &why) == PH_ERR_NOT_FOUND);
    CHECK(strstr(why.text, "pck_crl.der"));
    CHECK(ph_collateral_dir_bundle(dir, PH_BYTES_LIT("no quote"), 0, &bundle, &why) != PH_OK);
    CHECK(bundle.len == 0);
    teardown();
}

PH_TEST_MAIN(CASE(a_quote_goes_with_what_is_kept_for_it_and_is_judged_by_its_dates),
             CASE(a_quote_alone_is_refused_for_what_is_missing),
             CASE(what_is_not_kept_is_named_and_nothing_is_written))
