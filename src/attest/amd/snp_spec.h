#ifndef PH_ATTEST_AMD_SNP_SPEC_H
#define PH_ATTEST_AMD_SNP_SPEC_H

/* The bytes of an SEV-SNP attestation report, versions 2 to 5. All integers are little-endian.
 *
 * Layer: attest. Source: [SNP] AMD SEV Secure Nested Paging Firmware ABI Specification (56860):
 * ATTESTATION_REPORT, TCB_VERSION, guest policy; the certificate table is [GHCB] (56421), §4.1.8.1.
 */

#include <stddef.h>
#include <stdint.h>

/* F(field, offset, size, meaning), sizes in bytes. What a version does not define is reserved in
 * it, and zero: see ph_snp_report_parse. */
/* clang-format off */
#define PH_SNP_REPORT(F)                                                                           \
    F(version,            0x000,   4, "version of the report")                                     \
    F(guest_svn,          0x004,   4, "security version that the owner gave the guest")            \
    F(policy,             0x008,   8, "guest policy: what the guest demands of its platform")      \
    F(family_id,          0x010,  16, "family, as the ID block says")                              \
    F(image_id,           0x020,  16, "image, as the ID block says")                               \
    F(vmpl,               0x030,   4, "privilege level that asked; 0 is the highest")              \
    F(signature_algo,     0x034,   4, "1: ECDSA P-384 with SHA-384")                               \
    F(current_tcb,        0x038,   8, "security versions of the firmware that runs")               \
    F(platform_info,      0x040,   8, "state of the platform, bit by bit")                         \
    F(flags,              0x048,   4, "which key signed; whether an author key is named")          \
    F(reserved_04c,       0x04c,   4, "reserved, zero")                                            \
    F(report_data,        0x050,  64, "what the guest asked to sign")                              \
    F(measurement,        0x090,  48, "SHA-384 of the guest's memory at launch")                   \
    F(host_data,          0x0c0,  32, "what the host gave at launch")                              \
    F(id_key_digest,      0x0e0,  48, "SHA-384 of the key that signed the ID block")               \
    F(author_key_digest,  0x110,  48, "SHA-384 of the key that signed the ID key")                 \
    F(report_id,          0x140,  32, "identity of this guest while it lives")                     \
    F(report_id_ma,       0x160,  32, "identity of its migration agent; all ff: none")             \
    F(reported_tcb,       0x180,   8, "security versions that the signing key is made from")       \
    F(cpuid_family,       0x188,   1, "processor family; version 3 and later")                     \
    F(cpuid_model,        0x189,   1, "processor model; version 3 and later")                      \
    F(cpuid_stepping,     0x18a,   1, "processor stepping; version 3 and later")                   \
    F(reserved_18b,       0x18b,  21, "reserved, zero")                                            \
    F(chip_id,            0x1a0,  64, "identity of the chip; zero when masked")                    \
    F(committed_tcb,      0x1e0,   8, "security versions below which the platform cannot go")      \
    F(current_build,      0x1e8,   1, "build of the firmware that runs")                           \
    F(current_minor,      0x1e9,   1, "minor version of the firmware that runs")                   \
    F(current_major,      0x1ea,   1, "major version of the firmware that runs")                   \
    F(reserved_1eb,       0x1eb,   1, "reserved, zero")                                            \
    F(committed_build,    0x1ec,   1, "build of the committed firmware")                           \
    F(committed_minor,    0x1ed,   1, "minor version of the committed firmware")                   \
    F(committed_major,    0x1ee,   1, "major version of the committed firmware")                   \
    F(reserved_1ef,       0x1ef,   1, "reserved, zero")                                            \
    F(launch_tcb,         0x1f0,   8, "security versions when the guest was launched")             \
    F(launch_mit_vector,  0x1f8,   8, "mitigations at launch; version 5")                          \
    F(current_mit_vector, 0x200,   8, "mitigations now; version 5")                                \
    F(reserved_208,       0x208, 152, "reserved, zero")                                            \
    F(signature_r,        0x2a0,  72, "ECDSA r, little-endian")                                    \
    F(signature_s,        0x2e8,  72, "ECDSA s, little-endian")                                    \
    F(reserved_330,       0x330, 368, "reserved, zero")
/* clang-format on */

#define F(name, off, len, meaning) uint8_t name[len];
struct ph_snp_report {
    PH_SNP_REPORT(F)
};
#undef F
/* Byte arrays only: no padding and no byte order, so that memcpy is the decoder. */
#define F(name, off, len, meaning)                                                                 \
    _Static_assert(offsetof(struct ph_snp_report, name) == (off), #name);
PH_SNP_REPORT(F)
#undef F

enum {
    PH_SNP_REPORT_LEN = 0x4a0,
    PH_SNP_SIGNED_LEN = 0x2a0, /* what the signature covers, from the start */
    PH_SNP_SIG_ECDSA_P384_SHA384 = 1,
    PH_SNP_EXTENDED_MAX = 256 * 1024, /* a report with its certificate table */
    PH_SNP_TABLE_ENTRY_LEN = 24,      /* GUID, offset u32, length u32 */
    PH_SNP_TABLE_MAX = 32,            /* entries before the zero one */
    PH_SNP_VMPL_MAX = 3,
    PH_SNP_TURIN_CHIP_ID_LEN = 8,
};
_Static_assert(sizeof(struct ph_snp_report) == PH_SNP_REPORT_LEN, "[SNP] ATTESTATION_REPORT");

/* flags */
enum {
    PH_SNP_FLAG_AUTHOR_KEY = 1 << 0,
    PH_SNP_FLAG_MASK_CHIP_KEY = 1 << 1,
    PH_SNP_FLAG_KEY_SHIFT = 2, /* three bits: enum ph_snp_signing_key */
    PH_SNP_FLAGS_KNOWN = 0x1f,
};
enum ph_snp_signing_key { PH_SNP_KEY_VCEK = 0, PH_SNP_KEY_VLEK = 1, PH_SNP_KEY_NONE = 7 };

/* B(name, bit): guest policy, above the ABI version in its low 16 bits. */
/* clang-format off */
#define PH_SNP_POLICY_BITS(B)                                                                      \
    B(SMT,                 16)                                                                     \
    B(RESERVED_ONE,        17)                                                                     \
    B(MIGRATE_MA,          18)                                                                     \
    B(DEBUG,               19)                                                                     \
    B(SINGLE_SOCKET,       20)                                                                     \
    B(CXL_ALLOW,           21)                                                                     \
    B(MEM_AES_256_XTS,     22)                                                                     \
    B(RAPL_DIS,            23)                                                                     \
    B(CIPHERTEXT_HIDING,   24)                                                                     \
    B(PAGE_SWAP_DISABLE,   25)

/* platform_info. Bit 6 has no published name; version 5 reports of Turin set it. */
#define PH_SNP_PLATFORM_BITS(B)                                                                    \
    B(SMT,                  0)                                                                     \
    B(TSME,                 1)                                                                     \
    B(ECC,                  2)                                                                     \
    B(RAPL_DIS,             3)                                                                     \
    B(CIPHERTEXT_HIDING,    4)                                                                     \
    B(ALIAS_CHECK_COMPLETE, 5)                                                                     \
    B(BIT_6,                6)                                                                     \
    B(TIO,                  7)
/* clang-format on */

#define B(name, bit) PH_SNP_POLICY_##name = 1 << (bit),
enum ph_snp_policy_bit { PH_SNP_POLICY_BITS(B) };
#undef B
#define B(name, bit) PH_SNP_PLATFORM_##name = 1 << (bit),
enum ph_snp_platform_bit { PH_SNP_PLATFORM_BITS(B) };
#undef B

enum {
    PH_SNP_POLICY_KNOWN = 0x3ffffff,
    PH_SNP_PLATFORM_KNOWN = 0x3f,    /* versions 2 to 4 */
    PH_SNP_PLATFORM_KNOWN_V5 = 0xff, /* version 5 */
};

static inline uint32_t ph_snp_u32(const uint8_t b[static 4])
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t ph_snp_u64(const uint8_t b[static 8])
{
    return ph_snp_u32(b) | (uint64_t)ph_snp_u32(b + 4) << 32;
}

#endif
