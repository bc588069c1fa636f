#include "attest/intel/sgx_ext.h"

#include "codec/der.h"

/* 1.2.840.113741.1.13.1: every field is one or two arcs below it. */
static const uint8_t oid_sgx[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

enum {
    FIELD_PPID = 1,
    FIELD_TCB = 2,
    FIELD_PCEID = 3,
    FIELD_FMSPC = 4,
    FIELD_TYPE = 5,
    FIELD_INSTANCE = 6,
    FIELD_CONFIG = 7,
    TCB_PCESVN = 17,
    TCB_CPUSVN = 18,
    CONFIG_DYNAMIC = 1,
    CONFIG_CACHED = 2,
    CONFIG_SMT = 3,
};

/* Cut SEQUENCE { OID = prefix, value } off; yields the last arc and the value. */
static enum ph_err read_field(struct ph_reader *r, struct ph_bytes prefix, uint8_t *arc,
                              struct ph_der *value)
{
    struct ph_der seq, oid;
    PH_TRY(ph_der_expect(r, PH_DER_SEQUENCE, &seq));
    struct ph_reader in = {seq.value};
    PH_TRY(ph_der_expect(&in, PH_DER_OID, &oid));
    PH_TRY(ph_der_next(&in, value));
    if (in.rest.len != 0 || oid.value.len != prefix.len + 1 ||
        memcmp(oid.value.ptr, prefix.ptr, prefix.len) != 0)
        return PH_ERR_MALFORMED;
    *arc = oid.value.ptr[prefix.len];
    return PH_OK;
}

static enum ph_err octets(const struct ph_der *e, uint8_t *out, size_t len)
{
    if (e->tag != PH_DER_OCTET_STRING || e->value.len != len)
        return PH_ERR_MALFORMED;
    memcpy(out, e->value.ptr, len);
    return PH_OK;
}

static enum ph_err svn(const struct ph_der *e, uint16_t *out)
{
    uint64_t v;
    if (e->tag != PH_DER_INTEGER)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_der_u64(e, &v));
    if (v > UINT16_MAX)
        return PH_ERR_MALFORMED;
    *out = (uint16_t)v;
    return PH_OK;
}

/* Each arc once. */
static enum ph_err mark(uint32_t *seen, unsigned arc)
{
    if (*seen & (1u << arc))
        return PH_ERR_MALFORMED;
    *seen |= 1u << arc;
    return PH_OK;
}

static enum ph_err read_tcb(const struct ph_der *e, struct ph_sgx_ext *out)
{
    uint8_t prefix[sizeof(oid_sgx) + 1], arc;
    struct ph_reader in = {e->value};
    struct ph_der value;
    uint32_t seen = 0;

    if (e->tag != PH_DER_SEQUENCE)
        return PH_ERR_MALFORMED;
    memcpy(prefix, oid_sgx, sizeof(oid_sgx));
    prefix[sizeof(oid_sgx)] = FIELD_TCB;
    while (in.rest.len > 0) {
        PH_TRY(read_field(&in, PH_BYTES_OF(prefix), &arc, &value));
        if (arc < 1 || arc > TCB_CPUSVN)
            return PH_ERR_MALFORMED;
        PH_TRY(mark(&seen, arc));
        if (arc == TCB_CPUSVN)
            PH_TRY(octets(&value, out->cpusvn, sizeof(out->cpusvn)));
        else
            PH_TRY(svn(&value, arc == TCB_PCESVN ? &out->pcesvn : &out->component[arc - 1]));
    }
    return seen == 0x7fffe ? PH_OK : PH_ERR_MALFORMED; /* arcs 1 to 18 */
}

static enum ph_err read_configuration(const struct ph_der *e, struct ph_sgx_ext *out)
{
    uint8_t prefix[sizeof(oid_sgx) + 1], arc;
    struct ph_reader in = {e->value};
    struct ph_der value;
    uint32_t seen = 0;

    if (e->tag != PH_DER_SEQUENCE)
        return PH_ERR_MALFORMED;
    memcpy(prefix, oid_sgx, sizeof(oid_sgx));
    prefix[sizeof(oid_sgx)] = FIELD_CONFIG;
    while (in.rest.len > 0) {
        PH_TRY(read_field(&in, PH_BYTES_OF(prefix), &arc, &value));
        if (arc < CONFIG_DYNAMIC || arc > CONFIG_SMT || value.tag != PH_DER_BOOLEAN)
            return PH_ERR_MALFORMED;
        PH_TRY(mark(&seen, arc));
        PH_TRY(ph_der_bool(&value, arc == CONFIG_DYNAMIC  ? &out->dynamic_platform
                                   : arc == CONFIG_CACHED ? &out->cached_keys
                                                          : &out->smt_enabled));
    }
    out->has_configuration = true;
    return PH_OK;
}

static enum ph_err read_one(uint8_t arc, const struct ph_der *value, struct ph_sgx_ext *out)
{
    uint64_t type;

    switch (arc) {
    case FIELD_PPID:
        return octets(value, out->ppid, sizeof(out->ppid));
    case FIELD_TCB:
        return read_tcb(value, out);
    case FIELD_PCEID:
        return octets(value, out->pceid, sizeof(out->pceid));
    case FIELD_FMSPC:
        return octets(value, out->fmspc, sizeof(out->fmspc));
    case FIELD_TYPE:
        if (value->tag != PH_DER_ENUMERATED)
            return PH_ERR_MALFORMED;
        PH_TRY(ph_der_u64(value, &type));
        if (type > PH_SGX_SCALABLE_INTEGRITY)
            return PH_ERR_MALFORMED;
        out->type = (enum ph_sgx_type)type;
        return PH_OK;
    case FIELD_INSTANCE:
        out->has_platform_instance = true;
        return octets(value, out->platform_instance, sizeof(out->platform_instance));
    case FIELD_CONFIG:
        return read_configuration(value, out);
    default:
        return PH_ERR_MALFORMED;
    }
}

enum ph_err ph_sgx_ext_parse(struct ph_bytes value, struct ph_sgx_ext *out)
{
    struct ph_reader r = {value};
    struct ph_der seq, field;
    struct ph_sgx_ext x = {0};
    uint32_t seen = 0;
    uint8_t arc;

    PH_TRY(ph_der_expect(&r, PH_DER_SEQUENCE, &seq));
    if (r.rest.len != 0)
        return PH_ERR_MALFORMED;
    struct ph_reader in = {seq.value};
    while (in.rest.len > 0) {
        PH_TRY(read_field(&in, PH_BYTES_OF(oid_sgx), &arc, &field));
        if (arc < FIELD_PPID || arc > FIELD_CONFIG)
            return PH_ERR_MALFORMED;
        PH_TRY(mark(&seen, arc));
        PH_TRY(read_one(arc, &field, &x));
    }
    if ((seen & 0x3e) != 0x3e) /* 1 to 5 */
        return PH_ERR_MALFORMED;
    *out = x;
    return PH_OK;
}
