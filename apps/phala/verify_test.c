/* `phala verify` over files, with evidence of the simulator. */
#include "cmd_verify.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/receipt.h"
#include "tee/attestation_doc.h"
#include "tee/quote.h"
#include "tee/simulator.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/phala-verify-test-XXXXXX";
static const uint8_t secret[32] = {[31] = 7}, other_secret[32] = {[31] = 8};
static char receipt_path[64], evidence_path[64], call_path[64], body_path[64], out_path[64],
    policy_path[64], root_hex[65];
static struct ph_buf attestation_text, receipt_text;

#define BODY "{\"price\":1}"
#define PHAT "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1"

static void write_file(const char *path, struct ph_bytes data)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data.ptr, 1, data.len, f) == data.len && fclose(f) == 0);
}

/* A batch of three with ours in the middle, signed by `key`. */
static void make_receipt(const uint8_t key[32], struct ph_buf *out)
{
    struct ph_phat_id phat;
    struct ph_hash32 bundle, request, response, nonce = {{0}}, root, digest, leaves[3];
    struct ph_receipt r = {.index = 1, .count = 3};
    const uint64_t now_ms = (uint64_t)ph_clock_wall_ms();

    memset(phat.b, 0xa1, 20);
    memset(bundle.b, 0xb2, 32);
    ph_receipt_request_hash(PH_BYTES_LIT("GET"), PH_BYTES_LIT("/?pair=BTC"), PH_BYTES_LIT(""),
                            PH_BYTES_LIT(""), &request);
    ph_receipt_response_hash(200, PH_BYTES_LIT("application/json"), PH_BYTES_LIT(""),
                             PH_BYTES_LIT(""), PH_BYTES_LIT(BODY), &response);
    ph_receipt_leaf_make(&r.leaf, PH_OUTCOME_ANSWERED, 200, &phat, &bundle, &request, &response,
                         &nonce, now_ms, &(struct ph_receipt_state){0});
    memset(leaves, 0x77, sizeof(leaves));
    ph_receipt_leaf_hash(&r.leaf, &leaves[1]);
    r.path_len = ph_merkle_path(leaves, 3, 1, r.path);
    r.batch_time_ms = now_ms + 5;
    ph_merkle_root(leaves, 3, &root);
    ph_receipt_batch_digest(&root, 3, r.batch_time_ms, &digest);
    CHECK(ph_eth_sign(key, &digest, r.sig) == PH_OK);
    CHECK(ph_receipt_to_json(&r, out) == PH_OK);
}

/* Evidence of a simulated worker whose signer is `key`'s; `bound` false: of another identity. */
static void make_attestation(const uint8_t key[32], bool bound, struct ph_buf *out)
{
    const struct ph_tee_config config = {.provider = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
                                         .dir = dir};
    struct ph_tee *tee PH_OWNED(ph_tee_freep) = NULL;
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_EVIDENCE_MAX);
    struct ph_attestation_doc doc = {.insecure_simulator = true};
    uint8_t report_data[64], root[32];
    char why[PH_TEE_WHY_LEN];

    CHECK(ph_eth_address(key, &doc.identity.signer) == PH_OK);
    memset(doc.identity.caller_x25519, 3, 32);
    memset(doc.nonce, 5, 32);
    CHECK(ph_tee_open(&config, &tee, why) == PH_OK);
    ph_worker_report_data(&doc.identity, doc.nonce, report_data);
    report_data[0] ^= !bound;
    CHECK(ph_tee_evidence(tee, report_data, ph_clock_wall_ms() / 1000, &evidence, why) == PH_OK);
    doc.evidence = ph_buf_view(&evidence);
    CHECK(ph_attestation_doc_encode(&doc, out) == PH_OK);
    CHECK(ph_tee_simulator_root(tee, root) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(root), root_hex);
}

static void make_call(struct ph_bytes receipt, struct ph_bytes attestation, const char *body)
{
    struct ph_buf body64 PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(2 << 20);

    CHECK(ph_base64_encode(ph_bytes_str(body), &body64) == PH_OK);
    CHECK(ph_buf_addf(&text,
                      "{\"format\":\"phala-call-v1\",\"worker\":\"https://w\",\"phat\":\"" PHAT
                      "\",\"request\":{\"method\":\"GET\",\"target\":\"/?pair=BTC\","
                      "\"content_type\":\"\",\"nonce\":\"%064d\",\"body\":\"\"},"
                      "\"response\":{\"status\":200,\"content_type\":\"application/json\","
                      "\"content_encoding\":\"\",\"location\":\"\",\"body\":\"%.*s\"},\"receipt\":",
                      0, (int)body64.len, (const char *)body64.ptr) == PH_OK);
    CHECK(ph_buf_add(&text, receipt) == PH_OK &&
          ph_buf_add_str(&text, ",\"attestation\":") == PH_OK);
    CHECK(ph_buf_add(&text, attestation) == PH_OK && ph_buf_add_str(&text, "}") == PH_OK);
    write_file(call_path, ph_buf_view(&text));
}

/* Run the command with its output in `out`. */
static int run(struct ph_buf *out, const char *const *args)
{
    char *argv[32] = {(char *)(uintptr_t) "verify"};
    int argc = 1;

    for (; args[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
    (void)fflush(stdout);
    const int saved = dup(1), file = open(out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(saved >= 0 && file >= 0 && dup2(file, 1) == 1);
    const int code = ph_cmd_verify(argc, argv);
    (void)fflush(stdout);
    CHECK(dup2(saved, 1) == 1);
    (void)close(saved);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    ph_buf_clear(out);
    for (ssize_t n = 1; n > 0;) {
        uint8_t *at;
        CHECK(ph_buf_reserve(out, 4096, &at) == PH_OK);
        n = read(file, at, 4096);
        CHECK(n >= 0);
        out->len += (size_t)n;
    }
    (void)close(file);
    CHECK(ph_buf_add(out, PH_BYTES_OF("")) == PH_OK);
    out->len--;
    return code;
}
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OUT struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4 << 20)
#define SAYS(text) (strstr((const char *)out.ptr, (text)) != NULL)

/* Run with --json; yields the document. */
static json_t *run_json(int want, const char *const *args)
{
    OUT;
    const char *all[32] = {"--json"};
    json_t *doc = NULL;
    struct ph_json_why why;

    for (int i = 0; args[i]; i++)
        all[i + 1] = args[i];
    const int code = run(&out, all);
    if (code != want)
        fail_msg("exit %d, not %d: %s", code, want, (const char *)out.ptr);
    CHECK(ph_json_load((struct ph_bytes){out.ptr, out.len - 1}, 4 << 20, &doc, &why) == PH_OK);
    return doc;
}

/* Result of a check in the document: "PASS", "FAIL", "SKIP"; "" if it is not there. */
static const char *result_of(const json_t *doc, const char *check)
{
    const json_t *checks = json_object_get(doc, "checks");
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *c = json_array_get(checks, i);
        if (strcmp(json_string_value(json_object_get(c, "check")), check) == 0)
            return json_string_value(json_object_get(c, "result"));
    }
    return "";
}
#define RESULT(check, want) CHECK(strcmp(result_of(doc, check), want) == 0)
#define DOC(want, ...) json_t *doc PH_OWNED(ph_json_freep) = run_json(want, ARGS(__VA_ARGS__))
#define INSECURE "--accept-simulator-insecure"

TEST(a_kept_call_proves_every_step_on_its_own)
{
    static const char *const all[] = {"receipt-format",  "leaf",
                                      "leaf-hash",       "merkle-path",
                                      "batch-signature", "phat",
                                      "nonce",           "request-hash",
                                      "response-hash",   "evidence-format",
                                      "report-data",     "evidence: pck-chain",
                                      "evidence: root",  "evidence: policy",
                                      "attested-signer"};

    make_call(ph_buf_view(&receipt_text), ph_buf_view(&attestation_text), BODY);
    DOC(0, call_path, INSECURE);
    for (size_t i = 0; i < PH_LEN(all); i++)
        RESULT(all[i], "PASS");
    RESULT("bundle-hash", "SKIP");
    CHECK(json_is_true(json_object_get(doc, "ok")));
    CHECK(json_is_true(json_object_get(doc, "insecure_simulator")));
}

TEST(the_simulator_needs_the_policy_or_the_option_and_is_marked)
{
    OUT;

    make_call(ph_buf_view(&receipt_text), ph_buf_view(&attestation_text), BODY);
    CHECK(run(&out, ARGS(call_path)) == 1);
    CHECK(SAYS("REFUSED") && SAYS("INSECURE-SIMULATOR") && !SAYS("VERIFIED"));
    CHECK(run(&out, ARGS(call_path, "--policy", policy_path)) == 0);
    CHECK(SAYS("VERIFIED  INSECURE-SIMULATOR") && SAYS(root_hex));
    CHECK(run(&out, ARGS(call_path, INSECURE, "--explain")) == 0);
    CHECK(SAYS("INSECURE-SIMULATOR") && SAYS("quote["));
}

TEST(a_changed_answer_or_call_fails_its_own_check)
{
    make_call(ph_buf_view(&receipt_text), ph_buf_view(&attestation_text), "{\"price\":2}");
    DOC(1, call_path, INSECURE);
    RESULT("response-hash", "FAIL");
    RESULT("request-hash", "PASS");
    RESULT("attested-signer", "PASS");
    CHECK(json_is_false(json_object_get(doc, "ok")));
}

TEST(a_receipt_of_another_key_is_not_the_workers)
{
    struct ph_buf forged PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);

    make_receipt(other_secret, &forged);
    write_file(receipt_path, ph_buf_view(&forged));
    DOC(1, receipt_path, "--evidence", evidence_path, INSECURE);
    RESULT("batch-signature", "PASS");
    RESULT("attested-signer", "FAIL");
    RESULT("report-data", "PASS");
}

TEST(evidence_over_another_identity_fails)
{
    struct ph_buf unbound PH_OWNED(ph_buf_clear) = PH_BUF(PH_ATTESTATION_MAX);

    write_file(receipt_path, ph_buf_view(&receipt_text));
    make_attestation(secret, false, &unbound);
    write_file(body_path, ph_buf_view(&unbound));
    DOC(1, receipt_path, "--evidence", body_path, INSECURE);
    RESULT("report-data", "FAIL");
    RESULT("evidence: report-data", "FAIL");
    RESULT("attested-signer", "FAIL");
}

TEST(a_bare_receipt_needs_evidence_or_a_signer_you_trust)
{
    struct ph_eth_address signer;
    char hex[41];

    write_file(receipt_path, ph_buf_view(&receipt_text));
    CHECK(ph_eth_address(secret, &signer) == PH_OK);
    ph_hex_encode(PH_BYTES_OF(signer.b), hex);
    {
        DOC(1, receipt_path);
        RESULT("attested-signer", "FAIL");
        RESULT("batch-signature", "PASS");
    }
    {
        DOC(0, receipt_path, "--signer", hex);
        RESULT("trusted-signer", "PASS");
        RESULT("request-hash", "SKIP");
    }
    hex[0] = hex[0] == '0' ? '1' : '0';
    {
        DOC(1, receipt_path, "--signer", hex);
        RESULT("trusted-signer", "FAIL");
    }
    { /* also beside good evidence */
        DOC(1, receipt_path, "--signer", hex, "--evidence", evidence_path, INSECURE);
        RESULT("attested-signer", "PASS");
        RESULT("trusted-signer", "FAIL");
    }
}

TEST(what_the_caller_expects_is_compared)
{
    static const struct {
        const char *option, *good, *bad, *check;
    } cases[] = {
        {"--phat", PHAT, "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a2", "phat"},
        {"--bundle-hash", "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
         "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b3", "bundle-hash"},
        {"--nonce", "0000000000000000000000000000000000000000000000000000000000000000",
         "0000000000000000000000000000000000000000000000000000000000000001", "nonce"},
    };

    write_file(receipt_path, ph_buf_view(&receipt_text));
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        for (int good = 0; good <= 1; good++) {
            DOC(!good, receipt_path, "--evidence", evidence_path, INSECURE, cases[i].option,
                good ? cases[i].good : cases[i].bad);
            RESULT(cases[i].check, good ? "PASS" : "FAIL");
        }
    }
}

TEST(single_files_stand_in_for_the_call)
{
    write_file(receipt_path, ph_buf_view(&receipt_text));
    write_file(body_path, PH_BYTES_LIT(BODY));
    {
        DOC(0, receipt_path, "--evidence", evidence_path, INSECURE, "--request", "/dev/null",
            "--method", "GET", "--target", "/?pair=BTC", "--response", body_path, "--response-type",
            "application/json");
        RESULT("request-hash", "PASS");
        RESULT("response-hash", "PASS");
    }
    {
        DOC(1, receipt_path, "--evidence", evidence_path, INSECURE, "--request", "/dev/null",
            "--method", "GET", "--target", "/?pair=ETH", "--response", body_path);
        RESULT("request-hash", "FAIL");
        RESULT("response-hash", "FAIL");
    }
}

TEST(evidence_is_judged_at_the_moment_asked_for)
{
    write_file(receipt_path, ph_buf_view(&receipt_text));
    {
        DOC(0, receipt_path, "--evidence", evidence_path, INSECURE, "--at", "receipt");
        RESULT("evidence: tcb-info", "PASS");
    }
    {
        DOC(1, receipt_path, "--evidence", evidence_path, INSECURE, "--at", "2019-01-01T00:00:00Z");
        RESULT("attested-signer", "FAIL");
    }
}

TEST(malformed_input_exits_with_2)
{
    OUT;

    write_file(receipt_path, ph_buf_view(&receipt_text));
    write_file(body_path, PH_BYTES_LIT("{\"format\":\"phala-receipt-v9\"}"));
    CHECK(run(&out, ARGS("/nonexistent/receipt.json")) == 2);
    CHECK(run(&out, ARGS(body_path)) == 2);
    CHECK(run(&out, ARGS("--json", body_path)) == 2 && SAYS("\"code\":\"bad-input\""));
    CHECK(run(&out, ARGS(receipt_path, "--evidence", receipt_path)) == 2);
    CHECK(run(&out, ARGS(receipt_path, "--policy", receipt_path)) == 2);
    CHECK(run(&out, ARGS(receipt_path, "--at", "yesterday")) == 2);
    CHECK(run(&out, ARGS(receipt_path, "--nonce", "12")) == 2);
    CHECK(run(&out, ARGS(receipt_path, "--request", body_path)) == 2);
    CHECK(run(&out, ARGS(receipt_path, "--request", body_path, "--method", "GET", "--target",
                         "/\n")) == 2);
    CHECK(run(&out, ARGS(receipt_path, "--response", body_path, "--location", "a\n")) == 2);
    CHECK(run(&out, ARGS(receipt_path, receipt_path)) == 2);
    CHECK(run(&out, ARGS("--unknown", receipt_path)) == 2);
    CHECK(run(&out, ARGS("--help")) == 0 && SAYS("usage: phala verify"));
}

TEST(a_kept_call_with_a_wrong_member_is_malformed)
{
    static const char *const changes[][2] = {
        {"phala-call-v1", "phala-call-v2"},
        {"\"status\":200,\"content_type\"", "\"content_type\""},
        {"\"method\":\"GET\"", "\"method\":1"},
        {"\"target\":\"/", "\"target\":\"\\n/"},
        {"\"location\":\"", "\"location\":\"\\u007f"},
        {"\"body\":\"\"", "\"body\":\"*\""},
        {"\"phat\":\"a1", "\"phat\":\""},
        {"\"worker\"", "\"warker\""},
        {"\"attestation\":{", "\"attestation\":{\"x\":1,"},
    };
    static char text[2 << 20];

    for (size_t i = 0; i < PH_LEN(changes); i++) {
        OUT;
        make_call(ph_buf_view(&receipt_text), ph_buf_view(&attestation_text), BODY);
        FILE *f = fopen(call_path, "rb");
        CHECK(f);
        const size_t len = fread(text, 1, sizeof(text) - 1, f);
        (void)fclose(f);
        text[len] = '\0';
        char *at = strstr(text, changes[i][0]);
        CHECK(at);
        struct ph_buf changed PH_OWNED(ph_buf_clear) = PH_BUF(2 << 20);
        CHECK(ph_buf_add(&changed, (struct ph_bytes){(const uint8_t *)text, (size_t)(at - text)}) ==
              PH_OK);
        CHECK(ph_buf_add_str(&changed, changes[i][1]) == PH_OK);
        CHECK(ph_buf_add_str(&changed, at + strlen(changes[i][0])) == PH_OK);
        write_file(call_path, ph_buf_view(&changed));
        CHECK(run(&out, ARGS(call_path, INSECURE)) == 2);
    }
}

static int set_up(void **unused)
{
    static const char *const names[] = {"receipt", "evidence", "call", "body", "out", "policy"};
    static char *const paths[] = {receipt_path, evidence_path, call_path,
                                  body_path,    out_path,      policy_path};
    char policy[256];

    (void)unused;
    if (!mkdtemp(dir))
        return -1;
    for (size_t i = 0; i < PH_LEN(paths); i++)
        (void)snprintf(paths[i], sizeof(receipt_path), "%s/%s", dir, names[i]);
    receipt_text = PH_BUF(PH_RECEIPT_JSON_MAX);
    attestation_text = PH_BUF(PH_ATTESTATION_MAX);
    make_receipt(secret, &receipt_text);
    make_attestation(secret, true, &attestation_text);
    write_file(evidence_path, ph_buf_view(&attestation_text));
    (void)snprintf(policy, sizeof(policy),
                   "{\"statuses\":[\"UpToDate\"],\"measurements\":\"any\","
                   "\"simulator_root_insecure\":\"%s\"}",
                   root_hex);
    write_file(policy_path, ph_bytes_str(policy));
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    static const char *const names[] = {"receipt",
                                        "evidence",
                                        "call",
                                        "body",
                                        "out",
                                        "policy",
                                        PH_SIMULATOR_SEED_FILE,
                                        PH_SIMULATOR_PCK_FILE,
                                        PH_SIMULATOR_SIGNER_FILE};
    for (size_t i = 0; i < PH_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    ph_buf_clear(&receipt_text);
    ph_buf_clear(&attestation_text);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_kept_call_proves_every_step_on_its_own),
        CASE(the_simulator_needs_the_policy_or_the_option_and_is_marked),
        CASE(a_changed_answer_or_call_fails_its_own_check),
        CASE(a_receipt_of_another_key_is_not_the_workers),
        CASE(evidence_over_another_identity_fails),
        CASE(a_bare_receipt_needs_evidence_or_a_signer_you_trust),
        CASE(what_the_caller_expects_is_compared),
        CASE(single_files_stand_in_for_the_call),
        CASE(evidence_is_judged_at_the_moment_asked_for),
        CASE(malformed_input_exits_with_2),
        CASE(a_kept_call_with_a_wrong_member_is_malformed),
    };
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
