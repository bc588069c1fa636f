#include "ipc/state_packets.h"

/* What each kind carries: least and greatest bytes of data. */
static const struct {
    enum ph_state_packet_kind kind;
    uint32_t least, most;
    bool has_a, has_n;
} kinds[] = {
    {PH_STATE_READ_PAGE, 0, 0, false, true},
    {PH_STATE_READ_NODE, 0, 0, true, true},
    {PH_STATE_COMMIT, 0, 0, false, true},
    {PH_STATE_REPLACE, 0, 0, false, true},
    {PH_STATE_PIECE, 1, PH_STATE_PACKET_DATA, false, false},
    {PH_STATE_KEY, 32, 32, true, true},
    {PH_STATE_DATA, 4096, 4096, false, false},
    {PH_STATE_ABSENT, 0, 0, false, false},
    {PH_STATE_FAILED, 0, 0, false, false},
    {PH_STATE_COMMITTED, 0, 0, false, false},
    {PH_STATE_LOST, 0, 1024, false, false},
};

void ph_state_packet_head(enum ph_state_packet_kind kind, uint8_t a, uint32_t n,
                          uint8_t out[static PH_STATE_PACKET_HEAD])
{
    memset(out, 0, PH_STATE_PACKET_HEAD);
    out[0] = (uint8_t)kind;
    out[1] = a;
    ph_put_u32le(out + 4, n);
}

enum ph_err ph_state_packet_parse(struct ph_bytes raw, struct ph_state_packet *out)
{
    struct ph_reader r = {raw};
    struct ph_state_packet p = {0};
    uint16_t zero;
    uint8_t kind;

    if (!ph_read_u8(&r, &kind) || !ph_read_u8(&r, &p.a) || !ph_read_u16le(&r, &zero) ||
        !ph_read_u32le(&r, &p.n) || zero != 0)
        return PH_ERR_MALFORMED;
    p.data = r.rest;
    for (size_t i = 0; i < PH_LEN(kinds); i++) {
        if ((uint8_t)kinds[i].kind != kind)
            continue;
        if (p.data.len < kinds[i].least || p.data.len > kinds[i].most ||
            (!kinds[i].has_a && p.a != 0) || (!kinds[i].has_n && p.n != 0))
            return PH_ERR_MALFORMED;
        p.kind = kinds[i].kind;
        *out = p;
        return PH_OK;
    }
    return PH_ERR_MALFORMED;
}
