/* Certificates of a committee: hashes and encodings of viem 2.57.0, and what is refused. */

#include "chain/certificate.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/hash.h"

static struct ph_committee_of where;
static struct ph_abi_verifier_committee_certificate c;

static void good(void)
{
    where = (struct ph_committee_of){.chain_id = 31337};
    memset(where.committee.b, 0x0c, sizeof(where.committee.b));
    c = (struct ph_abi_verifier_committee_certificate){
        .set_id = 5,
        .time = 1800000000,
        .claims = {.kind = 3,
                   .tcb_status = 1,
                   .eval_no = 17,
                   .evidence_time = 1800000000,
                   .valid_until = 1900000000,
                   .tcb_date = 1700000000,
                   .flags = 0x80000004},
    };
    memset(c.claims.image.b, 0x11, 32);
    memset(c.claims.platform_id.b, 0x22, 32);
    memset(c.bind.b, 0x33, 32);
    memset(c.evidence_hash.b, 0x44, 32);
    memset(c.data_ref.b, 0x55, 32);
}

static void check_hex(const uint8_t got[static 32], const char *expected)
{
    char text[65];

    ph_hex_encode((struct ph_bytes){got, 32}, text);
    assert_string_equal(text, expected);
}

TEST(what_members_and_jurors_sign_has_the_hash_that_the_contract_checks)
{
    struct ph_hash32 digest, certificate;

    good();
    ph_certificate_digest(&where, &c, &digest);
    check_hex(digest.b, "e0eedd7e4b2e758948eb872ced999335e3daae810fcd5552f31bd5f57fa757b1");
    memset(certificate.b, 0x66, 32);
    ph_verdict_digest(&where, &certificate, true, &digest);
    check_hex(digest.b, "3480441028dd21fe0b758c17953a0fb0dcc99c80b1c6ac8f0f7c51e6d644565d");
    ph_verdict_digest(&where, &certificate, false, &digest);
    check_hex(digest.b, "ab659d84d2d774dd01495b771e4086a8f90f257accfa2984639103e951453116");
}

TEST(every_claim_is_compared)
{
    good();
    const struct ph_abi_verifier_committee_claims same = c.claims;

    CHECK(ph_claims_are_same(&c.claims, &same));
    for (int i = 0; i < 9; i++) {
        struct ph_abi_verifier_committee_claims other = same;
        other.kind ^= i == 0;
        other.image.b[31] ^= i == 1;
        other.platform_id.b[0] ^= i == 2;
        other.tcb_status ^= i == 3;
        other.eval_no ^= i == 4;
        other.evidence_time ^= i == 5;
        other.valid_until ^= i == 6;
        other.tcb_date ^= i == 7;
        other.flags ^= i == 8;
        CHECK(!ph_claims_are_same(&other, &same));
    }
}

static void encode_request(struct ph_buf *out)
{
    CHECK(ph_certify_encode(&c, PH_BYTES_LIT("evidence"), out) == PH_OK);
}

TEST(a_request_is_as_the_contracts_encode_it)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFY_MAX);
    struct ph_abi_verifier_committee_certificate got;
    struct ph_bytes evidence;
    uint8_t hash[32];

    good();
    encode_request(&raw);
    ph_keccak256(ph_buf_view(&raw), hash);
    check_hex(hash, "5dc6d708e6b3b23b2e1b665d2c52ea175c16e240a6294158acba34c84a2d9cff");
    CHECK(ph_certify_parse(ph_buf_view(&raw), &got, &evidence) == PH_OK);
    CHECK(ph_bytes_is(evidence, "evidence") && got.set_id == 5);
    CHECK(ph_claims_are_same(&got.claims, &c.claims));
    for (size_t cut = 0; cut < raw.len; cut++)
        CHECK(ph_certify_parse((struct ph_bytes){raw.ptr, cut}, &got, &evidence) != PH_OK);
}

TEST(a_request_that_is_too_long_for_a_datagram_is_refused)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(2 * PH_CERTIFY_MAX);
    struct ph_buf evidence PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFY_MAX);
    struct ph_abi_verifier_committee_certificate got;
    struct ph_bytes view;
    uint8_t *at;

    good();
    CHECK(ph_buf_reserve(&evidence, PH_CERTIFY_EVIDENCE_MAX, &at) == PH_OK);
    memset(at, 'e', PH_CERTIFY_EVIDENCE_MAX);
    evidence.len = PH_CERTIFY_EVIDENCE_MAX;
    CHECK(ph_certify_encode(&c, ph_buf_view(&evidence), &raw) == PH_OK);
    CHECK(ph_certify_parse(ph_buf_view(&raw), &got, &view) == PH_OK);
    CHECK(ph_buf_add(&evidence, PH_BYTES_LIT("e")) == PH_OK);
    CHECK(ph_certify_encode(&c, ph_buf_view(&evidence), &raw) == PH_ERR_LIMIT);
    CHECK(ph_buf_reserve(&raw, PH_CERTIFY_MAX, &at) == PH_OK);
    CHECK(ph_certify_parse((struct ph_bytes){raw.ptr, PH_CERTIFY_MAX + 1}, &got, &view) ==
          PH_ERR_LIMIT);
}

TEST(a_certificate_with_signatures_is_as_the_verifier_takes_it)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFICATE_MAX);
    struct ph_certified certified = {.sig_cnt = 2}, got;
    uint8_t hash[32];

    good();
    certified.c = c;
    memset(certified.sig[0], 0xaa, 65);
    memset(certified.sig[1], 0xbb, 65);
    CHECK(ph_certified_encode(&certified, &raw) == PH_OK);
    ph_keccak256(ph_buf_view(&raw), hash);
    check_hex(hash, "e19e9223c9f9261ee3738c65ecd43b6422270633f2478617ef22f33b86bb796e");
    CHECK(ph_certified_parse(ph_buf_view(&raw), &got) == PH_OK);
    CHECK(got.sig_cnt == 2 && memcmp(got.sig[1], certified.sig[1], 65) == 0);
    for (size_t cut = 0; cut < raw.len; cut++)
        CHECK(ph_certified_parse((struct ph_bytes){raw.ptr, cut}, &got) != PH_OK);
    raw.ptr[raw.len - 97 - 31 + 30] = 64; /* length of the last signature */
    raw.ptr[raw.len - 97] = 64;
    CHECK(ph_certified_parse(ph_buf_view(&raw), &got) == PH_ERR_MALFORMED);
}

TEST(more_signatures_than_seats_are_refused)
{
    struct ph_buf raw PH_OWNED(ph_buf_clear) = PH_BUF(PH_CERTIFICATE_MAX);
    static struct ph_bytes sigs[PH_CERTIFICATE_SIGS_MAX + 1];
    static const uint8_t sig[65];
    struct ph_certified got;

    good();
    for (size_t i = 0; i < PH_LEN(sigs); i++)
        sigs[i] = PH_BYTES_OF(sig);
    struct ph_abi_verifier_committee_challenge_args args = {
        .c = c, .signatures = {sigs, PH_CERTIFICATE_SIGS_MAX}};
    CHECK(ph_abi_encode(ph_abi_verifier_committee_challenge.in, &args, &raw) == PH_OK);
    CHECK(ph_certified_parse(ph_buf_view(&raw), &got) == PH_OK);
    ph_buf_clear(&raw);
    args.signatures.cnt++;
    CHECK(ph_abi_encode(ph_abi_verifier_committee_challenge.in, &args, &raw) == PH_OK);
    CHECK(ph_certified_parse(ph_buf_view(&raw), &got) == PH_ERR_LIMIT);
}

PH_TEST_MAIN(CASE(what_members_and_jurors_sign_has_the_hash_that_the_contract_checks),
             CASE(every_claim_is_compared), CASE(a_request_is_as_the_contracts_encode_it),
             CASE(a_request_that_is_too_long_for_a_datagram_is_refused),
             CASE(a_certificate_with_signatures_is_as_the_verifier_takes_it),
             CASE(more_signatures_than_seats_are_refused))
