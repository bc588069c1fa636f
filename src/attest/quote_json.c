/* ph_quote_json: what a quote says, field by field, unproved. */

#include "attest/collateral_priv.h"
#include "attest/intel_quote.h"
#include "attest/verdict_json.h"
#include "base/hex.h"
#include "base/own.h"

static enum ph_err put(json_t *obj, const char *key, json_t *value)
{
    return value && json_object_set_new(obj, key, value) == 0 ? PH_OK : PH_ERR_NOMEM;
}

struct lister {
    json_t *fields;
    struct ph_bytes quote;
};

static enum ph_err add(struct lister *l, const char *part, const char *name, struct ph_bytes value,
                       const char *meaning)
{
    json_t *item PH_OWNED(ph_json_freep) = json_object();
    char hex[2 * 128 + 1];
    const struct ph_bytes head = {value.ptr, value.len < 128 ? value.len : 128};

    if (!item)
        return PH_ERR_NOMEM;
    ph_hex_encode(head, hex);
    PH_TRY(put(item, "part", json_string(part)));
    PH_TRY(put(item, "name", json_string(name)));
    PH_TRY(put(item, "offset", json_integer((json_int_t)(value.ptr - l->quote.ptr))));
    PH_TRY(put(item, "length", json_integer((json_int_t)value.len)));
    PH_TRY(put(item, "value", json_string(hex)));
    PH_TRY(put(item, "meaning", json_string(meaning)));
    return json_array_append_new(l->fields, PH_TAKE(item)) == 0 ? PH_OK : PH_ERR_NOMEM;
}

#define ADD(name, off, len, what)                                                                  \
    PH_TRY(add(l, part, #name, (struct ph_bytes){at.ptr + (off), (len)}, what));

static enum ph_err add_header(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_QUOTE_HEADER(ADD)
    return PH_OK;
}

static enum ph_err add_sgx(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_SGX_BODY(ADD)
    return PH_OK;
}

static enum ph_err add_tdx(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_TDX_BODY(ADD)
    return PH_OK;
}

static enum ph_err add_tdx15(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_TDX15_TAIL(ADD)
    return PH_OK;
}

static enum ph_err add_all(struct lister *l, const struct ph_intel_quote *q)
{
    const size_t td10 = sizeof(struct ph_tdx_body), td15 = td10 + sizeof(struct ph_tdx15_tail);

    PH_TRY(add_header(l, "header", q->header));
    if (q->tee == PH_TEE_SGX)
        PH_TRY(add_sgx(l, "body", q->body));
    else
        PH_TRY(add_tdx(l, "body", q->body));
    if (ph_intel_quote_has_tdx15(q))
        PH_TRY(add_tdx15(l, "body", (struct ph_bytes){q->body.ptr + td10, td15 - td10}));
    if (q->body_type == PH_QUOTE_V5_BODY_TD15EX)
        PH_TRY(add(l, "body", "td15ex", (struct ph_bytes){q->body.ptr + td15, q->body.len - td15},
                   "what the extended TD 1.5 report adds"));
    PH_TRY(add(l, "signature", "quote_signature", q->sig, "ECDSA r and s over header and body"));
    PH_TRY(add(l, "signature", "attestation_key", q->key, "P-256 point x and y"));
    PH_TRY(add_sgx(l, "qe_report", q->qe_report));
    PH_TRY(add(l, "signature", "qe_report_signature", q->qe_sig, "ECDSA r and s by the PCK"));
    PH_TRY(add(l, "signature", "qe_auth_data", q->qe_auth, "bound with the attestation key"));
    return add(l, "signature", "certification_data", q->cert_data,
               ph_quote_cert_type_name(q->cert_type));
}

static json_t *hex_json(struct ph_bytes bytes)
{
    char hex[2 * 64 + 1];
    ph_hex_encode(bytes, hex);
    return json_string(hex);
}

static json_t *cert_string(struct ph_bytes text)
{
    return json_stringn((const char *)text.ptr, text.len);
}

/* What the PCK certificate in the quote says about the platform; null if there is none to read. */
static enum ph_err put_pck(json_t *doc, const struct ph_intel_quote *q)
{
    static const char *const types[] = {"standard", "scalable", "scalable with integrity"};
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;

    if (q->cert_type != PH_QUOTE_CERT_PCK_CHAIN ||
        ph_chain_parse_pck(ph_pem_trim(q->cert_data), NULL, &chain) != PH_OK ||
        !(chain->facts & PH_FACT_SGX_EXT))
        return put(doc, "pck", json_null());
    json_t *obj PH_OWNED(ph_json_freep) = json_object();
    if (!obj)
        return PH_ERR_NOMEM;
    const struct ph_sgx_ext *x = &chain->sgx;
    PH_TRY(put(obj, "issuer", cert_string(chain->ca.cn)));
    PH_TRY(put(obj, "serial", hex_json(chain->leaf.serial)));
    PH_TRY(put(obj, "fmspc", hex_json(PH_BYTES_OF(x->fmspc))));
    PH_TRY(put(obj, "pceid", hex_json(PH_BYTES_OF(x->pceid))));
    PH_TRY(put(obj, "cpusvn", hex_json(PH_BYTES_OF(x->cpusvn))));
    PH_TRY(put(obj, "pcesvn", json_integer(x->pcesvn)));
    PH_TRY(put(obj, "ppid", hex_json(PH_BYTES_OF(x->ppid))));
    PH_TRY(put(obj, "sgx_type", json_string(types[x->type])));
    PH_TRY(
        put(obj, "platform_instance",
            x->has_platform_instance ? hex_json(PH_BYTES_OF(x->platform_instance)) : json_null()));
    return put(doc, "pck", PH_TAKE(obj));
}

/* Names of the TD attribute bits that are set. */
static enum ph_err put_attributes(json_t *doc, const struct ph_intel_quote *q)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } bits[] = {{PH_TD_ATTR_DEBUG, "DEBUG"},
                {PH_TD_ATTR_LASS, "LASS"},
                {PH_TD_ATTR_SEPT_VE_DISABLE, "SEPT_VE_DISABLE"},
                {PH_TD_ATTR_MIGRATABLE, "MIGRATABLE"},
                {PH_TD_ATTR_PKS, "PKS"},
                {PH_TD_ATTR_KL, "KL"},
                {PH_TD_ATTR_TPA, "TPA"},
                {PH_TD_ATTR_PERFMON, "PERFMON"}};
    json_t *list PH_OWNED(ph_json_freep) = json_array();
    struct ph_tdx_body td;
    uint64_t attributes = 0;

    if (!list)
        return PH_ERR_NOMEM;
    if (q->tee != PH_TEE_TDX)
        return PH_OK;
    ph_intel_quote_tdx(q, &td);
    for (size_t i = 0; i < 8; i++)
        attributes |= (uint64_t)td.td_attributes[i] << 8 * i;
    for (size_t i = 0; i < PH_LEN(bits); i++) {
        if ((attributes & bits[i].bit) &&
            json_array_append_new(list, json_string(bits[i].name)) != 0)
            return PH_ERR_NOMEM;
    }
    return put(doc, "td_attributes", PH_TAKE(list));
}

enum ph_err ph_quote_json(struct ph_bytes quote, json_t **out, enum ph_check *reterr)
{
    struct ph_intel_quote q;
    json_t *doc PH_OWNED(ph_json_freep) = json_object();
    json_t *fields PH_OWNED(ph_json_freep) = json_array();

    PH_TRY(ph_intel_quote_parse(quote, &q, reterr));
    if (!doc || !fields)
        return PH_ERR_NOMEM;
    struct lister l = {fields, quote};
    PH_TRY(
        put(doc, "kind", json_string(q.tee == PH_TEE_TDX ? "intel-tdx-quote" : "intel-sgx-quote")));
    PH_TRY(put(doc, "version", json_integer(q.version)));
    PH_TRY(put(doc, "tee", json_string(q.tee == PH_TEE_TDX ? "TDX" : "SGX")));
    PH_TRY(put(doc, "body", json_string(ph_quote_body_name(q.body_type))));
    PH_TRY(put_attributes(doc, &q));
    PH_TRY(put_pck(doc, &q));
    PH_TRY(add_all(&l, &q));
    PH_TRY(put(doc, "fields", PH_TAKE(fields)));
    PH_TRY(put(doc, "trailing_bytes", json_integer((json_int_t)q.trailing.len)));
    *out = PH_TAKE(doc);
    return PH_OK;
}
