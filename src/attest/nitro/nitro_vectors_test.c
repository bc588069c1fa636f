/* Real documents of AWS Nitro Enclaves: one in production mode, one in debug mode. Skips without
 * the vectors. */

#include "attest/nitro/nitro.h"
#include "base/own.h"
#include "base/test_vectors.h"

static struct ph_policy policy;
static struct ph_verdict verdict;

/* The document in a vector: dstack keeps it in SCALE, as two bytes of version and kind, a compact
 * length in two bytes (mode 1), the bytes, and then fields of its own. */
static struct ph_buf load(const char *name)
{
    struct ph_buf buf = ph_test_vector("nitro/%s", name);

    CHECK(buf.len > 4 && (buf.ptr[2] & 3) == 1);
    const size_t len = (size_t)(buf.ptr[2] | buf.ptr[3] << 8) >> 2;
    ph_buf_consume(&buf, 4);
    CHECK(len <= buf.len);
    buf.len = len;
    return buf;
}

static enum ph_err judge(const struct ph_buf *doc, int64_t now_s)
{
    const struct ph_attest_roots roots = ph_attest_roots_production();
    const struct ph_nitro_args args = {
        .document = ph_buf_view(doc),
        .roots = &roots,
        .policy = &policy,
        .report_data_unchecked = true,
        .now_s = now_s,
    };
    return ph_nitro_verify(&args, &verdict);
}

enum {
    LEAF_FROM_S = 1766678656,  /* 2025-12-25T16:04:16Z */
    LEAF_UNTIL_S = 1766689459, /* 2025-12-25T19:04:19Z */
    DEBUG_FROM_S = 1766650843, /* 2025-12-25T08:20:43Z */
};

TEST(a_real_document_is_accepted_for_three_hours)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = load("nitro_attestation.bin");

    policy = *ph_policy_builtin_hardware();
    if (judge(&doc, LEAF_FROM_S + 60) != PH_OK)
        fail_msg("%s", verdict.sentence);
    CHECK(verdict.status == PH_TCB_UP_TO_DATE && verdict.valid_until_s == LEAF_UNTIL_S);
    CHECK(strcmp(verdict.claims.nitro.module_id, "i-0827e799ec9232d44-enc019b5640fdf630d6") == 0);
    CHECK(verdict.claims.nitro.timestamp_ms == 1766678659346);
    CHECK(verdict.claims.nitro.pcrs == 0xffff && verdict.claims.nitro.pcr[0][0] == 0xeb);
    CHECK(verdict.claims.report_data[0] == 0xe3 && verdict.claims.report_data[63] == 0);
    CHECK(judge(&doc, LEAF_FROM_S) == PH_OK && judge(&doc, LEAF_UNTIL_S) == PH_OK);
    CHECK(judge(&doc, LEAF_FROM_S - 1) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_NITRO_ISSUED && verdict.status == PH_TCB_UNKNOWN);
    CHECK(judge(&doc, LEAF_UNTIL_S + 1) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_NITRO_FRESH);

    policy.any_measurement = false;
    policy.nitro_cnt = 1;
    policy.nitro[0].pcrs = 1;
    CHECK(judge(&doc, LEAF_FROM_S) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_POLICY_MEASUREMENT);
}

TEST(a_real_document_in_debug_mode_is_refused)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = load("nitro_attestation_dbg.bin");

    policy = *ph_policy_builtin_hardware();
    CHECK(judge(&doc, DEBUG_FROM_S + 60) == PH_ERR_UNTRUSTED);
    CHECK(verdict.check == PH_CHECK_POLICY_DEBUG && verdict.status == PH_TCB_UP_TO_DATE);
    policy.allow_debug_insecure = true;
    CHECK(judge(&doc, DEBUG_FROM_S + 60) == PH_OK);
}

TEST(any_change_of_a_real_document_is_refused)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = load("nitro_attestation.bin");

    policy = *ph_policy_builtin_hardware();
    for (size_t i = 0; i < doc.len; i += 13) {
        doc.ptr[i] ^= 1;
        if (judge(&doc, LEAF_FROM_S + 60) == PH_OK)
            fail_msg("byte %zu", i);
        doc.ptr[i] ^= 1;
    }
    CHECK(judge(&doc, LEAF_FROM_S + 60) == PH_OK);
}

PH_TEST_MAIN(CASE(a_real_document_is_accepted_for_three_hours),
             CASE(a_real_document_in_debug_mode_is_refused),
             CASE(any_change_of_a_real_document_is_refused))
