/* `phala verify --fresher-than` over pairs of bare receipts. */
#include "cmd_verify.h"

#include "base/own.h"
#include "base/test.h"
#include "codec/json.h"
#include "crypto/secp256k1.h"
#include "keys/receipt.h"

#include <fcntl.h>
#include <stdlib.h>

static char dir[] = "/tmp/phala-fresher-test-XXXXXX", path_a[64], path_b[64], out_path[64];
static char signer_text[43];

struct what {
    uint8_t key, phat, root;
    uint64_t index, time_ms;
    enum ph_outcome outcome;
    bool broken;
};
static const struct what usual = {.key = 7, .phat = 1, .root = 1, .index = 5, .time_ms = 1000};
/* Another of that phat, made later. */
static struct what later(uint64_t index, uint8_t root)
{
    return (struct what){.key = 7, .phat = 1, .root = root, .index = index, .time_ms = 2000};
}

static void write_receipt(const char *path, const struct what *w)
{
    const uint8_t key[32] = {[31] = w->key};
    const struct ph_phat_id phat = {{w->phat}};
    const struct ph_hash32 any = {{1}}, nonce = {{0}};
    const struct ph_receipt_state made_from = {w->index, {{w->root}}};
    struct ph_receipt r = {.count = 1, .batch_time_ms = w->time_ms};
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_RECEIPT_JSON_MAX);
    struct ph_hash32 root, digest;

    ph_receipt_leaf_make(&r.leaf, w->outcome, 200, &phat, &any, &any, &any, &nonce, w->time_ms,
                         &made_from);
    ph_receipt_leaf_hash(&r.leaf, &root);
    ph_receipt_batch_digest(&root, 1, r.batch_time_ms, &digest);
    CHECK(ph_eth_sign(key, &digest, r.sig) == PH_OK);
    if (w->broken)
        r.batch_time_ms++;
    CHECK(ph_receipt_to_json(&r, &text) == PH_OK);
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(text.ptr, 1, text.len, f) == text.len && fclose(f) == 0);
}

/* Run over the two; yields the exit status, and the document. */
static int run(const struct what *a, const struct what *b, json_t **out)
{
    const char *args[] = {"verify",    "--json",         path_a, "--signer",
                          signer_text, "--fresher-than", path_b, NULL};
    struct ph_json_why why;
    static char text[64 << 10];

    write_receipt(path_a, a);
    write_receipt(path_b, b);
    (void)fflush(stdout);
    const int saved = dup(1), file = open(out_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(saved >= 0 && file >= 0 && dup2(file, 1) == 1);
    const int code = ph_cmd_verify(7, (char **)(uintptr_t)args);
    (void)fflush(stdout);
    CHECK(dup2(saved, 1) == 1);
    const ssize_t n = pread(file, text, sizeof(text), 0);
    CHECK(n > 0 && close(saved) == 0 && close(file) == 0);
    CHECK(ph_json_load((struct ph_bytes){(const uint8_t *)text, (size_t)n}, sizeof(text), out,
                       &why) == PH_OK);
    return code;
}

/* The step's result and the beginning of its sentence. */
static bool says(const json_t *doc, const char *check, const char *result, const char *part)
{
    const json_t *checks = json_object_get(doc, "checks");

    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *c = json_array_get(checks, i);
        if (strcmp(json_string_value(json_object_get(c, "check")), check) == 0)
            return strcmp(json_string_value(json_object_get(c, "result")), result) == 0 &&
                   strstr(json_string_value(json_object_get(c, "says")), part) != NULL;
    }
    return false;
}

/* FILE as `a`, OTHER as `b`: the step `check` is the only one that fails, or none does. */
static void gives(struct what a, struct what b, int code, const char *check, const char *result,
                  const char *part)
{
    json_t *doc PH_OWNED(ph_json_freep) = NULL;

    const int got = run(&a, &b, &doc);
    if (got != code || !says(doc, check, result, part))
        fail_msg("exit %d: %s", got, json_dumps(doc, 0));
    CHECK(strcmp(check, "other-receipt") == 0 || says(doc, "other-receipt", "PASS", "held"));
}

TEST(the_same_commit_and_a_later_one_pass)
{
    struct what cut = later(5, 1);

    cut.outcome = PH_OUTCOME_CUT;
    gives(later(5, 1), usual, 0, "fresher-than", "PASS", "the same as");
    gives(later(6, 1), usual, 0, "fresher-than", "PASS", "later than");
    gives(later(6, 9), usual, 0, "fresher-than", "PASS", "commit 6");
    gives(cut, usual, 0, "fresher-than", "PASS", "the same as");
    gives(later(0, 0), later(0, 0), 0, "fresher-than", "PASS", "the same as");
}

TEST(an_older_commit_is_a_rollback_and_another_root_a_fork)
{
    struct what earlier = later(4, 1);

    earlier.time_ms = 1;
    gives(later(4, 1), usual, 1, "fresher-than", "FAIL",
          "rollback: this answer was made from commit 4, the other one was already made from "
          "commit 5");
    gives(later(0, 0), usual, 1, "fresher-than", "FAIL", "rollback");
    gives(earlier, usual, 1, "fresher-than", "FAIL", "came later");
    gives(later(5, 2), usual, 1, "fresher-than", "FAIL",
          "fork: both answers were made from commit 5");
}

TEST(what_cannot_be_compared_is_refused)
{
    struct what elsewhere = later(6, 1), failed = later(6, 1);

    elsewhere.phat = 2;
    failed.outcome = PH_OUTCOME_FAILED;
    gives(elsewhere, usual, 1, "same-phat", "FAIL", "another phat");
    gives(elsewhere, usual, 1, "fresher-than", "FAIL", "two phats");
    gives(failed, usual, 1, "fresher-than", "FAIL", "in this call");
    gives(later(7, 1), failed, 1, "fresher-than", "FAIL", "in the other call");
}

TEST(the_other_receipt_is_verified_too)
{
    struct what forged = usual, broken = usual;

    forged.key = 8;
    broken.broken = true;
    gives(later(6, 1), forged, 1, "other-receipt", "FAIL", "trusted-signer");
    gives(later(6, 1), broken, 1, "other-receipt", "FAIL", "does not verify");
}

static int set_up(void **unused)
{
    const uint8_t key[32] = {[31] = 7};
    struct ph_eth_address signer;

    (void)unused;
    if (!mkdtemp(dir) || ph_eth_address(key, &signer) != PH_OK)
        return -1;
    (void)snprintf(path_a, sizeof(path_a), "%s/a", dir);
    (void)snprintf(path_b, sizeof(path_b), "%s/b", dir);
    (void)snprintf(out_path, sizeof(out_path), "%s/out", dir);
    for (size_t i = 0; i < sizeof(signer.b); i++)
        (void)snprintf(signer_text + 2 * i, 3, "%02x", signer.b[i]);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    (void)unlink(path_a);
    (void)unlink(path_b);
    (void)unlink(out_path);
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(the_same_commit_and_a_later_one_pass),
        CASE(an_older_commit_is_a_rollback_and_another_root_a_fork),
        CASE(what_cannot_be_compared_is_refused),
        CASE(the_other_receipt_is_verified_too),
    };
    return cmocka_run_group_tests(cases, set_up, tear_down);
}
