#ifndef PH_ATTEST_NVIDIA_RIM_SYNTH_H
#define PH_ATTEST_NVIDIA_RIM_SYNTH_H

/* Reference manifests under a root of one's own, whole or with chosen faults: for tests. The
 * verifier is never linked with it.
 *
 * Layer: attest, tests only.
 */

#include "attest/nvidia/rim.h"
#include "attest/synth/synth_p384.h"

enum { PH_RIM_SYNTH_CERTS = 5, PH_RIM_SYNTH_MAX = 2 * PH_RIM_MAX };

/* What goes into the document, as text where it is text. ph_rim_synth_init fills in a manifest that
 * verifies; change members to break it. */
struct ph_rim_synth {
    const char *before;  /* text before the root element */
    const char *root;    /* name of the root element with its attributes */
    const char *meta;    /* what stands between the root's start and the Payload */
    const char *payload; /* the Payload element */
    const char *after;   /* what stands between the Payload and the Signature */
    /* SignedInfo */
    const char *c14n, *sig_alg, *uri, *enveloped, *transform,
        *digest_alg; /* NULL transform: none */
    const char *more_transforms, *more_references, *more_signed_info;
    /* KeyInfo */
    const char *key_info, *more_x509; /* before X509Data; at its end */
    const char *wrong_digest;         /* base64, in place of the right one; NULL */
    const char *behind;               /* text after the Signature, before the root's end tag */
    bool no_signature;
    struct ph_synth_p384_cert cert[PH_RIM_SYNTH_CERTS]; /* leaf first */
    size_t cert_cnt;
    const uint8_t *signer; /* signs SignedInfo: the leaf's secret */
};

/* A driver's manifest for "GH100", "1.2.3": indices 0 (active, one value: 48 bytes 0xa0), 1
 * (active, values of 0xb0 and of 0xb1), 2 (not active). Certificates are valid from 2024-01-01 to
 * 2026-01-01. */
void ph_rim_synth_init(struct ph_rim_synth *s);
/* Append the document to `xml`. PH_ERR_MALFORMED, PH_ERR_UNSUPPORTED: what has no canonical form
 * cannot be signed. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_rim_synth_make(const struct ph_rim_synth *s, struct ph_buf *xml);
/* The synthetic root's pin. */
PH_CHECKED enum ph_err ph_rim_synth_root(uint8_t spki_sha256[static 32]);

/* Append one Resource, for a payload of one's own: values are `cnt` times 48 bytes. */
PH_CHECKED enum ph_err ph_rim_synth_put_resource(struct ph_buf *payload, unsigned index,
                                                 bool active, const uint8_t (*values)[48],
                                                 size_t cnt);
#define PH_RIM_SYNTH_PAYLOAD                                                                       \
    "<ns0:Payload xmlns:SHA384=\"http://www.w3.org/2001/04/xmlenc#sha384\">"

#endif
