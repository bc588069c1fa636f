/* Reports of GPUs and switches. */

#include "attest/nvidia/synth_nvidia.h"
#include "attest/synth/synth_p384.h"

#include <assert.h>

void ph_synth_nv_field(struct ph_synth_nv_report *r, uint16_t number, const void *value, size_t len)
{
    size_t at = 0;

    while (at < r->field_cnt && r->field[at].number != number)
        at++;
    if (len == 0) {
        assert(at < r->field_cnt);
        for (r->field_cnt--; at < r->field_cnt; at++)
            r->field[at] = r->field[at + 1];
        return;
    }
    assert(at < PH_SYNTH_NV_FIELDS_MAX && len <= sizeof(r->field[at].value));
    if (at == r->field_cnt)
        r->field_cnt++;
    r->field[at].number = number;
    r->field[at].len = len;
    memcpy(r->field[at].value, value, len);
}

void ph_synth_nv_report_init(struct ph_synth_nv_report *r, enum ph_nvidia_arch arch)
{
    static const uint8_t vbios[] = {0x00, 0x9f, 0x00, 0x96, 0x01, 0, 0, 0};
    static const uint8_t pdi[] = {0x7a, 0x66, 0xa9, 0x6e, 0x44, 0x0d, 0x8c, 0x05};
    static const uint8_t disabled[] = {0x55}, board[] = {0xb1, 3, 0, 0}, mode[] = {0, 0};
    uint8_t fwid[48], counts[256] = {0};

    *r = (struct ph_synth_nv_report){.version = 0x11};
    memset(r->nonce, 0x42, sizeof(r->nonce));
    memset(fwid, 0xf1, sizeof(fwid));
    r->block_cnt = arch == PH_NVIDIA_LS10 ? 31 : 64;
    for (size_t i = 0; i < r->block_cnt; i++)
        memset(r->digest[i], (int)i, sizeof(r->digest[i]));
    if (arch == PH_NVIDIA_LS10) {
        ph_synth_nv_field(r, 6, "96.10.55.00.01", 14);
        ph_synth_nv_field(r, 22, pdi, sizeof(pdi));
        ph_synth_nv_field(r, 12, counts, 108);
        return;
    }
    ph_synth_nv_field(r, 6, vbios, sizeof(vbios));
    ph_synth_nv_field(r, 14, board, sizeof(board));
    ph_synth_nv_field(r, 15, "882\0\0\0\0\0", 9);
    ph_synth_nv_field(r, 17, "1010", 5);
    ph_synth_nv_field(r, 18, "0200", 5);
    ph_synth_nv_field(r, 3, "550.90.07", 10);
    ph_synth_nv_field(r, 12, counts, sizeof(counts));
    ph_synth_nv_field(r, 11, disabled, 1);
    ph_synth_nv_field(r, 20, fwid, sizeof(fwid));
    if (arch == PH_NVIDIA_BLACKWELL)
        ph_synth_nv_field(r, 35, "GB100", 6);
    else
        ph_synth_nv_field(r, 21, disabled, 1);
    ph_synth_nv_field(r, 36, mode, sizeof(mode));
}

static enum ph_err put_u8(struct ph_buf *out, uint8_t v)
{
    return ph_buf_add(out, (struct ph_bytes){&v, 1});
}

static enum ph_err put_u16(struct ph_buf *out, size_t v)
{
    uint8_t le[2];
    ph_put_u16le(le, (uint16_t)v);
    return ph_buf_add(out, PH_BYTES_OF(le));
}

static enum ph_err put_record(const struct ph_synth_nv_report *r, struct ph_buf *out)
{
    for (size_t i = 0; i < r->block_cnt; i++) {
        PH_TRY(put_u8(out, (uint8_t)(i + 1)));
        PH_TRY(put_u8(out, 1));
        PH_TRY(put_u16(out, 51));
        PH_TRY(put_u8(out, 1));
        PH_TRY(put_u16(out, 48));
        PH_TRY(ph_buf_add(out, PH_BYTES_OF(r->digest[i])));
    }
    return PH_OK;
}

static enum ph_err put_fields(const struct ph_synth_nv_report *r, struct ph_buf *out)
{
    size_t len = 0;
    for (size_t i = 0; i < r->field_cnt; i++)
        len += 4 + r->field[i].len;
    PH_TRY(put_u16(out, len));
    for (size_t i = 0; i < r->field_cnt; i++) {
        PH_TRY(put_u16(out, r->field[i].number));
        PH_TRY(put_u16(out, r->field[i].len));
        PH_TRY(ph_buf_add(out, (struct ph_bytes){r->field[i].value, r->field[i].len}));
    }
    return PH_OK;
}

enum ph_err ph_synth_nv_report_put(const struct ph_synth_nv_report *r,
                                   const uint8_t secret[static 48], struct ph_buf *out)
{
    const uint8_t request[4] = {r->version, 0xe0, 0x01, 0xff};
    const size_t start = out->len, record_len = r->block_cnt * 55;
    const uint8_t head[8] = {r->version,
                             0x60,
                             0,
                             r->response_slot,
                             (uint8_t)r->block_cnt,
                             (uint8_t)record_len,
                             (uint8_t)(record_len >> 8),
                             (uint8_t)(record_len >> 16)};
    uint8_t sig[PH_P384_SIG_LEN], responder[32];

    memset(responder, 0x77, sizeof(responder));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(request)));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(r->nonce)));
    PH_TRY(put_u8(out, r->slot));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(head)));
    PH_TRY(put_record(r, out));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(responder)));
    PH_TRY(put_fields(r, out));
    PH_TRY(ph_synth_p384_sign(secret, (struct ph_bytes){out->ptr + start, out->len - start}, sig));
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(sig)));
    for (size_t i = 0; i < r->trailing; i++)
        PH_TRY(put_u8(out, 0));
    return PH_OK;
}
