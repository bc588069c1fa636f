#include "attest/eventlog/dstack_image.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "codec/cbor.h"
#include "codec/jread.h"
#include "crypto/hash.h"

#include <stdlib.h>

#define MEMORY_MAX ((uint64_t)1 << 52) /* bytes: physical addresses have no more bits */

enum { DIGEST_LEN = PH_RTMR_LEN, VM_TOKENS = 1024 };

void ph_dstack_vm_clear(struct ph_dstack_vm *vm)
{
    ph_buf_clear(&vm->bytes);
}

static enum ph_err take_base64(const struct ph_jdoc *json, uint32_t object, const char *key,
                               struct ph_buf *keep, struct ph_bytes *out)
{
    const size_t at = keep->len;
    struct ph_bytes text;

    PH_TRY(ph_jscan_str(json, ph_jscan_get(json, object, key), &text));
    PH_TRY(ph_base64_decode(text, keep));
    *out = (struct ph_bytes){keep->ptr + at, keep->len - at};
    return out->len <= PH_DSTACK_IMAGE_PART_MAX ? PH_OK : PH_ERR_LIMIT;
}

static enum ph_err take_members(const struct ph_jdoc *json, struct ph_dstack_vm *vm)
{
    const uint32_t config = ph_jscan_get(json, 0, "mr_config");
    struct ph_bytes variant = {0};
    struct ph_json_why why;
    uint32_t parts;

    PH_TRY(
        ph_jread_hex(json, 0, "", "os_image_hash", vm->image_hash, 32, &vm->has_image_hash, &why));
    PH_TRY(ph_jread_int(json, 0, "", "memory_size", 0, MEMORY_MAX, &vm->memory_size, &why));
    PH_TRY(ph_jread_str(json, 0, "", "tdx_attestation_variant", 1, 32, &variant, &why));
    vm->is_lite = ph_bytes_is(variant, "lite");
    PH_TRY(ph_jread_object(json, 0, "", "tdx_measurement", &parts, &why));
    if (parts) {
        PH_TRY(take_base64(json, parts, "measurement", &vm->bytes, &vm->measurement));
        PH_TRY(take_base64(json, parts, "checksum_file", &vm->bytes, &vm->checksums));
    }
    if (config != 0 && json->toks[config].type != PH_JNULL) {
        const size_t at = vm->bytes.len;
        PH_TRY(ph_jread_unescape(json, config, &vm->bytes));
        vm->config = (struct ph_bytes){vm->bytes.ptr + at, vm->bytes.len - at};
    }
    return PH_OK;
}

enum ph_err ph_dstack_vm_parse(struct ph_bytes vm_config, struct ph_dstack_vm *out)
{
    struct ph_jtok *toks PH_OWNED(ph_freep) = malloc(VM_TOKENS * sizeof(*toks));
    struct ph_dstack_vm vm PH_OWNED(ph_dstack_vm_clear) = {.bytes = PH_BUF(PH_DSTACK_VM_MAX)};
    struct ph_json_why why;
    struct ph_jdoc json;
    uint8_t *at;

    if (!toks)
        return PH_ERR_NOMEM;
    PH_TRY(ph_jread_open(vm_config, PH_DSTACK_VM_MAX, toks, VM_TOKENS, &json, &why));
    if (toks[0].type != PH_JOBJECT)
        return PH_ERR_MALFORMED;
    /* Base64 and escapes only shrink: the text has at least the bytes of all parts, so that the
     * buffer does not move and views stay good. */
    PH_TRY(ph_buf_reserve(&vm.bytes, vm_config.len, &at));
    PH_TRY(take_members(&json, &vm));
    *out = vm;
    vm.bytes = PH_BUF(0);
    return PH_OK;
}

/* The hash that a list of checksums gives for the measurement: one line, `hex  name`. */
static bool listed(struct ph_bytes list, uint8_t out[static 32])
{
    static const char name[] = "  measurement.tdx.cbor";
    const size_t name_len = sizeof(name) - 1;
    unsigned found = 0;

    while (list.len > 0) {
        const uint8_t *end = memchr(list.ptr, '\n', list.len);
        const size_t len = end ? (size_t)(end - list.ptr) : list.len;
        if (len >= name_len && memcmp(list.ptr + len - name_len, name, name_len) == 0) {
            if (len != 64 + name_len ||
                ph_hex_decode((struct ph_bytes){list.ptr, 64}, out, 32) != PH_OK)
                return false;
            found++;
        }
        const size_t step = end ? len + 1 : len;
        list = (struct ph_bytes){list.ptr + step, list.len - step};
    }
    return found == 1;
}

/* What an image's measurement says. */
struct image {
    uint8_t kernel[DIGEST_LEN], initrd[DIGEST_LEN], command_line[DIGEST_LEN];
    uint8_t mr_td[2][DIGEST_LEN]; /* by the order in which the VMM adds pages */
    struct ph_bytes hob_witness, layout;
};

/* The next member of a map, which must have this name. */
static enum ph_err named(struct ph_reader *r, const char *name, enum ph_cbor_type type,
                         struct ph_cbor *out)
{
    struct ph_cbor key;

    PH_TRY(ph_cbor_expect(r, PH_CBOR_TEXT, &key));
    if (!ph_bytes_is(key.bytes, name))
        return PH_ERR_MALFORMED;
    return ph_cbor_expect(r, type, out);
}

static enum ph_err named_map(struct ph_reader *r, const char *name, uint64_t cnt)
{
    struct ph_cbor map;

    PH_TRY(named(r, name, PH_CBOR_MAP, &map));
    return !map.indefinite && map.value == cnt ? PH_OK : PH_ERR_MALFORMED;
}

static enum ph_err named_digest(struct ph_reader *r, const char *name, uint8_t *out)
{
    struct ph_cbor digest;

    PH_TRY(named(r, name, PH_CBOR_BYTES, &digest));
    if (digest.bytes.len != DIGEST_LEN)
        return PH_ERR_MALFORMED;
    memcpy(out, digest.bytes.ptr, DIGEST_LEN);
    return PH_OK;
}

/* {"version":3,"image":{…},"tdvf":{…}}, members in the order of their writer. */
static enum ph_err read_image(struct ph_bytes cbor, struct image *out)
{
    struct ph_reader all = {cbor}, r;
    struct ph_bytes whole;
    struct ph_cbor head;

    PH_TRY(ph_cbor_cut(&all, &whole));
    if (all.rest.len != 0)
        return PH_ERR_MALFORMED;
    r = (struct ph_reader){whole};
    PH_TRY(ph_cbor_expect(&r, PH_CBOR_MAP, &head));
    if (head.indefinite || head.value != 3)
        return PH_ERR_MALFORMED;
    PH_TRY(named(&r, "version", PH_CBOR_UINT, &head));
    if (head.value != 3)
        return PH_ERR_UNSUPPORTED;
    PH_TRY(named_map(&r, "image", 3));
    PH_TRY(named_digest(&r, "cmdline_sha384", out->command_line));
    PH_TRY(named_digest(&r, "kernel_authenticode", out->kernel));
    PH_TRY(named_digest(&r, "initrd_sha384", out->initrd));
    PH_TRY(named_map(&r, "tdvf", 3));
    PH_TRY(named(&r, "ovmf", PH_CBOR_TEXT, &head));
    out->layout = head.bytes;
    PH_TRY(named_map(&r, "mrtd", 2));
    PH_TRY(named_digest(&r, "single_pass", out->mr_td[0]));
    PH_TRY(named_digest(&r, "two_pass", out->mr_td[1]));
    PH_TRY(named(&r, "td_hob", PH_CBOR_BYTES, &head));
    out->hob_witness = head.bytes;
    return PH_OK;
}

/* RTMR0: first the list of hand-off blocks that says which memory is there */

enum {
    PAGE = 4096,
    HOB_RANGES_MAX = 16,
    HOB_HEAD_LEN = 56,
    HOB_RESOURCE_LEN = 48,
    HOB_END_LEN = 8,
    HOB_SYSTEM_MEMORY = 0, /* accepted: EFI_RESOURCE_SYSTEM_MEMORY */
    HOB_UNACCEPTED = 7,    /* EFI_RESOURCE_MEMORY_UNACCEPTED */
    HOB_ATTRIBUTES = 7,    /* present, initialized, tested */
};

struct hob {
    uint8_t bytes[HOB_HEAD_LEN + (2 * HOB_RANGES_MAX + 2) * HOB_RESOURCE_LEN];
    size_t len;
};

/* EFI_HOB_RESOURCE_DESCRIPTOR, of no owner. */
static void add_resource(struct hob *hob, uint8_t type, uint64_t start, uint64_t len)
{
    uint8_t *at = hob->bytes + hob->len;

    memset(at, 0, HOB_RESOURCE_LEN);
    at[0] = 3;
    at[2] = HOB_RESOURCE_LEN;
    at[24] = type;
    at[28] = HOB_ATTRIBUTES;
    ph_put_u64le(at + 32, start);
    ph_put_u64le(at + 40, len);
    hob->len += HOB_RESOURCE_LEN;
}

/* LEB128, of at most 40 bits: page numbers of 52-bit addresses. */
static enum ph_err read_varint(struct ph_reader *r, uint64_t *out)
{
    uint8_t byte;

    *out = 0;
    for (unsigned shift = 0; shift < 42; shift += 7) {
        if (!ph_read_u8(r, &byte))
            return PH_ERR_MALFORMED;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return PH_OK;
    }
    return PH_ERR_MALFORMED;
}

static const uint64_t low_end = 0x80000000;    /* of memory below 4 GiB, if there is more */
static const uint64_t split_from = 0xb0000000; /* sizes of memory that are split there */
static const uint64_t high_start = 0x100000000;

/* What is left after the last range. */
static void add_tail(struct hob *hob, uint64_t start, uint64_t memory)
{
    if (memory < split_from) {
        add_resource(hob, HOB_UNACCEPTED, start, memory - start);
        return;
    }
    add_resource(hob, HOB_UNACCEPTED, start, low_end - start);
    add_resource(hob, HOB_UNACCEPTED, high_start, memory - low_end);
}

/* The witness: first page, the list's page after it, ranges that the firmware has accepted before,
 * in order. */
static enum ph_err make_hob(struct ph_bytes witness, uint64_t memory, struct hob *hob)
{
    struct ph_reader r = {witness};
    uint64_t base, list, cnt, at = 0;

    PH_TRY(read_varint(&r, &base));
    PH_TRY(read_varint(&r, &list));
    PH_TRY(read_varint(&r, &cnt));
    if (cnt == 0 || cnt > HOB_RANGES_MAX)
        return PH_ERR_MALFORMED;
    *hob = (struct hob){.bytes = {1, 0, HOB_HEAD_LEN, [8] = 9}, .len = HOB_HEAD_LEN};
    for (uint64_t i = 0; i < cnt; i++) {
        uint64_t first, pages;
        PH_TRY(read_varint(&r, &first));
        PH_TRY(read_varint(&r, &pages));
        const uint64_t start = (base + first) * PAGE, end = start + pages * PAGE;
        if (pages == 0 || start < at || end >= memory || end >= low_end)
            return PH_ERR_MALFORMED;
        if (start > at)
            add_resource(hob, HOB_UNACCEPTED, at, start - at);
        add_resource(hob, HOB_SYSTEM_MEMORY, start, end - start);
        at = end;
    }
    add_tail(hob, at, memory);
    ph_put_u64le(hob->bytes + 48, (base + list) * PAGE + hob->len + HOB_END_LEN);
    return r.rest.len == 0 ? PH_OK : PH_ERR_MALFORMED;
}

static void extend(struct ph_rtmrs *r, unsigned index, struct ph_bytes data)
{
    uint8_t digest[DIGEST_LEN];

    ph_sha384(data, digest);
    ph_rtmrs_extend(r, index, digest);
}

/* An EFI variable that is not set: UEFI_VARIABLE_DATA without data. */
static void extend_variable(struct ph_rtmrs *r, const uint8_t guid[static 16], const char *name)
{
    uint8_t data[32 + 2 * 16] = {0};
    const size_t len = strlen(name);

    memcpy(data, guid, 16);
    ph_put_u64le(data + 16, len);
    for (size_t i = 0; i < len; i++)
        data[32 + 2 * i] = (uint8_t)name[i];
    extend(r, 0, (struct ph_bytes){data, 32 + 2 * len});
}

/* 8be4df61-93ca-11d2-aa0d-00e098032b8c, d719b2cb-3d3a-4596-a3bc-dad00e67656f. */
static const uint8_t efi_global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                       0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
static const uint8_t efi_database[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45,
                                         0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
/* Of dstack's firmware: its empty configuration volume, and its first boot option. */
static const uint8_t config_volume[DIGEST_LEN] = {
    0x34, 0x4b, 0xc5, 0x1c, 0x98, 0x0b, 0xa6, 0x21, 0xaa, 0xa0, 0x0d, 0xa3, 0xed, 0x74, 0x36, 0xf7,
    0xd6, 0xe5, 0x49, 0x19, 0x7d, 0xfe, 0x69, 0x95, 0x15, 0xdf, 0xa2, 0xc6, 0x58, 0x3d, 0x95, 0xe6,
    0x41, 0x2a, 0xf2, 0x1c, 0x09, 0x7d, 0x47, 0x31, 0x55, 0x87, 0x5f, 0xfd, 0x56, 0x1d, 0x67, 0x90};
static const uint8_t boot_option[DIGEST_LEN] = {
    0x23, 0xad, 0xa0, 0x7f, 0x52, 0x61, 0xf1, 0x2f, 0x34, 0xa0, 0xbd, 0x8e, 0x46, 0x76, 0x09, 0x62,
    0xd6, 0xb4, 0xd5, 0x76, 0xa4, 0x16, 0xf1, 0xfe, 0xa1, 0xc6, 0x4b, 0xc6, 0x56, 0xb1, 0xd2, 0x8e,
    0xac, 0xf7, 0x04, 0x7a, 0xe6, 0xe9, 0x67, 0xc5, 0x8f, 0xd2, 0xa9, 0x8b, 0xfa, 0x74, 0xc2, 0x98};
static const uint8_t zeros[4];

static void measure_firmware(const struct hob *hob, const struct ph_event_claims *claims,
                             struct ph_rtmrs *r)
{
    extend(r, 0, (struct ph_bytes){hob->bytes, hob->len});
    ph_rtmrs_extend(r, 0, config_volume);
    extend_variable(r, efi_global, "SecureBoot");
    extend_variable(r, efi_global, "PK");
    extend_variable(r, efi_global, "KEK");
    extend_variable(r, efi_database, "db");
    extend_variable(r, efi_database, "dbx");
    extend(r, 0, PH_BYTES_OF(zeros)); /* the separator */
    for (unsigned i = 0; i < PH_ACPI_CNT; i++)
        ph_rtmrs_extend(r, 0, claims->acpi[i]);
    extend(r, 0, (struct ph_bytes){zeros, 2}); /* BootOrder: Boot0000 */
    ph_rtmrs_extend(r, 0, boot_option);
}

static void measure_kernel(const struct image *image, struct ph_rtmrs *r)
{
    ph_rtmrs_extend(r, 1, image->kernel);
    extend(r, 1, PH_BYTES_LIT("Calling EFI Application from Boot Option"));
    extend(r, 1, PH_BYTES_OF(zeros));
    extend(r, 1, PH_BYTES_LIT("Exit Boot Services Invocation"));
    extend(r, 1, PH_BYTES_LIT("Exit Boot Services Returned with Success"));
    ph_rtmrs_extend(r, 2, image->command_line);
    ph_rtmrs_extend(r, 2, image->initrd);
}

static enum ph_err refuse(const struct ph_event_claims *claims, const char *what,
                          struct ph_event_why *why)
{
    return ph_event_refuse(why, PH_CHECK_EVENT_OS_IMAGE, claims->event_cnt,
                           "the OS image that vm_config names: %s", what);
}

static enum ph_err compare(const struct image *image, const struct ph_rtmrs *r,
                           const struct ph_event_claims *claims, const struct ph_tdx_body *td,
                           struct ph_event_why *why)
{
    if (memcmp(td->mr_td, image->mr_td[0], DIGEST_LEN) != 0 &&
        memcmp(td->mr_td, image->mr_td[1], DIGEST_LEN) != 0)
        return refuse(claims, "MRTD is not that of its firmware", why);
    if (memcmp(td->rtmr0, r->r[0], DIGEST_LEN) != 0)
        return refuse(claims, "RTMR0 does not follow from it", why);
    if (memcmp(td->rtmr1, r->r[1], DIGEST_LEN) != 0)
        return refuse(claims, "RTMR1 is not that of its kernel", why);
    if (memcmp(td->rtmr2, r->r[2], DIGEST_LEN) != 0)
        return refuse(claims, "RTMR2 is not that of its command line and initrd", why);
    return PH_OK;
}

enum ph_err ph_dstack_image_check(const struct ph_dstack_vm *vm,
                                  const struct ph_event_claims *claims,
                                  const struct ph_tdx_body *td, struct ph_event_why *why)
{
    uint8_t hash[32], want[32];
    struct ph_rtmrs expected = {0};
    struct image image;
    struct hob hob;

    if (!vm->is_lite || !vm->has_image_hash || vm->measurement.len == 0)
        return PH_ERR_UNSUPPORTED;
    ph_sha256(vm->checksums, hash);
    if (memcmp(hash, vm->image_hash, sizeof(hash)) != 0)
        return refuse(claims, "os_image_hash is not the hash of its checksums", why);
    ph_sha256(vm->measurement, hash);
    if (!listed(vm->checksums, want) || memcmp(hash, want, sizeof(hash)) != 0)
        return refuse(claims, "its checksums do not name the measurement", why);
    const enum ph_err err = read_image(vm->measurement, &image);
    if (err != PH_OK)
        return err == PH_ERR_UNSUPPORTED ? err
                                         : refuse(claims, "the measurement breaks its format", why);
    if (!ph_bytes_is(image.layout, "pre202505") || claims->acpi_seen != (1u << PH_ACPI_CNT) - 1 ||
        (vm->memory_size != low_end && vm->memory_size < split_from))
        return PH_ERR_UNSUPPORTED;
    if (make_hob(image.hob_witness, vm->memory_size, &hob) != PH_OK)
        return refuse(claims, "the measurement breaks its format", why);
    measure_firmware(&hob, claims, &expected);
    measure_kernel(&image, &expected);
    return compare(&image, &expected, claims, td, why);
}
