/* Quotes as contracts take them: what is cut off, and what is refused. */

#include "node/chain_evidence.h"

#include "attest/synth/synth.h"
#include "base/own.h"
#include "base/test.h"

static char why[PH_CHAIN_EVIDENCE_WHY_LEN];

static void make_quote(struct ph_buf *out)
{
    const uint8_t seed[32] = {1};
    struct ph_synth_pki *pki = NULL;
    struct ph_tdx_body body;
    struct ph_synth s;

    CHECK(ph_synth_defaults(&s, seed, 1800000000) == PH_OK);
    CHECK(ph_synth_pki_new(&s, &pki) == PH_OK);
    ph_synth_tdx_body(&s, &body);
    CHECK(ph_synth_tdx_quote(&s, pki, &body, NULL, out) == PH_OK);
    ph_synth_pki_free(pki);
}

TEST(a_quote_is_cut_before_its_certificates)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_chain_evidence e;

    make_quote(&quote);
    CHECK(ph_chain_evidence_of(ph_buf_view(&quote), &e, why) == PH_OK);
    CHECK(e.quote.len < quote.len && memcmp(e.quote.ptr, quote.ptr, e.quote.len) == 0);
    /* What follows: a type, 5, and the length of PEM that begins there. */
    const uint8_t *rest = quote.ptr + e.quote.len;
    CHECK(rest[0] == 5 && rest[1] == 0 && memcmp(rest + 6, "-----BEGIN", 10) == 0);
    CHECK(e.pck.len > 4 && e.pck.ptr[0] == 0x30);
    ph_chain_evidence_clear(&e);
}

TEST(a_quote_whose_certificates_are_none_is_refused)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    struct ph_chain_evidence e = {0};

    make_quote(&quote);
    CHECK(ph_chain_evidence_of(ph_buf_view(&quote), &e, why) == PH_OK);
    const size_t end = e.quote.len;
    ph_chain_evidence_clear(&e);
    quote.ptr[end + 6 + 40] ^= 0xff;
    CHECK(ph_chain_evidence_of(ph_buf_view(&quote), &e, why) != PH_OK && strstr(why, "PCK chain"));
    CHECK(!e.quote.ptr && !e.pck.ptr);
}

TEST(other_makers_evidence_is_refused)
{
    struct ph_chain_evidence e;

    CHECK(ph_chain_evidence_of(PH_BYTES_LIT("report"), &e, why) == PH_ERR_UNSUPPORTED);
    CHECK(strstr(why, "not Intel's"));
    CHECK(ph_chain_evidence_of((struct ph_bytes){NULL, 0}, &e, why) == PH_ERR_UNSUPPORTED);
}

PH_TEST_MAIN(CASE(a_quote_is_cut_before_its_certificates),
             CASE(a_quote_whose_certificates_are_none_is_refused),
             CASE(other_makers_evidence_is_refused))
