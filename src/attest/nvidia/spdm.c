#include "attest/nvidia/spdm.h"

#include "attest/checks.h"

#include <assert.h>
#include <stdio.h>

/* DSP0274 §10.11: request and response codes and their parameters. */
enum {
    GET_MEASUREMENTS = 0xe0,
    MEASUREMENTS = 0x60,
    SIGNATURE_REQUESTED = 0x01,
    ALL_MEASUREMENTS = 0xff,
    SLOT_MAX = 7,
    DMTF_FORMAT = 1,
    DMTF_RAW = 0x80, /* bit of the value's type: not a digest */
};

/* clang-format off */
static const struct ph_spdm_field_row gpu_rows[] = {
#define F(number, id, name, form, least, most) {number, name, PH_SPDM_AS_##form, least, most},
    PH_SPDM_GPU_FIELDS(F)
};
static const struct ph_spdm_field_row switch_rows[] = {
    PH_SPDM_SWITCH_FIELDS(F)
#undef F
};
/* clang-format on */

/* The names of switch fields written out in the header have the numbers of the table. */
#define F(number, id, name, form, least, most)                                                     \
    static_assert(PH_SPDM_##id == (number), "the number of a switch's field");
PH_SPDM_SWITCH_FIELDS(F)
#undef F

enum ph_err ph_spdm_field_row(bool is_switch, uint16_t number, struct ph_spdm_field_row *out)
{
    const struct ph_spdm_field_row *rows = is_switch ? switch_rows : gpu_rows;
    const size_t cnt = is_switch ? PH_LEN(switch_rows) : PH_LEN(gpu_rows);

    for (size_t i = 0; i < cnt; i++) {
        if (rows[i].number == number) {
            *out = rows[i];
            return PH_OK;
        }
    }
    return PH_ERR_NOT_FOUND;
}

/* What a text field says: everything before the NULs at its end. */
static struct ph_bytes trim(struct ph_bytes value)
{
    while (value.len > 0 && value.ptr[value.len - 1] == 0)
        value.len--;
    return value;
}

static bool fits(const struct ph_spdm_field_row *row, struct ph_bytes value)
{
    const struct ph_bytes text = trim(value);

    if (value.len < row->least || value.len > row->most)
        return false;
    switch (row->form) {
    case PH_SPDM_AS_BYTES:
        return true;
    case PH_SPDM_AS_COUNTS:
        return value.len % 4 == 0;
    case PH_SPDM_AS_PDIS:
        return value.len % 8 == 0;
    case PH_SPDM_AS_TEXT:
        for (size_t i = 0; i < text.len; i++) {
            if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
                return false;
        }
        return true;
    }
    return false;
}

static enum ph_err read_fields(struct ph_bytes fields, struct ph_spdm_report *out)
{
    struct ph_reader r = {fields};
    struct ph_spdm_field_row row;
    struct ph_bytes value;
    uint16_t number, len;

    while (r.rest.len > 0) {
        if (!ph_read_u16le(&r, &number) || !ph_read_u16le(&r, &len) ||
            !ph_read_view(&r, len, &value))
            return PH_ERR_MALFORMED;
        /* A field nobody here knows could say that the device must not be trusted. */
        if (ph_spdm_field_row(out->is_switch, number, &row) != PH_OK)
            return PH_ERR_UNSUPPORTED;
        if (out->field[number].ptr || !fits(&row, value))
            return PH_ERR_MALFORMED;
        out->field[number] = value;
    }
    return PH_OK;
}

/* The record holds exactly `cnt` SHA-384 digests, numbered from 1. */
static enum ph_err read_record(struct ph_bytes record, size_t cnt)
{
    struct ph_reader r = {record};
    uint8_t index, format, type;
    uint16_t size, value_len;
    struct ph_bytes value;

    for (size_t i = 0; i < cnt; i++) {
        if (!ph_read_u8(&r, &index) || !ph_read_u8(&r, &format) || !ph_read_u16le(&r, &size) ||
            !ph_read_u8(&r, &type) || !ph_read_u16le(&r, &value_len))
            return PH_ERR_MALFORMED;
        if (format != DMTF_FORMAT || (type & DMTF_RAW) != 0 || value_len != PH_SPDM_DIGEST_LEN)
            return PH_ERR_UNSUPPORTED;
        if (index != i + 1 || size != PH_SPDM_BLOCK_LEN - 4 || !ph_read_view(&r, value_len, &value))
            return PH_ERR_MALFORMED;
    }
    return r.rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err read_request(struct ph_reader *r, struct ph_spdm_report *out)
{
    uint8_t code, flags, what;

    if (!ph_read_u8(r, &out->version) || !ph_read_u8(r, &code) || !ph_read_u8(r, &flags) ||
        !ph_read_u8(r, &what) || !ph_read_view(r, PH_SPDM_NONCE_LEN, &out->nonce) ||
        !ph_read_u8(r, &out->slot))
        return PH_ERR_MALFORMED;
    if ((out->version != 0x11 && out->version != 0x12) || code != GET_MEASUREMENTS ||
        flags != SIGNATURE_REQUESTED || what != ALL_MEASUREMENTS || out->slot > SLOT_MAX)
        return PH_ERR_UNSUPPORTED;
    return PH_OK;
}

/* The response up to its record: that of the request before it. */
static enum ph_err read_response(struct ph_reader *r, struct ph_spdm_report *out,
                                 uint32_t *record_len)
{
    uint8_t head[8];

    if (!ph_read_copy(r, head, sizeof(head)))
        return PH_ERR_MALFORMED;
    if (head[0] != out->version || head[1] != MEASUREMENTS || head[2] != 0 || head[3] != out->slot)
        return PH_ERR_UNSUPPORTED;
    out->block_cnt = head[4];
    *record_len = (uint32_t)head[5] | (uint32_t)head[6] << 8 | (uint32_t)head[7] << 16;
    return PH_OK;
}

static enum ph_err parse(struct ph_bytes report, struct ph_spdm_report *x, enum ph_check *failed)
{
    struct ph_reader r = {report};
    uint32_t record_len;
    uint16_t fields_len;

    *failed = PH_CHECK_NV_LENGTH;
    if (report.len > PH_SPDM_MAX)
        return PH_ERR_LIMIT;
    *failed = PH_CHECK_NV_REQUEST;
    PH_TRY(read_request(&r, x));
    *failed = PH_CHECK_NV_RESPONSE;
    PH_TRY(read_response(&r, x, &record_len));
    *failed = PH_CHECK_NV_BLOCKS;
    if (x->block_cnt < 1 || x->block_cnt > PH_SPDM_BLOCKS_MAX ||
        record_len != x->block_cnt * PH_SPDM_BLOCK_LEN || !ph_read_view(&r, record_len, &x->record))
        return PH_ERR_MALFORMED;
    PH_TRY(read_record(x->record, x->block_cnt));
    *failed = PH_CHECK_NV_LENGTH;
    if (!ph_read_view(&r, PH_SPDM_NONCE_LEN, &x->responder_nonce) ||
        !ph_read_u16le(&r, &fields_len) || !ph_read_view(&r, fields_len, &x->fields) ||
        r.rest.len != PH_SPDM_SIG_LEN)
        return PH_ERR_MALFORMED;
    x->signed_part = (struct ph_bytes){report.ptr, report.len - PH_SPDM_SIG_LEN};
    x->signature = r.rest;
    *failed = PH_CHECK_NV_FIELDS;
    PH_TRY(read_fields(x->fields, x));
    *failed = PH_CHECK_CNT;
    return PH_OK;
}

enum ph_err ph_spdm_parse_gpu(struct ph_bytes report, struct ph_spdm_report *out,
                              enum ph_check *failed)
{
    struct ph_spdm_report x = {.is_switch = false};
    PH_TRY(parse(report, &x, failed));
    *out = x;
    return PH_OK;
}

enum ph_err ph_spdm_parse_switch(struct ph_bytes report, struct ph_spdm_report *out,
                                 enum ph_check *failed)
{
    struct ph_spdm_report x = {.is_switch = true};
    PH_TRY(parse(report, &x, failed));
    *out = x;
    return PH_OK;
}

struct ph_bytes ph_spdm_digest(const struct ph_spdm_report *r, size_t i)
{
    assert(i < r->block_cnt);
    return (struct ph_bytes){r->record.ptr + (i + 1) * PH_SPDM_BLOCK_LEN - PH_SPDM_DIGEST_LEN,
                             PH_SPDM_DIGEST_LEN};
}

struct ph_bytes ph_spdm_text(const struct ph_spdm_report *r, enum ph_spdm_field field)
{
    return trim(r->field[field]);
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F');
}

/* "96.00.9F.00.01": five pairs of upper-case hex digits. */
static bool is_vbios(struct ph_bytes text)
{
    if (text.len != 14)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (i % 3 == 2 ? text.ptr[i] != '.' : !is_hex(text.ptr[i]))
            return false;
    }
    return true;
}

bool ph_spdm_vbios(const struct ph_spdm_report *r, char out[static 32])
{
    const struct ph_bytes v = r->field[r->is_switch ? PH_SPDM_BIOS : PH_SPDM_VBIOS];
    const struct ph_bytes text = trim(v);

    if (!v.ptr)
        return false;
    if (!r->is_switch) {
        /* A number of 8 bytes, little-endian: its lower half, then the byte above it. */
        (void)snprintf(out, 32, "%02X.%02X.%02X.%02X.%02X", v.ptr[3], v.ptr[2], v.ptr[1], v.ptr[0],
                       v.ptr[4]);
        return true;
    }
    if (!is_vbios(text))
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

bool ph_spdm_driver(const struct ph_spdm_report *r, char out[static 32])
{
    const struct ph_bytes text = ph_spdm_text(r, PH_SPDM_DRIVER);

    if (text.len == 0 || text.len > 31)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]) && text.ptr[i] != '.')
            return false;
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/* Parts of names: letters and digits. */
static bool is_word(struct ph_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.ptr[i]) && !(text.ptr[i] >= 'A' && text.ptr[i] <= 'Z') &&
            !(text.ptr[i] >= 'a' && text.ptr[i] <= 'z'))
            return false;
    }
    return text.len > 0;
}

bool ph_spdm_driver_rim_id(const struct ph_spdm_report *r, enum ph_nvidia_arch arch,
                           char out[static PH_SPDM_RIM_ID_LEN])
{
    struct ph_bytes chip = ph_spdm_text(r, PH_SPDM_CHIP);
    char driver[32];

    if (r->is_switch || !ph_spdm_driver(r, driver))
        return false;
    switch (arch) {
    case PH_NVIDIA_HOPPER:
        (void)snprintf(out, PH_SPDM_RIM_ID_LEN, "NV_GPU_DRIVER_GH100_%s", driver);
        return true;
    case PH_NVIDIA_BLACKWELL:
        if (chip.len == 0)
            chip = PH_BYTES_LIT("GB100");
        if (!is_word(chip))
            return false;
        (void)snprintf(out, PH_SPDM_RIM_ID_LEN, "NV_GPU_CC_DRIVER_%.*s_%s", (int)chip.len,
                       (const char *)chip.ptr, driver);
        return true;
    case PH_NVIDIA_LS10:
    case PH_NVIDIA_UNKNOWN:
        return false;
    }
    return false;
}

bool ph_spdm_vbios_rim_id(const struct ph_spdm_report *r, char out[static PH_SPDM_RIM_ID_LEN])
{
    struct ph_bytes project = ph_spdm_text(r, PH_SPDM_PROJECT),
                    sku = ph_spdm_text(r, PH_SPDM_PROJECT_SKU),
                    chip = ph_spdm_text(r, PH_SPDM_CHIP_SKU);
    char version[32], packed[16] = {0}, text[PH_SPDM_RIM_ID_LEN];
    size_t n = 0;

    if (!ph_spdm_vbios(r, version))
        return false;
    for (size_t i = 0; version[i]; i++) {
        if (version[i] != '.')
            packed[n++] = version[i];
    }
    if (r->is_switch && project.len + sku.len + chip.len == 0) {
        /* LS10 sends none of them; NVIDIA's manifests for it are all named so. */
        project = PH_BYTES_LIT("5612");
        sku = PH_BYTES_LIT("0002");
        chip = PH_BYTES_LIT("890");
    }
    if (!is_word(project) || !is_word(sku) || !is_word(chip))
        return false;
    (void)snprintf(text, sizeof(text), "%s_%.*s_%.*s_%.*s_%s",
                   r->is_switch ? "NV_SWITCH_BIOS" : "NV_GPU_VBIOS", (int)project.len,
                   (const char *)project.ptr, (int)sku.len, (const char *)sku.ptr, (int)chip.len,
                   (const char *)chip.ptr, packed);
    for (n = 0; text[n]; n++)
        out[n] = (char)(text[n] >= 'a' && text[n] <= 'z' ? text[n] - 'a' + 'A' : text[n]);
    out[n] = '\0';
    return true;
}
