/* Real evidence: every set gives the status, advisories and date that Intel's rules give, every
 * mutation is judged as listed, every bad document is refused. Skips without the vectors. */

#include "attest/intel/tcb_docs.h"
#include "attest/intel/verify.h"
#include "attest/x509.h"
#include "base/clock.h"
#include "base/own.h"
#include "base/test_vectors.h"
#include "codec/base64.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

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
        s->file[i] = ph_test_vector_if("intel/%s/%s", name, names[i]);
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
    struct ph_buf pem PH_OWNED(ph_buf_clear) =
        ph_test_vector_if("intel/%s/%s", set, "trusted_root.pem");
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(16384);
    struct ph_reader r = {ph_buf_view(&pem)};
    struct ph_x509 cert;
    if (pem.len == 0)
        return roots;
    CHECK(ph_pem_next(&r, "CERTIFICATE", &der) == PH_OK);
    CHECK(ph_x509_parse(&ph_x509_profile_intel, ph_buf_view(&der), &cert) == PH_OK);
    memcpy(roots.key[roots.cnt++], cert.point.ptr, 64);
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
    struct ph_buf tsv PH_OWNED(ph_buf_clear) = ph_test_vector("intel/SETS.tsv");
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

/* One row of MUTATIONS.tsv: what to do to the evidence. */
struct mutation {
    struct set *s; /* may be edited */
    struct ph_buf *quote;
    struct set *sgx; /* evidence of another kind of platform */
    int64_t at_s;
    struct ph_buf scratch;
};

static void put(struct ph_buf *quote, size_t at, uint8_t byte)
{
    CHECK(at < quote->len);
    quote->ptr[at] = byte;
}

/* s -> n - s: the other signature that verifies. n is the order of P-256 [FIPS 186-4] D.1.2.3. */
static void malleate(uint8_t s[32])
{
    static const uint8_t n[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        const int d = n[i] - s[i] - borrow;
        borrow = d < 0;
        s[i] = (uint8_t)(d + (borrow << 8));
    }
}

/* Write an unknown key into TCB info, after the opening brace of its body. */
static void add_unknown_key(struct mutation *m)
{
    static const char key[] = "\"extra\":1,", open[] = "{\"tcbInfo\":{";
    const struct ph_bytes info = m->s->parts.tcb_info_json;
    const size_t head = sizeof(open) - 1;
    CHECK(info.len > head && memcmp(info.ptr, open, head) == 0);
    CHECK(ph_buf_add(&m->scratch, (struct ph_bytes){info.ptr, head}) == PH_OK);
    CHECK(ph_buf_add_str(&m->scratch, key) == PH_OK);
    CHECK(ph_buf_add(&m->scratch, (struct ph_bytes){info.ptr + head, info.len - head}) == PH_OK);
    m->s->parts.tcb_info_json = ph_buf_view(&m->scratch);
}

/* Yields false for a row this test does not know: it then fails. */
static bool mutate(struct mutation *m, const char *what, const char *where)
{
    const size_t at = strtoul(where, NULL, 10);
    if (strcmp(what, "version=2") == 0)
        put(m->quote, at, 2);
    else if (strncmp(what, "att_key_type=3", 14) == 0)
        put(m->quote, at, 3);
    else if (strncmp(what, "tee_type=0", 10) == 0)
        put(m->quote, at, 0);
    else if (strstr(what, "0xffffffff"))
        memset(m->quote->ptr + at, 0xff, 4);
    else if (strstr(what, "s=0"))
        memset(m->quote->ptr + at, 0, 32);
    else if (strncmp(what, "outer cert type 5", 17) == 0)
        put(m->quote, at, 5);
    else if (strncmp(what, "QE auth size=33", 15) == 0)
        put(m->quote, at, 33);
    else if (strncmp(what, "inner cert type 7", 17) == 0)
        put(m->quote, at, 7);
    else if (strncmp(what, "truncate", 8) == 0 || strncmp(what, "drop zero", 9) == 0)
        m->quote->len = at;
    else if (strstr(what, "malleated"))
        malleate(m->quote->ptr + at);
    else if (strstr(what, "flip"))
        put(m->quote, at, m->quote->ptr[at] ^ 1);
    else if (strncmp(what, "verify time", 11) == 0)
        m->at_s += 2; /* verify_at is the second before nextUpdate */
    else if (strstr(what, "unknown extra key"))
        add_unknown_key(m);
    else if (strncmp(what, "SGX tcbInfo", 11) == 0) {
        m->s->parts.tcb_info_json = m->sgx->parts.tcb_info_json;
        m->s->parts.tcb_info_chain_pem = m->sgx->parts.tcb_info_chain_pem;
    } else if (strncmp(what, "Processor CA CRL", 16) == 0)
        m->s->parts.pck_crl = m->sgx->parts.pck_crl;
    else
        return false;
    return true;
}

static bool check_mutation(char *line)
{
    struct set s, sgx;
    struct ph_verdict v;
    struct ph_collateral *c PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_json_why why;
    const char *base = column(&line), *what = column(&line), *where = column(&line);
    (void)column(&line);
    const bool accept = strncmp(column(&line), "accept", 6) == 0;

    set_load(&s, base);
    set_load(&sgx, "dcapqvl-sgx");
    struct mutation m = {.s = &s,
                         .quote = &s.file[QUOTE],
                         .sgx = &sgx,
                         .at_s = 1752919234, /* 2025-07-19T10:00:34Z */
                         .scratch = PH_BUF(1 << 20)};
    if (strcmp(base, "dcapqvl-tdx4") != 0 || !mutate(&m, what, where))
        fail_msg("unknown row: %s, %s", base, what);
    const struct ph_attest_roots roots = ph_attest_roots_production();
    const struct ph_policy policy = lenient();
    CHECK(ph_collateral_parse(&s.parts, &c, &why) == PH_OK);
    const enum ph_err err =
        ph_quote_verify_report_data_unchecked(ph_buf_view(m.quote), c, &roots, &policy, m.at_s, &v);
    set_clear(&s);
    set_clear(&sgx);
    ph_buf_clear(&m.scratch);
    print_message("# %s: %s\n", what, v.reason);
    return accept ? err == PH_OK && v.accepted : err != PH_OK && !v.accepted;
}

TEST(every_mutation_is_judged_as_listed)
{
    struct ph_buf tsv PH_OWNED(ph_buf_clear) = ph_test_vector("intel/MUTATIONS.tsv");
    CHECK(ph_buf_add(&tsv, (struct ph_bytes){(const uint8_t *)"", 1}) == PH_OK);
    char *text = (char *)tsv.ptr, *line;
    size_t rows = 0, good = 0;
    (void)strsep(&text, "\n");
    while ((line = strsep(&text, "\n"))) {
        if (!*line)
            continue;
        rows++;
        good += check_mutation(line);
    }
    CHECK(rows >= 21);
    CHECK(good == rows);
}

/* Names with Negative, missing or invalid are refused; all others parse. */
static bool check_document(const char *dir, const char *name, bool is_info)
{
    static struct ph_tcb_info info;
    static struct ph_enclave_identity identity;
    struct ph_json_why why = {""};
    char rel[512];
    const bool bad = strstr(name, "Negative") || strstr(name, "missing") || strstr(name, "invalid");

    (void)snprintf(rel, sizeof(rel), "%s/%s", dir, name);
    struct ph_buf text PH_OWNED(ph_buf_clear) = ph_test_vector("%s", rel);
    CHECK(text.len > 0);
    const enum ph_err err = is_info
                                ? ph_tcb_info_parse(ph_buf_view(&text), &info, &why)
                                : ph_enclave_identity_parse(ph_buf_view(&text), &identity, &why);
    print_message("# %s: %s %s\n", rel, ph_err_name(err), err == PH_OK ? "" : why.text);
    return bad ? err != PH_OK : err == PH_OK;
}

TEST(bad_documents_are_refused_and_good_ones_parse)
{
    static const char *const dirs[] = {
        "intel-json-negatives/report/data", "intel-json-negatives/report/data_v2",
        "intel-json-negatives/report/data_v3", "intel-json-negatives/qeidentity/data",
        "intel-json-negatives/qeidentity/data_v2"};
    size_t files = 0, good = 0;

    for (size_t i = 0; i < PH_LEN(dirs); i++) {
        char path[512];
        (void)snprintf(path, sizeof(path), "%s/%s", ph_test_vectors_dir(), dirs[i]);
        DIR *dir = opendir(path);
        if (!dir)
            SKIP_BECAUSE("no vectors: set PHALA_VECTORS");
        for (struct dirent *e; (e = readdir(dir));) {
            if (e->d_name[0] == '.')
                continue;
            files++;
            good += check_document(dirs[i], e->d_name, i < 3);
        }
        (void)closedir(dir);
    }
    CHECK(files >= 30);
    CHECK(good == files);
}

PH_TEST_MAIN(CASE(every_set_gives_the_status_that_intels_rules_give),
             CASE(every_mutation_is_judged_as_listed),
             CASE(bad_documents_are_refused_and_good_ones_parse))
