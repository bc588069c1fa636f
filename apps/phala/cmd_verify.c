#include "cmd_verify.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "evidence_json.h"
#include "files.h"
#include "verify_checks.h"
#include "verify_fresher.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_VERIFIED = 0, EXIT_REFUSED = 1, EXIT_BAD_INPUT = 2 };

static const char usage[] =
    "usage: phala verify FILE [options]\n"
    "\n"
    "Checks a receipt and the evidence under it on this machine, with no network, and explains\n"
    "each step. FILE is a call kept by `phala call --receipt` (phala-call-v1), which holds all "
    "that\n"
    "is needed, or a bare receipt (phala-receipt-v1); - is standard input.\n"
    "\n"
    "evidence:\n"
    "  --evidence FILE      what the worker serves at /v1/attestation\n"
    "  --policy FILE        JSON policy; without it: up-to-date production hardware, any code\n"
    "  --at TIME            judge the evidence at this moment: 2025-06-19T10:32:27Z, now (the\n"
    "                       default), or receipt (the batch's own time, the signer's claim)\n"
    "  --signer ADDRESS     the signer you trust; then evidence may be left out\n"
    "  --accept-simulator-insecure\n"
    "                       accept evidence under any root, as the development simulator makes\n"
    "                       it: INSECURE-SIMULATOR, proves nothing about hardware\n"
    "what the receipt should be about:\n"
    "  --phat ID            the phat, 40 hex digits\n"
    "  --bundle-hash HEX    its code (phala deploy --dry-run prints it)\n"
    "  --nonce HEX          the nonce that was sent\n"
    "  --request FILE       body of the request, with --method, --target, --request-type\n"
    "  --response FILE      body of the answer, with --response-type, --response-encoding,\n"
    "                       --location; a header left out is one that was absent\n"
    "  --fresher-than FILE  a receipt or kept call of the same phat that you had before you sent\n"
    "                       this call: its state must not be newer (rollback), nor another (fork)\n"
    "output:\n"
    "  --explain            print every check inside the evidence's steps\n"
    "  --json               one JSON object on standard output\n"
    "\n"
    "Exit status: 0 every check held, 1 one did not, 2 malformed input or usage.\n";

enum {
    OPT_FIRST = 256,
    OPT_JSON,
    OPT_EXPLAIN,
    OPT_SIMULATOR,
    OPT_HELP,
};

static const struct {
    const char *name;
    size_t offset; /* of a const char * in struct ph_verify_opts */
} values[] = {
    {"evidence", offsetof(struct ph_verify_opts, evidence)},
    {"policy", offsetof(struct ph_verify_opts, policy)},
    {"at", offsetof(struct ph_verify_opts, at)},
    {"signer", offsetof(struct ph_verify_opts, signer)},
    {"phat", offsetof(struct ph_verify_opts, phat)},
    {"bundle-hash", offsetof(struct ph_verify_opts, bundle_hash)},
    {"nonce", offsetof(struct ph_verify_opts, nonce)},
    {"fresher-than", offsetof(struct ph_verify_opts, fresher_than)},
    {"request", offsetof(struct ph_verify_opts, request)},
    {"method", offsetof(struct ph_verify_opts, method)},
    {"target", offsetof(struct ph_verify_opts, target)},
    {"request-type", offsetof(struct ph_verify_opts, request_type)},
    {"response", offsetof(struct ph_verify_opts, response)},
    {"response-type", offsetof(struct ph_verify_opts, response_type)},
    {"response-encoding", offsetof(struct ph_verify_opts, response_encoding)},
    {"location", offsetof(struct ph_verify_opts, location)},
};

/* A value option's index in `values` is its getopt value. -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct ph_verify_opts *out)
{
    struct option longs[PH_LEN(values) + 5] = {0};
    size_t n = 0;

    for (; n < PH_LEN(values); n++)
        longs[n] = (struct option){values[n].name, required_argument, NULL, (int)n};
    longs[n++] = (struct option){"json", no_argument, NULL, OPT_JSON};
    longs[n++] = (struct option){"explain", no_argument, NULL, OPT_EXPLAIN};
    longs[n++] = (struct option){"accept-simulator-insecure", no_argument, NULL, OPT_SIMULATOR};
    longs[n++] = (struct option){"help", no_argument, NULL, OPT_HELP};

    optind = 0; /* start over: the caller may have parsed options of its own */
    for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
        if (c >= 0 && (size_t)c < PH_LEN(values)) {
            memcpy((char *)out + values[c].offset, &optarg, sizeof(optarg));
        } else if (c == OPT_JSON) {
            out->json = true;
        } else if (c == OPT_EXPLAIN) {
            out->explain = true;
        } else if (c == OPT_SIMULATOR) {
            out->accept_simulator_insecure = true;
        } else if (c == OPT_HELP || c == 'h') {
            (void)fputs(usage, stdout);
            return EXIT_VERIFIED;
        } else {
            return EXIT_BAD_INPUT; /* getopt said what */
        }
    }
    if (argc - optind != 1) {
        (void)fprintf(stderr, "phala verify: give one file\nTry `phala verify --help`.\n");
        return EXIT_BAD_INPUT;
    }
    out->file = argv[optind];
    return -1;
}

static int fail_input(const struct ph_verify_opts *o, const char *code, const char *message)
{
    (void)fprintf(stderr, "phala verify: %s\n", message);
    if (o->json) {
        json_t *doc PH_OWNED(ph_json_freep) =
            json_pack("{s:b,s:{s:s,s:s,s:n,s:n}}", "ok", 0, "error", "code", code, "message",
                      message, "where", "do");
        if (doc && json_dumpf(doc, stdout, JSON_COMPACT) == 0)
            (void)putchar('\n');
    }
    return EXIT_BAD_INPUT;
}

static enum ph_err read_policy(const struct ph_verify_opts *o, struct ph_policy *out,
                               char why[static PH_VERIFY_WHY_LEN])
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_POLICY_JSON_MAX);
    struct ph_json_why json_why;

    if (!o->policy) {
        *out = *ph_policy_builtin_hardware();
        return PH_OK;
    }
    if (ph_file_read(o->policy, &text) != PH_OK) {
        (void)snprintf(why, PH_VERIFY_WHY_LEN, "%.200s: %s", o->policy, strerror(errno));
        return PH_ERR_IO;
    }
    const enum ph_err err = ph_policy_parse(ph_buf_view(&text), out, &json_why);
    if (err != PH_OK)
        (void)snprintf(why, PH_VERIFY_WHY_LEN, "%.200s: %s", o->policy, json_why.text);
    return err;
}

static enum ph_err read_time(const struct ph_verify_opts *o, const struct ph_verify_input *in,
                             int64_t *out_s, char why[static PH_VERIFY_WHY_LEN])
{
    if (!o->at || strcmp(o->at, "now") == 0) {
        *out_s = ph_clock_wall_ms() / 1000;
        return PH_OK;
    }
    if (strcmp(o->at, "receipt") == 0) {
        *out_s = (int64_t)(in->receipt.batch_time_ms / 1000);
        return PH_OK;
    }
    (void)snprintf(why, PH_VERIFY_WHY_LEN,
                   "--at: expected a time like 2025-06-19T10:32:27Z, now, or receipt");
    return ph_time_parse_rfc3339(ph_bytes_str(o->at), out_s);
}

/* One run: inputs, what was found. */
struct run {
    const struct ph_verify_opts *o;
    struct ph_verify_input in;
    struct ph_policy policy;
    struct ph_verify_report report;
    struct ph_eth_address signer;
    struct ph_verdict verdict; /* zero without evidence */
    uint8_t root[32];
    int64_t now_s;
};

static bool is_ok(const struct run *run)
{
    return run->report.fail_cnt == 0 && !run->report.no_memory;
}

static bool is_simulator(const struct run *run)
{
    return run->in.has_attestation &&
           (run->verdict.insecure_simulator || run->in.attestation.insecure_simulator);
}

static json_t *evidence_json(const struct run *run)
{
    json_t *verdict = NULL;
    char root[65], at[21];

    if (!run->in.has_attestation)
        return json_null();
    if (ph_verdict_doc(&run->verdict, &verdict) != PH_OK)
        return NULL;
    ph_hex_encode(PH_BYTES_OF(run->root), root);
    ph_time_format_rfc3339(run->now_s, at);
    if (json_object_set_new(verdict, "root", json_string(root)) != 0 ||
        json_object_set_new(verdict, "judged_at", json_string(at)) != 0) {
        json_decref(verdict);
        return NULL;
    }
    return verdict;
}

static int print_json(const struct run *run)
{
    struct ph_receipt_fields f;
    char signer[43] = "0x", phat[41], bundle[65], state[65];

    ph_receipt_leaf_view(&run->in.receipt.leaf, &f);
    ph_hex_encode(PH_BYTES_OF(run->signer.b), signer + 2);
    ph_hex_encode(PH_BYTES_OF(f.phat.b), phat);
    ph_hex_encode(PH_BYTES_OF(f.bundle_hash.b), bundle);
    ph_hex_encode(PH_BYTES_OF(f.state.root.b), state);
    json_t *doc PH_OWNED(ph_json_freep) = json_pack(
        "{s:b,s:s,s:b,s:s,s:{s:s,s:i,s:s,s:s,s:I,s:s,s:I},s:o,s:O}", "ok", is_ok(run), "verdict",
        is_ok(run) ? "verified" : "refused", "insecure_simulator", is_simulator(run), "signer",
        signer, "receipt", "outcome", ph_outcome_name(f.outcome), "status", (int)f.status, "phat",
        phat, "bundle_hash", bundle, "commit_index", (json_int_t)f.state.commit_index, "state_root",
        state, "time_ms", (json_int_t)f.time_ms, "evidence", evidence_json(run), "checks",
        run->report.steps);
    if (!doc || json_dumpf(doc, stdout, JSON_COMPACT) != 0)
        return fail_input(run->o, "memory", "out of memory");
    (void)putchar('\n');
    return is_ok(run) ? EXIT_VERIFIED : EXIT_REFUSED;
}

static int print_text(const struct run *run)
{
    struct ph_receipt_fields f;
    char root[65], at[21], signer[41], phat[41];

    ph_receipt_leaf_view(&run->in.receipt.leaf, &f);
    ph_report_print(&run->report, run->o->explain);
    (void)printf("\n%s%s\n", is_ok(run) ? "VERIFIED" : "REFUSED",
                 is_simulator(run) ? "  INSECURE-SIMULATOR" : "");
    if (!is_ok(run))
        (void)printf("%zu checks failed.\n", run->report.fail_cnt);
    ph_hex_encode(PH_BYTES_OF(run->signer.b), signer);
    ph_hex_encode(PH_BYTES_OF(f.phat.b), phat);
    if (is_ok(run))
        (void)printf("Key 0x%s signed that phat %s took this call: %s, status %u.\n", signer, phat,
                     ph_outcome_name(f.outcome), f.status);
    if (run->in.has_attestation) {
        ph_hex_encode(PH_BYTES_OF(run->root), root);
        ph_time_format_rfc3339(run->now_s, at);
        (void)printf("Evidence judged at %s; root %s.\n", at, root);
        if (is_simulator(run))
            (void)printf("INSECURE-SIMULATOR: the worker's TEE is simulated. Nothing here proves "
                         "anything about hardware.\n");
        else if (run->verdict.accepted && !run->verdict.measurements_demanded)
            (void)printf("The policy demands no measurement: any code in such a TEE would pass.\n");
    }
    return is_ok(run) ? EXIT_VERIFIED : EXIT_REFUSED;
}

static int verify(struct run *run)
{
    char why[PH_VERIFY_WHY_LEN];

    if (ph_verify_input_load(run->o, &run->in, why) != PH_OK)
        return fail_input(run->o, "bad-input", why);
    if (read_policy(run->o, &run->policy, why) != PH_OK)
        return fail_input(run->o, "bad-policy", why);
    if (read_time(run->o, &run->in, &run->now_s, why) != PH_OK)
        return fail_input(run->o, "bad-time", why);
    ph_verify_receipt(&run->in, &run->report, &run->signer);
    if (!run->in.has_attestation)
        ph_verify_signer(&run->in, &run->signer, &run->report);
    else if (ph_verify_evidence(&run->in, &run->policy, run->o->accept_simulator_insecure,
                                run->now_s, &run->signer, &run->report, &run->verdict, run->root,
                                why) != PH_OK)
        return fail_input(run->o, "bad-evidence", why);
    const struct ph_fresher_args fresher = {.opts = run->o,
                                            .policy = &run->policy,
                                            .now_s = run->now_s,
                                            .at_receipt =
                                                run->o->at && strcmp(run->o->at, "receipt") == 0};
    if (run->o->fresher_than && ph_verify_fresher(&fresher, &run->in, &run->report, why) != PH_OK)
        return fail_input(run->o, "bad-other-receipt", why);
    return run->o->json ? print_json(run) : print_text(run);
}

int ph_cmd_verify(int argc, char **argv)
{
    struct ph_verify_opts opts = {0};

    const int code = parse_options(argc, argv, &opts);
    if (code >= 0)
        return code;
    struct run *run PH_OWNED(ph_freep) = calloc(1, sizeof(*run));
    if (!run)
        return fail_input(&opts, "memory", "out of memory");
    run->o = &opts;
    const int exit_code = verify(run);
    json_decref(run->report.steps);
    ph_verify_input_clear(&run->in);
    return exit_code;
}
