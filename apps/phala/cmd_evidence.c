#include "cmd_evidence.h"

#include "attest/policy.h"
#include "attest/verdict_json.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "evidence_files.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_ACCEPTED = 0, EXIT_REJECTED = 1, EXIT_BAD_INPUT = 2 };

static const char usage[] =
    "Usage: phala evidence show FILE [--json]\n"
    "       phala evidence verify FILE --at TIME [--collateral DIR|BUNDLE] [--policy FILE]\n"
    "                             [--report-data HEX] [--json]\n"
    "       phala evidence explain FILE --at TIME [the same options]\n"
    "\n"
    "Judges attestation evidence on this machine, with no network. FILE is an Intel quote (TDX "
    "v4,\n"
    "v5; SGX v3, v4, v5) or an evidence bundle (phala-evidence-v1).\n"
    "\n"
    "  --at TIME            the moment to judge at: 2025-06-19T10:32:27Z, `now`, or `bundle` for\n"
    "                       the time in the bundle, which is a claim of whoever made it\n"
    "  --collateral PATH    folder with tcb_info.signed.json, tcb_info_chain.pem,\n"
    "                       qe_identity.signed.json, qe_identity_chain.pem, pck_crl.der,\n"
    "                       root_ca_crl.der (pck_chain.pem); or another bundle\n"
    "  --policy FILE        JSON policy; without it: UpToDate production hardware, no debug, no\n"
    "                       migration, any measurement\n"
    "  --report-data HEX    the 64 bytes the TEE must have signed; without it any pass\n"
    "  --json               one JSON object on standard output\n"
    "\n"
    "Exit status: 0 accepted, 1 rejected, 2 malformed input or usage.\n";

struct options {
    const char *file, *at, *collateral, *policy, *report_data;
    bool json, help;
};

static int fail_usage(const char *what)
{
    (void)fprintf(stderr, "phala evidence: %s\nTry `phala evidence --help`.\n", what);
    return EXIT_BAD_INPUT;
}

/* The error as one line on standard error, or as the JSON every command answers with. */
static int fail_input(const struct options *o, const char *reason, const char *what)
{
    (void)fprintf(stderr, "phala evidence: %s\n", what);
    if (o->json) {
        json_t *doc PH_OWNED(ph_json_freep) =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:n, s:n, s:n}", "verdict", "rejected",
                      "status", ph_tcb_status_name(PH_TCB_UNKNOWN), "step", "input", "reason",
                      reason, "sentence", what, "advisories", "tcb_date", "valid_until", "claims");
        if (doc && json_dumpf(doc, stdout, JSON_INDENT(2)) == 0)
            (void)putchar('\n');
    }
    return EXIT_BAD_INPUT;
}

static int print_json(const json_t *doc)
{
    if (json_dumpf(doc, stdout, JSON_INDENT(2)) != 0)
        return EXIT_BAD_INPUT;
    (void)putchar('\n');
    return EXIT_ACCEPTED;
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {"at", required_argument, NULL, 'a'},
                                          {"collateral", required_argument, NULL, 'c'},
                                          {"policy", required_argument, NULL, 'p'},
                                          {"report-data", required_argument, NULL, 'r'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int opt;

    optind = 0; /* start over: the caller may have parsed options of its own */
    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case 'j':
            o->json = true;
            break;
        case 'a':
            o->at = optarg;
            break;
        case 'c':
            o->collateral = optarg;
            break;
        case 'p':
            o->policy = optarg;
            break;
        case 'r':
            o->report_data = optarg;
            break;
        case 'h':
            o->help = true;
            return true;
        default:
            return false;
        }
    }
    if (argc - optind == 1)
        o->file = argv[optind];
    return argc - optind <= 1;
}

static void print_quote(const json_t *doc)
{
    const json_t *fields = json_object_get(doc, "fields");
    const json_t *pck = json_object_get(doc, "pck");
    const char *key;
    json_t *value;

    (void)printf("%s, version %lld, %s\n", json_string_value(json_object_get(doc, "kind")),
                 (long long)json_integer_value(json_object_get(doc, "version")),
                 json_string_value(json_object_get(doc, "body")));
    (void)printf(
        "These are claims of whoever made the file: `phala evidence verify` judges them.\n");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *f = json_array_get(fields, i);
        const long long at = (long long)json_integer_value(json_object_get(f, "offset"));
        const long long len = (long long)json_integer_value(json_object_get(f, "length"));
        (void)printf("%6lld %5lld  %-10s %-20s %s\n                          %s\n", at, len,
                     json_string_value(json_object_get(f, "part")),
                     json_string_value(json_object_get(f, "name")),
                     json_string_value(json_object_get(f, "meaning")),
                     json_string_value(json_object_get(f, "value")));
    }
    if (json_is_object(pck)) {
        (void)printf("PCK certificate:\n");
        json_object_foreach((json_t *)(uintptr_t)pck, key, value)
        {
            if (json_is_string(value))
                (void)printf("    %-18s %s\n", key, json_string_value(value));
            else if (json_is_integer(value))
                (void)printf("    %-18s %lld\n", key, (long long)json_integer_value(value));
        }
    }
    (void)printf("%lld bytes follow the quote.\n",
                 (long long)json_integer_value(json_object_get(doc, "trailing_bytes")));
}

static int show(const struct options *o)
{
    struct ph_evidence_files files PH_OWNED(ph_evidence_files_clear) = {0};
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why;
    enum ph_check check;

    if (ph_evidence_files_load(&files, o->file, NULL, &why) != PH_OK)
        return fail_input(o, "input", why.text);
    if (ph_quote_json(files.evidence.quote, &doc, &check) != PH_OK) {
        (void)snprintf(why.text, sizeof(why.text),
                       "%.120s: no Intel quote: %s does not hold that %s", o->file, "it",
                       ph_check_holds(check));
        return fail_input(o, ph_check_reason(check), why.text);
    }
    if (o->json)
        return print_json(doc);
    print_quote(doc);
    return EXIT_ACCEPTED;
}

static enum ph_err read_time(const struct options *o, const struct ph_evidence_files *files,
                             int64_t *out_s, struct ph_json_why *why)
{
    if (strcmp(o->at, "now") == 0) {
        *out_s = ph_clock_wall_ms() / 1000;
        return PH_OK;
    }
    if (strcmp(o->at, "bundle") == 0 && files->is_bundle) {
        *out_s = files->evidence.time_s;
        return PH_OK;
    }
    (void)snprintf(
        why->text, sizeof(why->text),
        "--at: expected a time like 2025-06-19T10:32:27Z, now, or bundle (with a bundle)");
    return ph_time_parse_rfc3339(ph_bytes_str(o->at), out_s);
}

static enum ph_err read_policy(const struct options *o, struct ph_policy *out,
                               struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(0);

    if (!o->policy) {
        *out = *ph_policy_builtin_hardware();
        return PH_OK;
    }
    PH_TRY(ph_evidence_file_read(o->policy, PH_POLICY_JSON_MAX, &text, why));
    return ph_policy_parse(ph_buf_view(&text), out, why);
}

static void print_bytes(const json_t *bytes)
{
    if (!json_is_object(bytes))
        return;
    const json_t *offset = json_object_get(bytes, "offset");
    const long long len = (long long)json_integer_value(json_object_get(bytes, "length"));
    const char *head = json_string_value(json_object_get(bytes, "head"));
    if (offset)
        (void)printf("       quote[%lld..%lld]", (long long)json_integer_value(offset),
                     (long long)json_integer_value(offset) + len);
    else
        (void)printf("       collateral, %lld bytes", len);
    (void)printf(" %s%s\n", head, len > 32 ? "…" : "");
}

static void print_trace(const json_t *trace)
{
    const char *step = "";
    for (size_t i = 0; i < json_array_size(trace); i++) {
        const json_t *c = json_array_get(trace, i);
        const char *s = json_string_value(json_object_get(c, "step"));
        if (strcmp(s, step) != 0)
            (void)printf("%s\n", s);
        step = s;
        (void)printf("  %s %s (%s)\n", json_string_value(json_object_get(c, "result")),
                     json_string_value(json_object_get(c, "holds")),
                     json_string_value(json_object_get(c, "check")));
        print_bytes(json_object_get(c, "bytes"));
    }
}

static void print_verdict(const struct ph_verdict *v)
{
    char time[21];

    (void)printf("%s%s\n", v->accepted ? "ACCEPTED" : "REJECTED",
                 v->insecure_simulator ? " INSECURE-SIMULATOR" : "");
    (void)printf("%s\n", v->sentence);
    (void)printf("status       %s\n", ph_tcb_status_name(v->status));
    if (!v->accepted)
        (void)printf("step         %s\nreason       %s\n", ph_step_name(v->step), v->reason);
    for (size_t i = 0; i < v->advisory_cnt; i++)
        (void)printf("advisory     %s\n", v->advisories[i]);
    if (v->tcb_date_s != 0) {
        ph_time_format_rfc3339(v->tcb_date_s, time);
        (void)printf("tcb date     %.10s\n", time);
    }
    if (v->valid_until_s != 0) {
        ph_time_format_rfc3339(v->valid_until_s, time);
        (void)printf("valid until  %s\n", time);
    }
    if (!v->measurements_demanded)
        (void)printf("No measurement was demanded: any code on this kind of machine passes.\n");
    if (v->accepted && !v->claims.report_data_checked)
        (void)printf("Report data was not checked: a replayed quote passes.\n");
}

/* The JSON of a verdict, with the checks for `explain`. */
static int print_result(const struct options *o, const struct ph_verdict *v,
                        const struct ph_trace *trace, struct ph_bytes quote)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    json_t *checks PH_OWNED(ph_json_freep) = NULL;

    if (ph_verdict_json(v, &doc) != PH_OK ||
        (trace && ph_trace_json(trace, quote, &checks) != PH_OK))
        return fail_input(o, "memory", "out of memory");
    if (o->json) {
        if (checks && json_object_set(doc, "checks", checks) != 0)
            return fail_input(o, "memory", "out of memory");
        return print_json(doc);
    }
    if (checks)
        print_trace(checks);
    print_verdict(v);
    return EXIT_ACCEPTED;
}

static int exit_of(enum ph_err err)
{
    if (err == PH_OK)
        return EXIT_ACCEPTED;
    return err == PH_ERR_UNTRUSTED ? EXIT_REJECTED : EXIT_BAD_INPUT;
}

static int judge(const struct options *o, bool explain)
{
    struct ph_evidence_files files PH_OWNED(ph_evidence_files_clear) = {0};
    struct ph_collateral *collateral PH_OWNED(ph_collateral_freep) = NULL;
    struct ph_policy *policy PH_OWNED(ph_freep) = calloc(1, sizeof(*policy));
    struct ph_trace *trace PH_OWNED(ph_freep) = calloc(1, sizeof(*trace));
    uint8_t report_data[PH_REPORT_DATA_LEN];
    const struct ph_attest_roots roots = ph_attest_roots_production();
    struct ph_json_why why = {"out of memory"};
    struct ph_verdict v;
    int64_t now_s;

    if (!o->at)
        return fail_usage("--at is missing: say at which moment to judge");
    if (!policy || !trace)
        return fail_input(o, "memory", why.text);
    if (ph_evidence_files_load(&files, o->file, o->collateral, &why) != PH_OK)
        return fail_input(o, "input", why.text);
    if (read_time(o, &files, &now_s, &why) != PH_OK)
        return fail_input(o, "time", why.text);
    if (read_policy(o, policy, &why) != PH_OK)
        return fail_input(o, "policy-malformed", why.text);
    if (o->report_data &&
        ph_hex_decode(ph_bytes_str(o->report_data), report_data, sizeof(report_data)) != PH_OK)
        return fail_input(o, "report-data", "--report-data: expected 64 bytes in hexadecimal");
    if (ph_collateral_parse(&files.evidence.collateral, &collateral, &why) != PH_OK)
        return fail_input(o, "collateral-malformed", why.text);

    const struct ph_verify_args args = {
        .quote = files.evidence.quote,
        .collateral = collateral,
        .roots = &roots,
        .policy = policy,
        .report_data = o->report_data ? report_data : NULL,
        .report_data_unchecked = !o->report_data,
        .now_s = now_s,
        .trace = explain ? trace : NULL,
    };
    const int exit_code = exit_of(ph_quote_verify_with(&args, &v));
    const int printed = print_result(o, &v, args.trace, files.evidence.quote);
    return printed == EXIT_ACCEPTED ? exit_code : printed;
}

int ph_cmd_evidence(int argc, char **argv)
{
    struct options o = {0};

    if (argc < 2)
        return fail_usage("say show, verify or explain");
    const char *verb = argv[1];
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0) {
        (void)fputs(usage, stdout);
        return EXIT_ACCEPTED;
    }
    if (!parse_options(argc - 1, argv + 1, &o))
        return fail_usage("unknown option, or more than one FILE");
    if (o.help) {
        (void)fputs(usage, stdout);
        return EXIT_ACCEPTED;
    }
    if (!o.file)
        return fail_usage("FILE is missing");
    if (strcmp(verb, "show") == 0)
        return show(&o);
    if (strcmp(verb, "verify") == 0)
        return judge(&o, false);
    if (strcmp(verb, "explain") == 0)
        return judge(&o, true);
    return fail_usage("say show, verify or explain");
}
