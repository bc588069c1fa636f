#ifndef PH_ATTEST_NVIDIA_SPDM_H
#define PH_ATTEST_NVIDIA_SPDM_H

/* Attestation reports of NVIDIA GPUs and NVSwitches: an SPDM GET_MEASUREMENTS request and the
 * MEASUREMENTS response to it, one after the other.
 *
 *   request   version u8, 0xe0, 0x01 (signed), 0xff (all), nonce 32, slot u8
 *   response  version u8, 0x60, 0, slot u8, blocks u8, record length u24, record,
 *             nonce 32, length u16, NVIDIA's fields { id u16, length u16, value }, signature 96
 *   record    blocks of { index u8, 1, size u16 = 51, type u8, length u16 = 48, value 48 }
 *
 * Integers are little-endian, the signature is r || s, big-endian.
 *
 * Layer: attest. Pure. Spec: DMTF DSP0274 (SPDM) 1.1 and 1.2, §10.11; field numbers as in NVIDIA's
 * attestation SDK. Tests: spdm_test.c, vectors_test.c, spdm_fuzz.c.
 */

#include "attest/checks.h"
#include "attest/nvidia/nvidia_claims.h"
#include "base/bytes.h"

enum {
    PH_SPDM_MAX = 32 * 1024, /* bytes of one report; 4,274 seen */
    PH_SPDM_REQUEST_LEN = 37,
    PH_SPDM_NONCE_LEN = 32,
    PH_SPDM_BLOCK_LEN = 55,
    PH_SPDM_DIGEST_LEN = 48,  /* SHA-384 */
    PH_SPDM_SIG_LEN = 96,     /* ECDSA P-384 */
    PH_SPDM_BLOCKS_MAX = 239, /* SPDM reserves the indices above */
};

/* How the value of a field reads. */
enum ph_spdm_form {
    PH_SPDM_AS_BYTES,
    PH_SPDM_AS_TEXT,   /* printable characters, then NULs alone */
    PH_SPDM_AS_COUNTS, /* u32, one for each measurement: how often it was extended */
    PH_SPDM_AS_PDIS,   /* ids of 8 bytes: of the switches or GPUs at the other end of each link */
};

/* NVIDIA's fields. F(number, enumerator, SDK's name after OPAQUE_FIELD_ID_, form, least and most
 * bytes). */
/* clang-format off */
#define PH_SPDM_COMMON_FIELDS(F)                                                                   \
    F(1,  ISSUER,         "CERT_ISSUER_NAME",      BYTES,  1,   256)                               \
    F(2,  AKI,            "AUTHORITY_KEY_ID",      BYTES,  1,   64)                                \
    F(3,  DRIVER,         "DRIVER_VERSION",        TEXT,   2,   32)                                \
    F(4,  GPU_INFO,       "GPU_INFO",              BYTES,  1,   64)                                \
    F(5,  SKU,            "SKU",                   BYTES,  1,   64)                                \
    F(7,  MANUFACTURER,   "MANUFACTURER_ID",       BYTES,  1,   64)                                \
    F(8,  TAMPER,         "TAMPER_DETECTION",      BYTES,  1,   64)                                \
    F(9,  SMC,            "SMC",                   BYTES,  1,   64)                                \
    F(10, VPR,            "VPR",                   BYTES,  1,   64)                                \
    F(11, NVDEC0,         "NVDEC0_STATUS",         BYTES,  1,   1)                                 \
    F(12, COUNTS,         "MSRSCNT",               COUNTS, 4,   1020)                              \
    F(13, CPR_INFO,       "CPRINFO",               BYTES,  1,   64)                                \
    F(14, BOARD,          "BOARD_ID",              BYTES,  1,   16)                                \
    F(15, CHIP_SKU,       "CHIP_SKU",              TEXT,   1,   16)                                \
    F(16, CHIP_SKU_MOD,   "CHIP_SKU_MOD",          TEXT,   1,   16)                                \
    F(17, PROJECT,        "PROJECT",               TEXT,   1,   16)                                \
    F(18, PROJECT_SKU,    "PROJECT_SKU",           TEXT,   1,   16)                                \
    F(19, PROJECT_SKU_MOD, "PROJECT_SKU_MOD",      TEXT,   1,   16)                                \
    F(20, FWID,           "FWID",                  BYTES,  48,  48)                                \
    F(21, PROTECTED_PCIE, "PROTECTED_PCIE_STATUS", BYTES,  1,   1)

#define PH_SPDM_GPU_FIELDS(F)                                                                      \
    PH_SPDM_COMMON_FIELDS(F)                                                                       \
    F(6,  VBIOS,          "VBIOS_VERSION",         BYTES,  8,   8)                                 \
    F(22, SWITCH_PDIS,    "SWITCH_PDI",            PDIS,   8,   512)                               \
    F(23, FLOORSWEPT,     "FLOORSWEPT_PORTS",      BYTES,  1,   64)                                \
    F(24, POSITION,       "POSITION_ID",           BYTES,  1,   16)                                \
    F(25, LOCK,           "LOCK_SWITCH_STATUS",    BYTES,  1,   16)                                \
    F(32, LINKS,          "GPU_LINK_CONN",         BYTES,  1,   512)                               \
    F(33, SYS_ENABLE,     "SYS_ENABLE_STATUS",     BYTES,  1,   64)                                \
    F(34, FIELDS_VERSION, "OPAQUE_DATA_VERSION",   BYTES,  1,   16)                                \
    F(35, CHIP,           "CHIP_INFO",             TEXT,   2,   16)                                \
    F(36, MODE,           "FEATURE_FLAG",          BYTES,  1,   2)

#define PH_SPDM_SWITCH_FIELDS(F)                                                                   \
    PH_SPDM_COMMON_FIELDS(F)                                                                       \
    F(6,  BIOS,           "VBIOS_VERSION",         TEXT,   14,  16)                                \
    F(22, DEVICE_PDI,     "DEVICE_PDI",            BYTES,  8,   8)                                 \
    F(23, DISABLED_PORTS, "DISABLED_PORTS",        BYTES,  1,   64)                                \
    F(24, SWITCH_POSITION, "SWITCH_POSITION_ID",   BYTES,  1,   16)                                \
    F(25, SWITCH_LOCK,    "SWITCH_LOCK_STATUS",    BYTES,  1,   16)                                \
    F(26, GPU_PDIS,       "SWITCH_GPU_PDIS",       PDIS,   8,   512)                               \
    F(27, PORTS,          "SWITCH_PORT",           BYTES,  1,   512)
/* clang-format on */

/* PH_SPDM_DRIVER is 3, … Numbers 22 to 27 have two names: those of GPUs and those of switches. */
enum ph_spdm_field {
#define F(number, id, name, form, least, most) PH_SPDM_##id = (number),
    PH_SPDM_GPU_FIELDS(F)
#undef F
        PH_SPDM_BIOS = 6,
    PH_SPDM_DEVICE_PDI = 22,
    PH_SPDM_DISABLED_PORTS,
    PH_SPDM_SWITCH_POSITION,
    PH_SPDM_SWITCH_LOCK,
    PH_SPDM_GPU_PDIS,
    PH_SPDM_PORTS,
    PH_SPDM_FIELD_CNT = 37,
};

/* Values of PH_SPDM_NVDEC0 and PH_SPDM_PROTECTED_PCIE, and of the first byte of PH_SPDM_MODE. */
enum {
    PH_SPDM_ENABLED = 0xaa,
    PH_SPDM_DISABLED = 0x55,
    PH_SPDM_MODE_SPT = 0,   /* one GPU */
    PH_SPDM_MODE_MPT = 1,   /* several, over encrypted NVLink */
    PH_SPDM_MODE_PPCIE = 2, /* several, with the switches inside the trusted part */
};

/* A report taken apart: what it claims. Views point into the report. */
struct ph_spdm_report {
    bool is_switch;
    uint8_t version; /* 0x11 or 0x12, of request and response */
    uint8_t slot;
    struct ph_bytes nonce;           /* the verifier's, in the request */
    struct ph_bytes responder_nonce; /* the device's own */
    struct ph_bytes record;          /* block_cnt * PH_SPDM_BLOCK_LEN bytes; indices 1, 2, … */
    size_t block_cnt;
    struct ph_bytes fields;                   /* all of NVIDIA's fields */
    struct ph_bytes field[PH_SPDM_FIELD_CNT]; /* by number; ptr is NULL when absent */
    struct ph_bytes signed_part;              /* request and response up to the signature */
    struct ph_bytes signature;
};

/**
 * Take a report apart. Every length must add up to the byte, blocks count up from 1, fields are
 * those of the table above, each at most once.
 *
 * @report  untrusted; must outlive *out
 * @out     written whole on PH_OK, else untouched
 * @failed  the check that failed; PH_CHECK_CNT on PH_OK. Always written
 *
 * Returns PH_ERR_LIMIT        longer than PH_SPDM_MAX
 *         PH_ERR_MALFORMED    breaks the format
 *         PH_ERR_UNSUPPORTED  another version, request or kind of measurement
 */
PH_CHECKED enum ph_err ph_spdm_parse_gpu(struct ph_bytes report, struct ph_spdm_report *out,
                                         enum ph_check *failed);
PH_CHECKED enum ph_err ph_spdm_parse_switch(struct ph_bytes report, struct ph_spdm_report *out,
                                            enum ph_check *failed);

/* The digest of a block; its index is `i` + 1, and `i` is below block_cnt. */
struct ph_bytes ph_spdm_digest(const struct ph_spdm_report *r, size_t i);
/* Characters of a text field; empty when absent. */
struct ph_bytes ph_spdm_text(const struct ph_spdm_report *r, enum ph_spdm_field field);
/* Row of the table for a number; PH_ERR_NOT_FOUND. */
struct ph_spdm_field_row {
    uint16_t number;
    const char *name;
    enum ph_spdm_form form;
    uint16_t least, most;
};
PH_CHECKED enum ph_err ph_spdm_field_row(bool is_switch, uint16_t number,
                                         struct ph_spdm_field_row *out);

/* Version of the VBIOS, or of a switch's BIOS: "96.00.9F.00.01". False: absent, or no version. */
PH_CHECKED bool ph_spdm_vbios(const struct ph_spdm_report *r, char out[static 32]);
/* Version of the driver: "550.90.07". False: absent, too long, or not digits and dots; so switches.
 */
PH_CHECKED bool ph_spdm_driver(const struct ph_spdm_report *r, char out[static 32]);

/* Names of the manifests that list this device's measurements: "NV_GPU_DRIVER_GH100_550.90.07";
 * "NV_GPU_VBIOS_1010_0200_882_96009F0001". False: a field they are made of is absent. A switch has
 * no driver; its BIOS needs fields that switches do not send: false then. */
enum { PH_SPDM_RIM_ID_LEN = 128 };
PH_CHECKED bool ph_spdm_driver_rim_id(const struct ph_spdm_report *r, enum ph_nvidia_arch arch,
                                      char out[static PH_SPDM_RIM_ID_LEN]);
PH_CHECKED bool ph_spdm_vbios_rim_id(const struct ph_spdm_report *r,
                                     char out[static PH_SPDM_RIM_ID_LEN]);

#endif
