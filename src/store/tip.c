#include "store/tip.h"

#include "base/own.h"
#include "crypto/hash.h"

enum { SUMMED = PH_TIP_LEN - 32 };
static const uint8_t magic[8] = {'P', 'H', 'S', 'T', 'A', 'T', 'E', '1'};

void ph_tip_encode(const struct ph_state_tip *tip, uint64_t base, uint8_t out[static PH_TIP_LEN])
{
    memcpy(out, magic, 8);
    ph_put_u64le(out + 8, tip->index);
    memcpy(out + 16, tip->hash.b, 32);
    memcpy(out + 48, tip->root.b, 32);
    ph_put_u32le(out + 80, tip->page_cnt);
    ph_put_u32le(out + 84, tip->key_epoch);
    ph_put_u64le(out + 88, base);
    ph_sha256((struct ph_bytes){out, SUMMED}, out + SUMMED);
}

enum ph_err ph_tip_read(struct ph_reader *r, struct ph_state_tip *tip, uint64_t *base)
{
    const struct ph_bytes summed = {r->rest.ptr, SUMMED};
    struct ph_state_tip t = {0};
    struct ph_bytes mark;
    uint8_t sum[32], want[32];
    uint64_t from;

    if (r->rest.len < PH_TIP_LEN)
        return PH_ERR_MALFORMED;
    ph_sha256(summed, want);
    if (!ph_read_view(r, 8, &mark) || !ph_bytes_equal(mark, PH_BYTES_OF(magic)) ||
        !ph_read_u64le(r, &t.index) || !ph_read_copy(r, t.hash.b, 32) ||
        !ph_read_copy(r, t.root.b, 32) || !ph_read_u32le(r, &t.page_cnt) ||
        !ph_read_u32le(r, &t.key_epoch) || !ph_read_u64le(r, &from) || !ph_read_copy(r, sum, 32) ||
        memcmp(sum, want, 32) != 0 || from > t.index)
        return PH_ERR_MALFORMED;
    *tip = t;
    *base = from;
    return PH_OK;
}
