#include "attest/nvidia/rim_synth.h"

#include "attest/nvidia/xml.h"
#include "attest/synth/synth_p384.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/hash.h"

#define SWID "http://standards.iso.org/iso/19770/-2/2015/schema.xsd"
#define DSIG "http://www.w3.org/2000/09/xmldsig#"
#define REPEAT_8(s) s s s s s s s s
#define REPEAT_48(s) REPEAT_8(s) REPEAT_8(s) REPEAT_8(s) REPEAT_8(s) REPEAT_8(s) REPEAT_8(s)
#define HASH(k, byte) " ns2:Hash" k "=\"" REPEAT_48(byte) "\""
#define RESOURCE(index, active, alternatives, hashes)                                              \
    "\n<ns0:Resource type=\"Measurement\" index=\"" index "\" active=\"" active                    \
    "\" alternatives=\"" alternatives "\"" hashes " name=\"Measurement_" index "\" size=\"48\"/>"

enum { LEAF, L3, CA, ROOT };

static const uint8_t secrets[4][48] = {
    {[47] = 4, [3] = 1}, {[47] = 3, [3] = 2}, {[47] = 2, [3] = 3}, {[47] = 1, [3] = 4}};

static const char payload[] = PH_RIM_SYNTH_PAYLOAD RESOURCE("0", "True", "1", HASH("0", "a0"))
    RESOURCE("1", "True", "2", HASH("0", "b0") HASH("1", "b1"))
        RESOURCE("2", "False", "1", HASH("0", "00")) "\n</ns0:Payload>";

void ph_rim_synth_init(struct ph_rim_synth *s)
{
    static const char *const cns[] = {"HCC RIM L4 Signer", "NVIDIA Reference Value L3 GH100 001",
                                      "NVIDIA Reference Value GH100 CA",
                                      "NVIDIA CoRIM signing Root CA"};

    *s = (struct ph_rim_synth){
        .before = "",
        .root = "SoftwareIdentity xmlns=\"" SWID "\" xmlns:ns0=\"" SWID
                "\" xmlns:ns2=\"http://www.w3.org/2001/04/xmlenc#sha384\" corpus=\"false\" "
                "name=\"GH100\" tagId=\"synthetic\" version=\"1.0\" tagVersion=\"0\"",
        .meta = "\n<ns0:Entity name=\"Synthetic &amp; Co\" role=\"softwareCreator tagCreator\"/>"
                "\n<ns0:Meta colloquialVersion=\"1.2.3\" edition=\"GPU\" product=\"GH100\"/>\n",
        .payload = payload,
        .after = "\n",
        .c14n = "http://www.w3.org/2006/12/xml-c14n11",
        .sig_alg = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        .uri = "",
        .enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature",
        .transform = "http://www.w3.org/2006/12/xml-c14n11",
        .digest_alg = "http://www.w3.org/2001/04/xmldsig-more#sha384",
        .more_transforms = "",
        .more_references = "",
        .more_signed_info = "",
        .key_info = "",
        .more_x509 = "",
        .behind = "",
        .cert_cnt = 4,
        .signer = secrets[LEAF],
    };
    for (size_t i = 0; i < 4; i++) {
        const size_t above = i < ROOT ? i + 1 : ROOT;
        s->cert[i] = (struct ph_synth_p384_cert){
            .subject = cns[i],
            .issuer = cns[above],
            .secret = secrets[i],
            .issuer_secret = secrets[above],
            .not_before_s = 1704067200, /* 2024-01-01 */
            .not_after_s = 1767225600,  /* 2026-01-01 */
            .is_ca = i != LEAF,
            .has_path_len = i == L3,
            .key_usage = i == LEAF ? 0x80 : 0x06,
        };
    }
}

enum ph_err ph_rim_synth_root(uint8_t spki_sha256[static 32])
{
    return ph_synth_p384_pin(secrets[ROOT], spki_sha256);
}

enum ph_err ph_rim_synth_put_resource(struct ph_buf *out, unsigned index, bool active,
                                      const uint8_t (*values)[48], size_t cnt)
{
    char hex[97];
    PH_TRY(ph_buf_addf(out,
                       "\n<ns0:Resource type=\"Measurement\" index=\"%u\" active=\"%s\" "
                       "alternatives=\"%zu\"",
                       index, active ? "True" : "False", cnt));
    for (size_t i = 0; i < cnt; i++) {
        ph_hex_encode((struct ph_bytes){values[i], 48}, hex);
        PH_TRY(ph_buf_addf(out, " ns2:Hash%zu=\"%s\"", i, hex));
    }
    return ph_buf_addf(out, " name=\"Measurement_%u\" size=\"48\"/>", index);
}

static void add(void *ctx, struct ph_bytes piece)
{
    ph_sha384_update(ctx, piece);
}

static enum ph_err put_body(const struct ph_rim_synth *s, struct ph_buf *out)
{
    PH_TRY(ph_buf_addf(out, "%s<%s>", s->before, s->root));
    PH_TRY(ph_buf_add_str(out, s->meta));
    PH_TRY(ph_buf_add_str(out, s->payload));
    return ph_buf_add_str(out, s->after);
}

static enum ph_err put_end(const struct ph_rim_synth *s, struct ph_buf *out)
{
    return ph_buf_addf(out, "%s</%.*s>", s->behind, (int)strcspn(s->root, " "), s->root);
}

/* Digest of the document without its Signature. */
static enum ph_err put_digest(const struct ph_rim_synth *s, struct ph_buf *out)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);
    uint8_t digest[48];
    struct ph_sha384 sha;

    if (s->wrong_digest)
        return ph_buf_add_str(out, s->wrong_digest);
    PH_TRY(put_body(s, &doc));
    PH_TRY(put_end(s, &doc));
    ph_sha384_init(&sha);
    /* What the reader refuses cannot be signed; it is to be refused before a digest matters. */
    (void)!ph_xml_c14n_without(ph_buf_view(&doc), SIZE_MAX, (struct ph_xml_sink){add, &sha});
    ph_sha384_final(&sha, digest);
    return ph_base64_encode(PH_BYTES_OF(digest), out);
}

static enum ph_err put_signed_info(const struct ph_rim_synth *s, struct ph_buf *out)
{
    PH_TRY(ph_buf_addf(out,
                       "<ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"%s\"/>"
                       "<ds:SignatureMethod Algorithm=\"%s\"/><ds:Reference URI=\"%s\">"
                       "<ds:Transforms><ds:Transform Algorithm=\"%s\"/>",
                       s->c14n, s->sig_alg, s->uri, s->enveloped));
    if (s->transform)
        PH_TRY(ph_buf_addf(out, "<ds:Transform Algorithm=\"%s\"/>", s->transform));
    PH_TRY(ph_buf_addf(out, "%s</ds:Transforms><ds:DigestMethod Algorithm=\"%s\"/><ds:DigestValue>",
                       s->more_transforms, s->digest_alg));
    PH_TRY(put_digest(s, out));
    return ph_buf_addf(out, "</ds:DigestValue></ds:Reference>%s%s</ds:SignedInfo>",
                       s->more_references, s->more_signed_info);
}

/* The leaf's signature over SignedInfo, which begins at `at` in a document that is not ended. */
static enum ph_err put_signature_value(const struct ph_rim_synth *s, struct ph_buf *out, size_t at)
{
    struct ph_buf doc PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);
    uint8_t digest[48], sig[96];
    struct ph_sha384 sha;

    PH_TRY(ph_buf_add(&doc, ph_buf_view(out)));
    ph_sha384_init(&sha);
    (void)!ph_xml_c14n_element(ph_buf_view(&doc), at, (struct ph_xml_sink){add, &sha});
    ph_sha384_final(&sha, digest);
    PH_TRY(ph_synth_p384_sign_digest(s->signer, digest, sig));
    PH_TRY(ph_buf_add_str(out, "<ds:SignatureValue>\n"));
    PH_TRY(ph_base64_encode(PH_BYTES_OF(sig), out));
    return ph_buf_add_str(out, "\n</ds:SignatureValue>");
}

static enum ph_err put_key_info(const struct ph_rim_synth *s, struct ph_buf *out)
{
    PH_TRY(ph_buf_addf(out, "<ds:KeyInfo>%s<ds:X509Data>", s->key_info));
    for (size_t i = 0; i < s->cert_cnt; i++) {
        struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(8192);
        PH_TRY(ph_synth_p384_cert_make(&s->cert[i], &der));
        PH_TRY(ph_buf_add_str(out, "<ds:X509Certificate>\n"));
        PH_TRY(ph_base64_encode(ph_buf_view(&der), out));
        PH_TRY(ph_buf_add_str(out, "\n</ds:X509Certificate>"));
    }
    return ph_buf_addf(out, "%s</ds:X509Data></ds:KeyInfo></ds:Signature>", s->more_x509);
}

enum ph_err ph_rim_synth_make(const struct ph_rim_synth *s, struct ph_buf *xml)
{
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(PH_RIM_SYNTH_MAX);

    PH_TRY(put_body(s, &out));
    if (!s->no_signature) {
        PH_TRY(ph_buf_add_str(&out, "<ds:Signature xmlns:ds=\"" DSIG "\">"));
        const size_t at = out.len;
        PH_TRY(put_signed_info(s, &out));
        PH_TRY(put_signature_value(s, &out, at));
        PH_TRY(put_key_info(s, &out));
    }
    PH_TRY(put_end(s, &out));
    return ph_buf_add(xml, ph_buf_view(&out));
}
