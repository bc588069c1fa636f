/* phala evidence */

#include "cmd_evidence.h"
#include "cli.h"

#include "attest/evidence.h"
#include "attest/policy.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "evidence_files.h"
#include "evidence_json.h"
#include "evidence_print.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXIT_ACCEPTED = 0, EXIT_REJECTED = 1, EXIT_BAD_INPUT = 2 };

static const char details[] =
    "Judges attestation evidence on this machine, with no network. FILE is an Intel quote (TDX,\n"
    "SGX), an AMD SEV-SNP report, Azure's paravisor report, an AWS Nitro document, NVIDIA's JSON "
    "or\n"
    "one raw GPU or switch report, a dstack guest's GetQuote answer or attestation, or an "
    "evidence\n"
    "bundle (phala-evidence-v1), or a certificate for RA-TLS, DER or PEM. Binary files may be hex\n"
    "digits or base64. Of a certificate, dates and signature are judged, and that the evidence in\n"
    "it is for its key: who sends it proves that key in the TLS handshake.\n"
    "\n"
    "  show     every field with its meaning; nothing is judged\n"
    "  verify   judge it at the moment --at\n"
    "  explain  the same, with each check: PASS, FAIL or SKIP, and the bytes it looked at\n"
    "  bundle   write FILE with all that it is judged by as one bundle (--write-bundle)\n"
    "\n"
    "TIME is 2025-06-19T10:32:27Z, `now`, or `bundle` for the time in the bundle, which is a "
    "claim\n"
    "of whoever made it. A folder of collateral holds tcb_info.signed.json, tcb_info_chain.pem,\n"
    "qe_identity.signed.json, qe_identity_chain.pem, pck_crl.der, root_ca_crl.der "
    "(pck_chain.pem);\n"
    "or it is a cache of `phala collateral fetch`. Without --policy: up-to-date production "
    "hardware,\n"
    "no debug, no migration, any measurement.";

static const struct ph_opt evidence_opts[] = {
    {"at", 0, "TIME", "the moment to judge at"},
    {"collateral", 0, "DIR", "folder, cache or bundle with what Intel, AMD or NVIDIA publish"},
    {"policy", 0, "FILE", "JSON policy"},
    {"report-data", 0, "HEX", "64 bytes that the TEE must have signed; without it any pass"},
    {"nonce", 0, "HEX", "32 bytes that the GPUs must have signed"},
    {"event-log", 0, "FILE", "CCEL or dstack's JSON log, which must replay to the registers"},
    {"cert", 0, "FILE", "SEV-SNP: VCEK or VLEK; raw GPU report: its certificate chain"},
    {"chain", 0, "FILE", "SEV-SNP: ASK or ASVK, then ARK; without it AMD's own, built in"},
    {"crl", 0, "FILE", "SEV-SNP: revocation list of the ARK"},
    {"rim", 0, "DIR", "NVIDIA: reference manifests"},
    {"ocsp", 0, "DIR", "NVIDIA: OCSP responses"},
    {"write-bundle", 0, "FILE", "write evidence, collateral and time as one portable bundle"},
    {0},
};
static const struct ph_opt *const tables[] = {evidence_opts, ph_opts_common, NULL};

struct options {
    const struct ph_opts *given;
    const char *verb;
    struct ph_evidence_sources from;
    bool json;
};

/* The error as one line on standard error, and with --json as what every verdict looks like. */
static int fail_input(bool json, const char *reason, const char *what)
{
    (void)fprintf(stderr, "phala evidence: %s\n", what);
    if (json) {
        json_t *doc PH_OWNED(ph_json_freep) =
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:n, s:n, s:n}", "verdict", "rejected",
                      "status", ph_tcb_status_name(PH_TCB_UNKNOWN), "step", "input", "reason",
                      reason, "sentence", what, "advisories", "tcb_date", "valid_until", "claims");
        if (doc && json_dumpf(doc, stdout, JSON_INDENT(2)) == 0)
            (void)putchar('\n');
    }
    return EXIT_BAD_INPUT;
}

static int fail_usage(bool json, const char *what)
{
    const int code = fail_input(json, "usage", what);
    (void)fprintf(stderr, "Try `phala evidence --help`.\n");
    return code;
}

static int print_json(const json_t *doc)
{
    if (json_dumpf(doc, stdout, JSON_INDENT(2)) != 0)
        return EXIT_BAD_INPUT;
    (void)putchar('\n');
    return EXIT_ACCEPTED;
}

static int show(const struct options *o)
{
    struct ph_evidence_files files PH_OWNED(ph_evidence_files_clear) = {0};
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why = {"out of memory"};

    if (ph_evidence_files_load(&files, &o->from, &why) != PH_OK)
        return fail_input(o->json, "input", why.text);
    const enum ph_err err = files.ratls ? ph_ratls_doc(files.ratls, &doc, &why)
                                        : ph_evidence_doc(&files.evidence, &doc, &why);
    if (err != PH_OK)
        return fail_input(o->json, "evidence-malformed", why.text);
    if (o->json)
        return print_json(doc);
    ph_print_shown(doc);
    return EXIT_ACCEPTED;
}

static enum ph_err read_time(const struct options *o, const struct ph_evidence_files *files,
                             int64_t *out_s, struct ph_json_why *why)
{
    const char *at = ph_opts_get(o->given, "at");

    if (strcmp(at, "now") == 0) {
        *out_s = ph_clock_wall_ms() / 1000;
        return PH_OK;
    }
    if (strcmp(at, "bundle") == 0 && files->is_bundle) {
        *out_s = files->evidence.time_s;
        return PH_OK;
    }
    (void)snprintf(
        why->text, sizeof(why->text),
        "--at: expected a time like 2025-06-19T10:32:27Z, now, or bundle (with a bundle)");
    return ph_time_parse_rfc3339(ph_bytes_str(at), out_s);
}

static enum ph_err read_policy(const char *path, struct ph_policy *out, struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(0);

    if (!path) {
        *out = *ph_policy_builtin_hardware();
        return PH_OK;
    }
    PH_TRY(ph_evidence_file_read(path, PH_POLICY_JSON_MAX, &text, why));
    return ph_policy_parse(ph_buf_view(&text), out, why);
}

/* Everything of one judgement; on the heap, for it is large. */
struct judgement {
    struct ph_policy policy;
    struct ph_trace trace, gpu_trace;
    struct ph_verdict verdict;
    uint8_t report_data[PH_REPORT_DATA_LEN], nonce[32];
    struct ph_attest_roots roots;
    struct ph_evidence_args args;
};

/* What the options expect of the evidence. 0, or the exit status of a refusal that was told. */
static int read_expected(const struct options *o, bool certificate, struct judgement *j)
{
    const char *data = ph_opts_get(o->given, "report-data"),
               *nonce = ph_opts_get(o->given, "nonce");

    if (data && ph_hex_decode(ph_bytes_str(data), j->report_data, sizeof(j->report_data)) != PH_OK)
        return fail_input(o->json, "report-data",
                          "--report-data: expected 64 bytes in hexadecimal");
    if (nonce && ph_hex_decode(ph_bytes_str(nonce), j->nonce, sizeof(j->nonce)) != PH_OK)
        return fail_input(o->json, "nonce", "--nonce: expected 32 bytes in hexadecimal");
    if (nonce && j->args.evidence->nvidia.evidence.len == 0)
        return fail_input(o->json, "nonce", "--nonce: goes with GPUs only");
    if (data && j->args.evidence->quote.len == 0)
        return fail_input(o->json, "report-data",
                          "--report-data: GPUs alone sign a nonce: give --nonce");
    if (data && certificate)
        return fail_input(o->json, "report-data",
                          "--report-data: a certificate's evidence is over the certificate's key");
    j->args.report_data = data ? j->report_data : NULL;
    j->args.report_data_unchecked = !data;
    j->args.nonce = nonce ? j->nonce : NULL;
    return EXIT_ACCEPTED;
}

/* The checks into the JSON; or printed. */
static enum ph_err tell_trace(const struct options *o, const struct ph_trace *trace,
                              struct ph_bytes quote, const char *name, const char *key, json_t *doc)
{
    json_t *checks PH_OWNED(ph_json_freep) = NULL;

    PH_TRY(ph_trace_doc(trace, quote, &checks));
    if (!o->json)
        ph_print_trace(checks, name);
    return json_object_set(doc, key, checks) == 0 ? PH_OK : PH_ERR_NOMEM;
}

static enum ph_err tell(const struct options *o, const struct judgement *j, json_t *doc)
{
    const struct ph_evidence *e = j->args.evidence;
    const bool quote = e->quote.len > 0;
    char at[21];

    ph_time_format_rfc3339(j->args.now_s, at);
    if (json_object_set_new(doc, "judged_at", json_string(at)) != 0)
        return PH_ERR_NOMEM;
    if (j->args.trace)
        PH_TRY(tell_trace(o, j->args.trace, quote ? e->quote : e->nvidia.evidence,
                          quote ? "quote" : "evidence", "checks", doc));
    if (j->args.gpu_trace)
        PH_TRY(tell_trace(o, j->args.gpu_trace, e->nvidia.evidence, "evidence", "gpu_checks", doc));
    return PH_OK;
}

static int print_result(const struct options *o, const struct judgement *j)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;

    if (ph_verdict_doc(&j->verdict, &doc) != PH_OK || tell(o, j, doc) != PH_OK)
        return fail_input(o->json, "memory", "out of memory");
    if (o->json)
        return print_json(doc);
    ph_print_verdict(&j->verdict);
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
    struct judgement *j PH_OWNED(ph_freep) = calloc(1, sizeof(*j));
    const char *bundle = ph_opts_get(o->given, "write-bundle");
    struct ph_json_why why = {"out of memory"};

    if (!ph_opts_has(o->given, "at"))
        return fail_usage(o->json, "--at is missing: say at which moment to judge");
    if (!j)
        return fail_input(o->json, "memory", why.text);
    if (ph_evidence_files_load(&files, &o->from, &why) != PH_OK)
        return fail_input(o->json, "input", why.text);
    if (read_time(o, &files, &j->args.now_s, &why) != PH_OK)
        return fail_input(o->json, "time", why.text);
    if (read_policy(ph_opts_get(o->given, "policy"), &j->policy, &why) != PH_OK)
        return fail_input(o->json, "policy-malformed", why.text);

    if (files.has_no_log && !o->from.event_log)
        (void)fprintf(stderr, "phala evidence: the document has no event log of all registers: "
                              "RTMR0 to RTMR3 count as the quote has them, and nothing is known of "
                              "the app. Give a whole log with --event-log\n");
    if (files.evidence.event_log_rtmr3_alone)
        (void)fprintf(stderr,
                      "phala evidence: the document's event log shows RTMR3 alone: RTMR0 to "
                      "RTMR2 count as the quote has them\n");
    const bool both = files.evidence.quote.len > 0 && files.evidence.nvidia.evidence.len > 0;
    j->roots = ph_attest_roots_production();
    j->args.evidence = &files.evidence;
    j->args.roots = &j->roots;
    j->args.policy = &j->policy;
    j->args.trace = explain ? &j->trace : NULL;
    j->args.gpu_trace = explain && both ? &j->gpu_trace : NULL;
    const int expected = read_expected(o, files.ratls != NULL, j);
    if (expected != EXIT_ACCEPTED)
        return expected;
    const int exit_code = exit_of(files.ratls ? ph_ratls_verify(files.ratls, &j->args, &j->verdict)
                                              : ph_evidence_verify(&j->args, &j->verdict));
    if (bundle && ph_evidence_write_bundle(&files.evidence, j->args.now_s, bundle, &why) != PH_OK)
        return fail_input(o->json, "bundle", why.text);
    const int printed = print_result(o, j);
    return printed == EXIT_ACCEPTED ? exit_code : printed;
}

/* A bundle is no verdict: what is put together is judged later. */
static int make_bundle(const struct options *o)
{
    struct ph_evidence_files files PH_OWNED(ph_evidence_files_clear) = {0};
    const char *path = ph_opts_get(o->given, "write-bundle");
    struct ph_json_why why = {"out of memory"};
    int64_t at_s;

    if (!path)
        return fail_usage(o->json, "--write-bundle is missing: say where the bundle goes");
    if (!ph_opts_has(o->given, "at"))
        return fail_usage(o->json, "--at is missing: say when the evidence was collected");
    if (ph_evidence_files_load(&files, &o->from, &why) != PH_OK)
        return fail_input(o->json, "input", why.text);
    if (read_time(o, &files, &at_s, &why) != PH_OK)
        return fail_input(o->json, "time", why.text);
    if (ph_evidence_write_bundle(&files.evidence, at_s, path, &why) != PH_OK)
        return fail_input(o->json, "bundle", why.text);
    if (o->json)
        return ph_print_json(json_pack("{s:b,s:s}", "ok", 1, "bundle", path));
    (void)printf("%s holds the evidence, and what it is judged by\n", path);
    return EXIT_ACCEPTED;
}

static int run_verb(const struct options *o)
{
    if (strcmp(o->verb, "show") == 0)
        return show(o);
    if (strcmp(o->verb, "verify") == 0)
        return judge(o, false);
    if (strcmp(o->verb, "explain") == 0)
        return judge(o, true);
    if (strcmp(o->verb, "bundle") == 0)
        return make_bundle(o);
    return fail_usage(o->json, "say show, verify, explain or bundle");
}

static bool asks_json(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}

int ph_cmd_evidence_run(int argc, char **argv)
{
    struct ph_opts opts;
    char why[256];
    const bool json = asks_json(argc, argv);

    if (ph_opts_parse(tables, argc, argv, &opts, why) != PH_OK)
        return fail_usage(json, why);
    if (ph_opts_has(&opts, "help")) {
        ph_cmd_help(&ph_cmd_evidence);
        return EXIT_ACCEPTED;
    }
    if (opts.operand_cnt == 0)
        return fail_usage(json, "say show, verify, explain or bundle");
    if (opts.operand_cnt != 2)
        return fail_usage(json, opts.operand_cnt == 1 ? "FILE is missing" : "more than one FILE");
    const struct options o = {
        .given = &opts,
        .verb = opts.operands[0],
        .json = json,
        .from = {.file = opts.operands[1],
                 .collateral = ph_opts_get(&opts, "collateral"),
                 .cert = ph_opts_get(&opts, "cert"),
                 .chain = ph_opts_get(&opts, "chain"),
                 .crl = ph_opts_get(&opts, "crl"),
                 .rim = ph_opts_get(&opts, "rim"),
                 .ocsp = ph_opts_get(&opts, "ocsp"),
                 .event_log = ph_opts_get(&opts, "event-log")},
    };
    return run_verb(&o);
}

/* Its table feeds help and completion; its exit codes and JSON are its own. */
const struct ph_cmd ph_cmd_evidence = {
    .name = "evidence",
    .operands = "show|verify|explain|bundle FILE",
    .summary = "Look into and judge TEE evidence",
    .details = details,
    .tables = tables,
    .operand_min = 2,
    .operand_max = 2,
};
