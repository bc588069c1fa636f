/* Reverts in words; selectors as viem 2.57.0 has them. */

#include "chain/refusal.h"

#include "base/test.h"

static char text[PH_REFUSAL_LEN];

static void expect(struct ph_bytes raw, const char *expected)
{
    ph_refusal_text(raw, text);
    assert_string_equal(text, expected);
}

TEST(a_known_error_is_named_with_its_values)
{
    uint8_t raw[4 + 64] = {0xfc, 0xa6, 0xcd, 0x8f, [35] = 5};

    expect((struct ph_bytes){raw, 36}, "TcbRefused(uint8): 5");
    expect(PH_BYTES_LIT("\x56\x45\xf0\x37"), "TcbRevoked()");
    const uint8_t unknown_pck[36] = {0x2f, 0xea, 0xea, 0x40, 0xab, [35] = 1};
    expect(PH_BYTES_OF(unknown_pck),
           "PckUnknown(bytes32): "
           "0xab00000000000000000000000000000000000000000000000000000000000001");
    CHECK(ph_refusal_is(PH_BYTES_OF(unknown_pck), "PckUnknown"));
    CHECK(!ph_refusal_is(PH_BYTES_OF(unknown_pck), "Pck"));
    CHECK(!ph_refusal_is(PH_BYTES_OF(unknown_pck), "PckUnknownMore"));
}

TEST(what_is_cut_short_is_named_without_values)
{
    const uint8_t raw[35] = {0xfc, 0xa6, 0xcd, 0x8f};

    expect(PH_BYTES_OF(raw), "TcbRefused(uint8)");
}

TEST(other_errors_are_shown_as_they_are)
{
    expect(PH_BYTES_LIT("\x12\x34\x56\x78more"), "an unknown error 0x12345678");
    expect(PH_BYTES_LIT("\x12\x34\x56"), "no reason given");
    expect((struct ph_bytes){NULL, 0}, "no reason given");
    CHECK(!ph_refusal_is((struct ph_bytes){NULL, 0}, "PckUnknown"));
}

PH_TEST_MAIN(CASE(a_known_error_is_named_with_its_values),
             CASE(what_is_cut_short_is_named_without_values),
             CASE(other_errors_are_shown_as_they_are))
