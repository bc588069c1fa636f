#ifndef PH_ATTEST_INTEL_SPEC_H
#define PH_ATTEST_INTEL_SPEC_H

/* Layouts of Intel quotes as tables. All integers are little-endian.
 *
 * Layer: attest. Source: [QUOTE] Intel TDX DCAP Quoting Library API, appendix A.3 (v4, v5);
 * [SGX] Intel SGX ECDSA QuoteLibReference DCAP API, appendix A.4 (v3).
 */

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PH_QUOTE_HEADER_LEN = 48,
    PH_QUOTE_KEY_ECDSA_P256 = 2, /* u16 at 2 */
    PH_QUOTE_TEE_SGX = 0x00,     /* u32 at 4 */
    PH_QUOTE_TEE_TDX = 0x81,     /* u32 at 4 */
    PH_QUOTE_V5_BODY_SGX = 1,    /* u16 at 48, v5 only; sizes below */
    PH_QUOTE_V5_BODY_TD10 = 2,
    PH_QUOTE_V5_BODY_TD15 = 3,
    PH_QUOTE_V5_BODY_TD15EX = 4,
    PH_QUOTE_TD15EX_LEN = 885,
    PH_QUOTE_CERT_PPID = 1,         /* PPID in clear, CPUSVN, PCESVN, PCEID */
    PH_QUOTE_CERT_PPID_RSA2048 = 2, /* the same under RSA-2048-OAEP */
    PH_QUOTE_CERT_PPID_RSA3072 = 3, /* the same under RSA-3072-OAEP */
    PH_QUOTE_CERT_PCK_LEAF = 4,
    PH_QUOTE_CERT_PCK_CHAIN = 5, /* PEM: leaf, CA, root */
    PH_QUOTE_CERT_QE_REPORT = 6, /* the outer type of v4 and v5 */
    PH_QUOTE_CERT_PLATFORM_MANIFEST = 7,
    PH_SGX_ATTR_DEBUG = 0x02, /* bit 1 of flags */
    PH_TDX_COMPONENT_CNT = 16,
};

/* Bits of td_attributes, u64. [TDX] Intel TDX Module ABI, TD_ATTRIBUTES. */
#define PH_TD_ATTR_DEBUG ((uint64_t)1 << 0)
#define PH_TD_ATTR_LASS ((uint64_t)1 << 27)
#define PH_TD_ATTR_SEPT_VE_DISABLE ((uint64_t)1 << 28)
#define PH_TD_ATTR_MIGRATABLE ((uint64_t)1 << 29)
#define PH_TD_ATTR_PKS ((uint64_t)1 << 30)
#define PH_TD_ATTR_KL ((uint64_t)1 << 31)
#define PH_TD_ATTR_TPA ((uint64_t)1 << 62)
#define PH_TD_ATTR_PERFMON ((uint64_t)1 << 63)

/* F(field, offset, size, meaning): one table feeds the struct, the asserts, `phala evidence show`
 * and the JSON of claims. */
/* clang-format off */
#define PH_QUOTE_HEADER(F)                                                                         \
    F(version,        0,  2, "quote format version")                                               \
    F(att_key_type,   2,  2, "attestation key type, 2 is ECDSA P-256")                             \
    F(tee_type,       4,  4, "0 is SGX, 0x81 is TDX")                                              \
    F(qe_svn,         8,  2, "security version of the quoting enclave, v3 only")                   \
    F(pce_svn,       10,  2, "security version of the PCE, v3 only")                               \
    F(vendor_id,     12, 16, "maker of the quoting enclave")                                       \
    F(user_data,     28, 20, "first 16 bytes identify the quoting enclave")

#define PH_SGX_BODY(F)                                                                             \
    F(cpusvn,         0, 16, "security version of the CPU")                                        \
    F(miscselect,    16,  4, "extended state components")                                          \
    F(reserved1,     20, 12, "reserved")                                                           \
    F(isvextprodid,  32, 16, "extended product id")                                                \
    F(attributes,    48, 16, "flags and XFRM; bit 1 is DEBUG")                                     \
    F(mrenclave,     64, 32, "hash of the enclave's code and data")                                \
    F(reserved2,     96, 32, "reserved")                                                           \
    F(mrsigner,     128, 32, "hash of the enclave signer's key")                                   \
    F(reserved3,    160, 32, "reserved")                                                           \
    F(configid,     192, 64, "configuration id set at launch")                                     \
    F(isvprodid,    256,  2, "product id")                                                         \
    F(isvsvn,       258,  2, "security version of the enclave")                                    \
    F(configsvn,    260,  2, "security version of the configuration")                              \
    F(reserved4,    262, 42, "reserved")                                                           \
    F(isvfamilyid,  304, 16, "product family id")                                                  \
    F(report_data,  320, 64, "bytes the enclave chose")

#define PH_TDX_BODY(F)                                                                             \
    F(tee_tcb_svn,       0, 16, "TCB components when the TD was launched")                         \
    F(mr_seam,          16, 48, "hash of the TDX module")                                          \
    F(mr_signer_seam,   64, 48, "signer of the TDX module, zero for Intel's")                      \
    F(seam_attributes, 112,  8, "attributes of the TDX module")                                    \
    F(td_attributes,   120,  8, "bit 0 DEBUG, 28 SEPT_VE_DISABLE, 29 MIGRATABLE")                  \
    F(xfam,            128,  8, "extended features allowed")                                       \
    F(mr_td,           136, 48, "hash of the TD's initial contents")                               \
    F(mr_config_id,    184, 48, "configuration id chosen by the owner")                            \
    F(mr_owner,        232, 48, "owner id")                                                        \
    F(mr_owner_config, 280, 48, "owner's configuration id")                                        \
    F(rtmr0,           328, 48, "firmware configuration measurements")                             \
    F(rtmr1,           376, 48, "kernel measurements")                                             \
    F(rtmr2,           424, 48, "command line and initrd measurements")                            \
    F(rtmr3,           472, 48, "run-time measurements")                                           \
    F(report_data,     520, 64, "bytes the TD chose")

/* What TD 1.5 adds after the 584 bytes above; offsets from there. */
#define PH_TDX15_TAIL(F)                                                                           \
    F(tee_tcb_svn2,      0, 16, "TCB components now")                                              \
    F(mr_service_td,    16, 48, "hash of bound service TDs")
/* clang-format on */

#define F(name, off, len, what) uint8_t name[len];
struct ph_quote_header {
    PH_QUOTE_HEADER(F)
};
struct ph_sgx_body {
    PH_SGX_BODY(F)
};
struct ph_tdx_body {
    PH_TDX_BODY(F)
};
struct ph_tdx15_tail {
    PH_TDX15_TAIL(F)
};
#undef F

/* Byte arrays only: no padding, no alignment, no endianness, so memcpy is the decoder. */
#define F(name, off, len, what)                                                                    \
    static_assert(offsetof(struct ph_quote_header, name) == (off), #name);
PH_QUOTE_HEADER(F)
#undef F
#define F(name, off, len, what) static_assert(offsetof(struct ph_sgx_body, name) == (off), #name);
PH_SGX_BODY(F)
#undef F
#define F(name, off, len, what) static_assert(offsetof(struct ph_tdx_body, name) == (off), #name);
PH_TDX_BODY(F)
#undef F
static_assert(sizeof(struct ph_quote_header) == PH_QUOTE_HEADER_LEN, "[QUOTE] A.3.1");
static_assert(sizeof(struct ph_sgx_body) == 384, "[SGX] A.4");
static_assert(sizeof(struct ph_tdx_body) == 584, "[QUOTE] A.3.2");
static_assert(sizeof(struct ph_tdx_body) + sizeof(struct ph_tdx15_tail) == 648, "[QUOTE] A.3.3");

#endif
