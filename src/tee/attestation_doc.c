#include "tee/attestation_doc.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/jscan.h"

#include <stdio.h>

enum { TOK_MAX = 64, TOP_CNT = 5, IDENTITY_CNT = 6 };

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
    PH_TRY(add_hex(&text, "\",\"caller_x25519\":\"", id->caller_x25519, 32));
    PH_TRY(add_hex(&text, "\",\"operator\":\"0x", id->operator_.b, 20));
    PH_TRY(add_hex(&text, "\",\"tls_pub\":\"", id->tls_pub, 64));
    PH_TRY(add_hex(&text, "\"},\"nonce\":\"", doc->nonce, 32));
    PH_TRY(ph_buf_add_str(&text, "\",\"evidence\":"));
    PH_TRY(ph_buf_add(&text, doc->evidence));
    PH_TRY(ph_buf_addf(&text, ",\"insecure_simulator\":%s}",
                       doc->insecure_simulator ? "true" : "false"));
    return ph_buf_add(out, ph_buf_view(&text));
}

/* Reading: the first member that is wrong names itself in `why`. */
struct scan {
    struct ph_jdoc doc;
    char *why; /* 128 bytes */
};

static bool wrong(const struct scan *s, const char *path, const char *key, const char *expected)
{
    (void)snprintf(s->why, 128, "attestation: %s%s: expected %s", path, key, expected);
    return false;
}

static bool get_hex(const struct scan *s, uint32_t object, const char *path, const char *key,
                    uint8_t *out, size_t len)
{
    const uint32_t tok = ph_jscan_get(&s->doc, object, key);
    struct ph_bytes text;
    char expected[32];

    if (tok != 0 && ph_jscan_str(&s->doc, tok, &text) == PH_OK &&
        ph_hex_decode(text, out, len) == PH_OK)
        return true;
    (void)snprintf(expected, sizeof(expected), "%zu hex digits", 2 * len);
    return wrong(s, path, key, expected);
}

static bool get_identity(const struct scan *s, struct ph_worker_identity *out)
{
    static const char path[] = "identity.";
    const uint32_t id = ph_jscan_get(&s->doc, 0, "identity");

    if (id == 0 || s->doc.toks[id].type != PH_JOBJECT || s->doc.toks[id].cnt != IDENTITY_CNT)
        return wrong(s, "", "identity", "an object with exactly the members of the format");
    const uint32_t chain = ph_jscan_get(&s->doc, id, "chain_id");
    if (chain == 0 || ph_jscan_u64(&s->doc, chain, &out->chain_id) != PH_OK)
        return wrong(s, path, "chain_id", "an integer of at most 18 digits");
    return get_hex(s, id, path, "registry", out->registry.b, 20) &&
           get_hex(s, id, path, "signer", out->signer.b, 20) &&
           get_hex(s, id, path, "caller_x25519", out->caller_x25519, 32) &&
           get_hex(s, id, path, "operator", out->operator_.b, 20) &&
           get_hex(s, id, path, "tls_pub", out->tls_pub, 64);
}

static bool get_rest(const struct scan *s, struct ph_attestation_doc *out)
{
    const uint32_t evidence = ph_jscan_get(&s->doc, 0, "evidence");
    const uint32_t simulator = ph_jscan_get(&s->doc, 0, "insecure_simulator");

    if (!get_hex(s, 0, "", "nonce", out->nonce, 32))
        return false;
    if (evidence == 0 || s->doc.toks[evidence].type != PH_JOBJECT)
        return wrong(s, "", "evidence", "a phala-evidence-v1 object");
    if (simulator == 0 || s->doc.toks[simulator].type != PH_JBOOL)
        return wrong(s, "", "insecure_simulator", "true or false");
    out->evidence = ph_jscan_raw(&s->doc, evidence);
    out->insecure_simulator = ph_bytes_is(ph_jscan_raw(&s->doc, simulator), "true");
    return true;
}

enum ph_err ph_attestation_doc_parse(struct ph_bytes text, struct ph_attestation_doc *out,
                                     char why[static 128])
{
    struct ph_jtok toks[TOK_MAX];
    struct scan s = {.why = why};
    struct ph_attestation_doc got = {0};
    struct ph_bytes format;

    if (text.len > PH_ATTESTATION_MAX) {
        (void)snprintf(why, 128, "attestation: longer than %d bytes", PH_ATTESTATION_MAX);
        return PH_ERR_LIMIT;
    }
    if (ph_jscan(text, toks, PH_LEN(toks), &s.doc) != PH_OK || s.doc.toks[0].type != PH_JOBJECT ||
        s.doc.toks[0].cnt != TOP_CNT) {
        (void)snprintf(why, 128,
                       "attestation: expected one JSON object with format, identity, nonce, "
                       "evidence, insecure_simulator");
        return PH_ERR_MALFORMED;
    }
    const uint32_t tok = ph_jscan_get(&s.doc, 0, "format");
    if (tok == 0 || ph_jscan_str(&s.doc, tok, &format) != PH_OK ||
        !ph_bytes_is(format, PH_ATTESTATION_FORMAT)) {
        (void)wrong(&s, "", "format", "\"" PH_ATTESTATION_FORMAT "\"");
        return PH_ERR_UNSUPPORTED;
    }
    if (!get_identity(&s, &got.identity) || !get_rest(&s, &got))
        return PH_ERR_MALFORMED;
    *out = got;
    return PH_OK;
}
