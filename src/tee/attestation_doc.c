#include "tee/attestation_doc.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/jread.h"

#include <stdio.h>

enum { TOK_MAX = 64 };

static enum ph_err add_hex(struct ph_buf *out, const char *before, const uint8_t *raw, size_t len)
{
    char hex[2 * 64 + 1];

    ph_hex_encode((struct ph_bytes){raw, len}, hex);
    return ph_buf_addf(out, "%s%s", before, hex);
}

enum ph_err ph_attestation_doc_encode(const struct ph_attestation_doc *doc, struct ph_buf *out)
{
    const struct ph_worker_identity *id = &doc->identity;
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_ATTESTATION_MAX);

    PH_TRY(ph_buf_addf(&text,
                       "{\"format\":\"" PH_ATTESTATION_FORMAT "\",\"identity\":{\"chain_id\":%llu",
                       (unsigned long long)id->chain_id));
    PH_TRY(add_hex(&text, ",\"registry\":\"0x", id->registry.b, 20));
    PH_TRY(add_hex(&text, "\",\"signer\":\"0x", id->signer.b, 20));
    PH_TRY(add_hex(&text, "\",\"cluster\":\"0x", id->cluster.b, 20));
    PH_TRY(add_hex(&text, "\",\"caller_x25519\":\"", id->caller_x25519, 32));
    PH_TRY(add_hex(&text, "\",\"operator\":\"0x", id->operator_.b, 20));
    PH_TRY(add_hex(&text, "\",\"tls_pub\":\"", id->tls_pub, 64));
    if (id->has_ohttp)
        PH_TRY(add_hex(&text, "\",\"ohttp_keys\":\"", id->ohttp_keys, sizeof(id->ohttp_keys)));
    PH_TRY(add_hex(&text, "\"},\"nonce\":\"", doc->nonce, 32));
    PH_TRY(ph_buf_add_str(&text, "\",\"evidence\":"));
    PH_TRY(ph_buf_add(&text, doc->evidence));
    PH_TRY(ph_buf_addf(&text, ",\"insecure_simulator\":%s}",
                       doc->insecure_simulator ? "true" : "false"));
    return ph_buf_add(out, ph_buf_view(&text));
}

/* Reading: the first member that is wrong names itself in `why`. */

static const char *const top_keys[] = {"format",   "identity",           "nonce",
                                       "evidence", "insecure_simulator", NULL};
/* The first may be missing: a worker without private calls. */
static const char *const identity_keys[] = {"ohttp_keys", "chain_id", "registry",
                                            "signer",     "cluster",  "caller_x25519",
                                            "operator",   "tls_pub",  NULL};

static enum ph_err get_identity(const struct ph_jdoc *doc, uint32_t id,
                                struct ph_worker_identity *out, struct ph_json_why *why)
{
    bool has;

    const bool has_ohttp =
        doc->toks[id].type == PH_JOBJECT && ph_jscan_get(doc, id, "ohttp_keys") != 0;
    PH_TRY(ph_jread_all_keys(doc, id, "identity", identity_keys + (has_ohttp ? 0 : 1), why));
    PH_TRY(ph_jread_int(doc, id, "identity", "chain_id", 0, UINT64_MAX, &out->chain_id, why));
    PH_TRY(ph_jread_hex_0x(doc, id, "identity", "registry", out->registry.b, 20, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, id, "identity", "signer", out->signer.b, 20, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, id, "identity", "cluster", out->cluster.b, 20, &has, why));
    PH_TRY(
        ph_jread_hex_0x(doc, id, "identity", "caller_x25519", out->caller_x25519, 32, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, id, "identity", "operator", out->operator_.b, 20, &has, why));
    PH_TRY(ph_jread_hex_0x(doc, id, "identity", "tls_pub", out->tls_pub, 64, &has, why));
    return ph_jread_hex_0x(doc, id, "identity", "ohttp_keys", out->ohttp_keys,
                           sizeof(out->ohttp_keys), &out->has_ohttp, why);
}

static enum ph_err read_all(struct ph_bytes text, struct ph_attestation_doc *out,
                            struct ph_json_why *why)
{
    struct ph_jtok toks[TOK_MAX];
    struct ph_jdoc doc;
    struct ph_bytes format = {NULL, 0};
    uint32_t identity = 0, evidence = 0;
    bool has;

    PH_TRY(ph_jread_open(text, PH_ATTESTATION_MAX, toks, PH_LEN(toks), &doc, why));
    PH_TRY(ph_jread_all_keys(&doc, 0, "", top_keys, why));
    PH_TRY(ph_jread_str(&doc, 0, "", "format", 0, 64, &format, why));
    if (!ph_bytes_is(format, PH_ATTESTATION_FORMAT)) {
        (void)!ph_jread_bad(why, "", "format", "expected " PH_ATTESTATION_FORMAT);
        return PH_ERR_UNSUPPORTED;
    }
    PH_TRY(ph_jread_object(&doc, 0, "", "identity", &identity, why));
    PH_TRY(get_identity(&doc, identity, &out->identity, why));
    PH_TRY(ph_jread_hex_0x(&doc, 0, "", "nonce", out->nonce, 32, &has, why));
    PH_TRY(ph_jread_object(&doc, 0, "", "evidence", &evidence, why));
    PH_TRY(ph_jread_bool(&doc, 0, "", "insecure_simulator", &out->insecure_simulator, why));
    out->evidence = ph_jscan_raw(&doc, evidence);
    return PH_OK;
}

enum ph_err ph_attestation_doc_parse(struct ph_bytes text, struct ph_attestation_doc *out,
                                     char why[static 128])
{
    struct ph_attestation_doc got = {0};
    struct ph_json_why where;

    const enum ph_err err = read_all(text, &got, &where);
    if (err != PH_OK) {
        (void)snprintf(why, 128, "attestation: %.110s", where.text);
        return err;
    }
    *out = got;
    return PH_OK;
}
