#ifndef PH_ATTEST_NVIDIA_RIM_TEST_PRIV_H
#define PH_ATTEST_NVIDIA_RIM_TEST_PRIV_H

/* Shared by rim_test.c and rim_sig_test.c: a synthetic manifest, changed in one way and judged. */

#include "attest/nvidia/rim_synth.h"
#include "attest/verdict.h"
#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

static struct ph_rim rim; /* large */
static struct ph_rim_synth s;
static struct ph_buf xml = {.limit = PH_RIM_SYNTH_MAX};
static struct ph_rim_proof proof;
static const int64_t now_s = 1735689600; /* 2025-01-01 */

static struct ph_attest_roots synthetic_root(void)
{
    struct ph_attest_roots roots = {.pin = {{.maker = PH_ROOT_NVIDIA_RIM}}, .pin_cnt = 1};
    CHECK(ph_rim_synth_root(roots.pin[0].spki_sha256) == PH_OK);
    return roots;
}

/* The check that `xml` fails at; PH_RIM_CHECK_CNT if it is accepted. */
static enum ph_rim_check judge_at(int64_t at_s)
{
    const struct ph_attest_roots roots = synthetic_root();
    enum ph_rim_check failed = PH_RIM_CHECK_CNT;

    if (ph_rim_parse(ph_buf_view(&xml), &rim, &failed) != PH_OK) {
        CHECK(failed < PH_RIM_CHECK_CERTS && rim.measurement_cnt == 0);
        return failed;
    }
    CHECK(failed == PH_RIM_CHECK_CNT);
    const enum ph_err err = ph_rim_verify_signature(&rim, &roots, NULL, at_s, &proof);
    CHECK((err == PH_OK) == (proof.failed == PH_RIM_CHECK_CNT));
    CHECK((err == PH_OK) == (proof.held == (1ull << PH_RIM_CHECK_CNT) - 1));
    return proof.failed;
}

static enum ph_rim_check judge(void)
{
    xml.len = 0;
    CHECK(ph_rim_synth_make(&s, &xml) == PH_OK);
    return judge_at(now_s);
}

/* Replace the first `from` in the finished document. */
static enum ph_rim_check judge_altered(const char *from, const char *to)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);
    ph_rim_synth_init(&s);
    xml.len = 0;
    CHECK(ph_rim_synth_make(&s, &xml) == PH_OK);
    const uint8_t *at = memmem(xml.ptr, xml.len, from, strlen(from));
    CHECK(at != NULL);
    const size_t before = (size_t)(at - xml.ptr), after = before + strlen(from);
    CHECK(ph_buf_add(&out, (struct ph_bytes){xml.ptr, before}) == PH_OK);
    CHECK(ph_buf_add_str(&out, to) == PH_OK);
    CHECK(ph_buf_add(&out, (struct ph_bytes){xml.ptr + after, xml.len - after}) == PH_OK);
    xml.len = 0;
    CHECK(ph_buf_add(&xml, ph_buf_view(&out)) == PH_OK);
    return judge_at(now_s);
}

static void expect(enum ph_rim_check got, enum ph_rim_check want, const char *what)
{
    if (got != want)
        fail_msg("%s: %s", what, got < PH_RIM_CHECK_CNT ? ph_rim_check_reason(got) : "accepted");
}

/* Change the synthetic manifest in one way, then sign it. */
#define BROKEN(check, change)                                                                      \
    do {                                                                                           \
        ph_rim_synth_init(&s);                                                                     \
        change;                                                                                    \
        expect(judge(), PH_RIM_CHECK_##check, #change);                                            \
    } while (0)
/* Sign it, then change the text. */
#define ALTERED(check, from, to)                                                                   \
    expect(judge_altered(from, to), PH_RIM_CHECK_##check, from " -> " to)
#define ACCEPTED(change) BROKEN(CNT, change)

#endif
