/* Every kind with its sizes, and what is refused. */

#include "ipc/state_packets.h"

#include "base/own.h"
#include "base/test.h"

static uint8_t raw[PH_STATE_PACKET_MAX + 1];

static enum ph_err parse(enum ph_state_packet_kind kind, uint8_t a, uint32_t n, size_t len,
                         struct ph_state_packet *out)
{
    ph_state_packet_head(kind, a, n, raw);
    return ph_state_packet_parse((struct ph_bytes){raw, PH_STATE_PACKET_HEAD + len}, out);
}

TEST(each_kind_carries_what_its_row_says)
{
    struct ph_state_packet p;

    CHECK(parse(PH_STATE_READ_PAGE, 0, 7, 0, &p) == PH_OK && p.kind == PH_STATE_READ_PAGE &&
          p.n == 7);
    CHECK(parse(PH_STATE_READ_PAGE, 0, 7, 1, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_READ_PAGE, 1, 7, 0, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_READ_NODE, 2, 9, 0, &p) == PH_OK && p.a == 2 && p.n == 9);
    CHECK(parse(PH_STATE_REPLACE, 0, 9, 0, &p) == PH_OK && p.n == 9);
    CHECK(parse(PH_STATE_REPLACE, 1, 9, 0, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_PIECE, 0, 0, 0, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_PIECE, 0, 0, PH_STATE_PACKET_DATA, &p) == PH_OK);
    CHECK(p.data.len == PH_STATE_PACKET_DATA && p.data.ptr == raw + PH_STATE_PACKET_HEAD);
    CHECK(parse(PH_STATE_PIECE, 0, 0, PH_STATE_PACKET_DATA + 1, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_PIECE, 0, 1, 5, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_KEY, 2, 7, 32, &p) == PH_OK && p.a == 2 && p.n == 7);
    CHECK(parse(PH_STATE_KEY, 0, 0, 31, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_DATA, 0, 0, 4096, &p) == PH_OK);
    CHECK(parse(PH_STATE_DATA, 0, 0, 4095, &p) == PH_ERR_MALFORMED);
    CHECK(parse(PH_STATE_ABSENT, 0, 0, 0, &p) == PH_OK);
    CHECK(parse(PH_STATE_COMMITTED, 0, 0, 0, &p) == PH_OK);
    CHECK(parse(PH_STATE_LOST, 0, 0, 1025, &p) == PH_ERR_MALFORMED);
}

TEST(other_kinds_short_packets_and_stray_bits_are_refused)
{
    struct ph_state_packet p;

    for (int kind = 0; kind < 256; kind++) {
        const bool known = (kind >= 1 && kind <= 5) || (kind >= 16 && kind <= 21);
        if (!known)
            CHECK(parse((enum ph_state_packet_kind)kind, 0, 0, 0, &p) == PH_ERR_MALFORMED);
    }
    ph_state_packet_head(PH_STATE_READ_PAGE, 0, 1, raw);
    for (size_t len = 0; len < PH_STATE_PACKET_HEAD; len++)
        CHECK(ph_state_packet_parse((struct ph_bytes){raw, len}, &p) == PH_ERR_MALFORMED);
    raw[2] = 1;
    CHECK(ph_state_packet_parse((struct ph_bytes){raw, PH_STATE_PACKET_HEAD}, &p) ==
          PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(each_kind_carries_what_its_row_says),
             CASE(other_kinds_short_packets_and_stray_bits_are_refused))
