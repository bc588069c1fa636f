/* Real evidence: every set gives the status, advisories and date that Intel's rules give, every
 * mutation is judged as listed, every bad document is refused. Skips without the vectors. */

#include "attest/tcb_docs.h"
#include "attest/verify.h"
#include "attest/x509.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static const char *vectors_dir(void)
{
    const char *dir = getenv("PHALA_VECTORS");
    return dir && *dir ? dir : "../shared/vectors";
}

static bool have_vectors(void)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/intel/SETS.tsv", vectors_dir());
    FILE *f = fopen(path, "rb");
    if (f)
        (void)fclose(f);
    return f != NULL;
}

/* A whole file under the vectors; empty if there is none. */
static struct ph_buf load(const char *rel)
{
    struct ph_buf buf = PH_BUF(4 * 1024 * 1024);
    char path[512];
    uint8_t *at;
    (void)snprintf(path, sizeof(path), "%s/%s", vectors_dir(), rel);
    FILE *f = fopen(path, "rb");
    if (!f)
        return buf;
    for (size_t n = 1; n > 0;) {
        CHECK(ph_buf_reserve(&buf, 4096, &at) == PH_OK);
        n = fread(at, 1, 4096, f);
        buf.len += n;
    }
    (void)fclose(f);
    return buf;
}

static struct ph_buf load_of(const char *set, const char *name)
{
    char rel[256];
    (void)snprintf(rel, sizeof(rel), "intel/%s/%s", set, name);
    return load(rel);
}

struct set {
    struct ph_buf file[8];
    struct ph_collateral_parts parts;
};
static const char *const names[] = {
    "quote.bin",          "pck_chain.pem",           "tcb_info.signed.json",
    "tcb_info_chain.pem", "qe_identity.signed.json", "qe_identity_chain.pem",
    "pck_crl.der",        "root_ca_crl.der"};
enum { QUOTE, PCK, INFO, INFO_CHAIN, QE, QE_CHAIN, PCK_CRL, ROOT_CRL };

static void set_load(struct set *s, const char *name)
{
    for (size_t i = 0; i < PH_LEN(names); i++)
        s->file[i] = load_of(name, names[i]);
    s->parts = (struct ph_collateral_parts){
        .pck_chain_pem = ph_buf_view(&s->file[PCK]),
        .tcb_info_json = ph_buf_view(&s->file[INFO]),
        .tcb_info_chain_pem = ph_buf_view(&s->file[INFO_CHAIN]),
        .qe_identity_json = ph_buf_view(&s->file[QE]),
        .qe_identity_chain_pem = ph_buf_view(&s->file[QE_CHAIN]),
        .pck_crl = ph_buf_view(&s->file[PCK_CRL]),
        .root_ca_crl = ph_buf_view(&s->file[ROOT_CRL]),
    };
}

static void set_clear(struct set *s)
{
    for (size_t i = 0; i < PH_LEN(names); i++)
        ph_buf_clear(&s->file[i]);
}

/* Cut the next tab-separated column off. */
static char *column(char **line)
{
    return strsep(line, "\t");
}

/* Intel's root; for Intel's own sample, the test root that comes with it. */
static struct ph_attest_roots roots_of(const char *set)
{
    struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_buf pem PH_OWNED(ph_buf_clear) = load_of(set, "trusted_root.pem");
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(16384);
    struct ph_reader r = {ph_buf_view(&pem)};
    struct ph_x509 cert;
    if (pem.len == 0)
        return roots;
    CHECK(ph_pem_next(&r, "CERTIFICATE", &der) == PH_OK);
    CHECK(ph_x509_parse(ph_buf_view(&der), &cert) == PH_OK);
    memcpy(roots.key[roots.cnt++], cert.key, 64);
    return roots;
}

/* Accept every level a policy can accept, so that only evidence refuses. */
static struct ph_policy lenient(void)
{
    struct ph_policy p = *ph_policy_builtin_hardware();
    p.statuses = UINT32_MAX;
    p.allow_debug_insecure = true;
    p.allow_migratable = true;
    p.allow_sept_ve = true;
    p.allow_service_td = true;
    return p;
}

static void join(const struct ph_verdict *v, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < v->advisory_cnt; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? "," : "", v->advisories[i]);
    if (len == 0)
        (void)snprintf(out, cap, "-");
}

static bool check_set(char *line)
{
    struct set s;
    struct ph_verdict v;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_json_why why;
    char *col[16], advisories[1024], date[21];
    int64_t at_s;

    for (size_t i = 0; i < PH_LEN(col); i++)
        col[i] = column(&line);
    const char *set = col[0], *status = col[8], *want_advisories = col[9], *want_date = col[10];
    const bool complete = strcmp(col[14], "yes") == 0 && strcmp(col[15], "yes") == 0;
    CHECK(ph_time_parse_rfc3339(ph_bytes_str(col[6]), &at_s) == PH_OK);

    set_load(&s, set);
    if (ph_collateral_parse(&s.parts, &c, &why) != PH_OK)
        fail_msg("%s: %s", set, why.text);
    const struct ph_attest_roots roots = roots_of(set);
    const struct ph_policy policy = lenient();
    const enum ph_err err = ph_quote_verify_report_data_unchecked(ph_buf_view(&s.file[QUOTE]), c,
                                                                  &roots, &policy, at_s, &v);
    set_clear(&s);

    join(&v, advisories, sizeof(advisories));
    ph_time_format_rfc3339(v.tcb_date_s, date);
    date[10] = '\0';
    print_message("# %s: %s %s %s %s | %s: %s\n", set, ph_err_name(err),
                  ph_tcb_status_name(v.status), advisories, date, v.reason, v.sentence);
    bool good = strcmp(ph_tcb_status_name(v.status), status) == 0 &&
                strcmp(advisories, want_advisories) == 0 && strcmp(date, want_date) == 0;
    good = good && v.accepted == (err == PH_OK);
    good = good && v.accepted == (complete && strcmp(status, "NoMatchingLevel") != 0);
    if (!complete)
        good = good && (v.step == PH_STEP_CRL || v.step == PH_STEP_QE_IDENTITY);
    return good;
}

TEST(every_set_gives_the_status_that_intels_rules_give)
{
    if (!have_vectors())
        SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
    struct ph_buf tsv PH_OWNED(ph_buf_clear) = load("intel/SETS.tsv");
    CHECK(ph_buf_add(&tsv, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK);
    char *text = (char *)tsv.ptr, *line;
    size_t sets = 0, good = 0;
    (void)strsep(&text, "\n");
    while ((line = strsep(&text, "\n"))) {
        if (!*line)
            continue;
        sets++;
        good += check_set(line);
    }
    CHECK(sets >= 15);
    CHECK(good == sets);
}

PH_TEST_MAIN(CASE(every_set_gives_the_status_that_intels_rules_give))
