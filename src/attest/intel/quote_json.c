/* ph_quote_json: what a quote says, field by field, unproved. */

#include "attest/intel/collateral_priv.h"
#include "attest/intel/quote.h"
#include "attest/verdict_json.h"
#include "base/own.h"

struct lister {
    struct ph_jput *out;
    struct ph_bytes quote;
};

static void add(struct lister *l, const char *part, const char *name, struct ph_bytes value,
                const char *meaning)
{
    ph_jput_object(l->out, NULL);
    ph_jput_str(l->out, "part", part);
    ph_jput_str(l->out, "name", name);
    ph_jput_int(l->out, "offset", (int64_t)(value.ptr - l->quote.ptr));
    ph_jput_int(l->out, "length", (int64_t)value.len);
    ph_jput_hex(l->out, "value", (struct ph_bytes){value.ptr, value.len < 128 ? value.len : 128});
    ph_jput_str(l->out, "meaning", meaning);
    ph_jput_close(l->out);
}

#define ADD(name, off, len, what)                                                                  \
    add(l, part, #name, (struct ph_bytes){at.ptr + (off), (len)}, what);

static void add_header(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_QUOTE_HEADER(ADD)
}

static void add_sgx(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_SGX_BODY(ADD)
}

static void add_tdx(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_TDX_BODY(ADD)
}

static void add_tdx15(struct lister *l, const char *part, struct ph_bytes at)
{
    PH_TDX15_TAIL(ADD)
}

static void add_all(struct lister *l, const struct ph_intel_quote *q)
{
    const size_t td10 = sizeof(struct ph_tdx_body), td15 = td10 + sizeof(struct ph_tdx15_tail);

    add_header(l, "header", q->header);
    if (q->tee == PH_TEE_SGX)
        add_sgx(l, "body", q->body);
    else
        add_tdx(l, "body", q->body);
    if (ph_intel_quote_has_tdx15(q))
        add_tdx15(l, "body", (struct ph_bytes){q->body.ptr + td10, td15 - td10});
    if (q->body_type == PH_QUOTE_V5_BODY_TD15EX)
        add(l, "body", "td15ex", (struct ph_bytes){q->body.ptr + td15, q->body.len - td15},
            "what the extended TD 1.5 report adds");
    add(l, "signature", "quote_signature", q->sig, "ECDSA r and s over header and body");
    add(l, "signature", "attestation_key", q->key, "P-256 point x and y");
    add_sgx(l, "qe_report", q->qe_report);
    add(l, "signature", "qe_report_signature", q->qe_sig, "ECDSA r and s by the PCK");
    add(l, "signature", "qe_auth_data", q->qe_auth, "bound with the attestation key");
    add(l, "signature", "certification_data", q->cert_data, ph_quote_cert_type_name(q->cert_type));
}

/* What the PCK certificate in the quote says about the platform; null if there is none to read. */
static void put_pck(struct ph_jput *out, const struct ph_intel_quote *q)
{
    static const char *const types[] = {"standard", "scalable", "scalable with integrity"};
    struct ph_chain *chain PH_OWNED(ph_chain_freep) = NULL;

    if (q->cert_type != PH_QUOTE_CERT_PCK_CHAIN ||
        ph_chain_parse_pck(ph_pem_trim(q->cert_data), NULL, &chain) != PH_OK ||
        !(chain->facts & PH_FACT_SGX_EXT)) {
        ph_jput_null(out, "pck");
        return;
    }
    const struct ph_sgx_ext *x = &chain->sgx;
    ph_jput_object(out, "pck");
    ph_jput_text(out, "issuer", chain->ca.cn);
    ph_jput_hex(out, "serial", chain->leaf.serial);
    ph_jput_hex(out, "fmspc", PH_BYTES_OF(x->fmspc));
    ph_jput_hex(out, "pceid", PH_BYTES_OF(x->pceid));
    ph_jput_hex(out, "cpusvn", PH_BYTES_OF(x->cpusvn));
    ph_jput_int(out, "pcesvn", x->pcesvn);
    ph_jput_hex(out, "ppid", PH_BYTES_OF(x->ppid));
    ph_jput_str(out, "sgx_type", types[x->type]);
    if (x->has_platform_instance)
        ph_jput_hex(out, "platform_instance", PH_BYTES_OF(x->platform_instance));
    else
        ph_jput_null(out, "platform_instance");
    ph_jput_close(out);
}

/* Names of the TD attribute bits that are set. */
static void put_attributes(struct ph_jput *out, const struct ph_intel_quote *q)
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
    struct ph_tdx_body td;
    uint64_t attributes = 0;

    if (q->tee != PH_TEE_TDX)
        return;
    ph_intel_quote_tdx(q, &td);
    for (size_t i = 0; i < 8; i++)
        attributes |= (uint64_t)td.td_attributes[i] << 8 * i;
    ph_jput_array(out, "td_attributes");
    for (size_t i = 0; i < PH_LEN(bits); i++) {
        if (attributes & bits[i].bit)
            ph_jput_str(out, NULL, bits[i].name);
    }
    ph_jput_close(out);
}

enum ph_err ph_quote_json(struct ph_bytes quote, struct ph_jput *out, const char *key,
                          enum ph_check *reterr)
{
    struct ph_intel_quote q;

    PH_TRY(ph_intel_quote_parse(quote, &q, reterr));
    struct lister l = {out, quote};
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", q.tee == PH_TEE_TDX ? "intel-tdx-quote" : "intel-sgx-quote");
    ph_jput_int(out, "version", q.version);
    ph_jput_str(out, "tee", ph_tee_kind_name(q.tee));
    ph_jput_str(out, "body", ph_quote_body_name(q.body_type));
    put_attributes(out, &q);
    put_pck(out, &q);
    ph_jput_array(out, "fields");
    add_all(&l, &q);
    ph_jput_close(out);
    ph_jput_int(out, "trailing_bytes", (int64_t)q.trailing.len);
    ph_jput_close(out);
    return out->err;
}
