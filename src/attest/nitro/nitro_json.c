/* ph_nitro_json: what a document says, unproved. */

#include "attest/nitro/nitro_priv.h"

#include <stdio.h>

static void put_optional(struct ph_jput *out, const char *key, struct ph_bytes value)
{
    if (value.ptr)
        ph_jput_hex(out, key, value);
    else
        ph_jput_null(out, key);
}

static void put_certificate(struct ph_jput *out, struct ph_bytes der)
{
    struct ph_x509 cert;

    if (ph_x509_parse(&ph_x509_profile_nitro, der, &cert) != PH_OK) {
        ph_jput_null(out, "certificate");
        return;
    }
    ph_jput_object(out, "certificate");
    ph_jput_text(out, "subject", cert.cn);
    ph_jput_time(out, "not_before", cert.not_before_s);
    ph_jput_time(out, "not_after", cert.not_after_s);
    ph_jput_close(out);
}

enum ph_err ph_nitro_json(struct ph_bytes document, struct ph_jput *out, const char *key,
                          enum ph_check *failed)
{
    struct ph_nitro_doc doc;

    PH_TRY(ph_nitro_parse(document, &doc, failed));
    ph_jput_object(out, key);
    ph_jput_str(out, "kind", "nitro-document");
    ph_jput_text(out, "module_id", doc.module_id);
    ph_jput_int(out, "timestamp_ms", (int64_t)doc.timestamp_ms);
    ph_jput_str(out, "digest", "SHA384");
    ph_jput_object(out, "pcrs");
    for (unsigned i = 0; i < PH_NITRO_PCRS; i++) {
        char name[4];
        (void)snprintf(name, sizeof(name), "%u", i);
        if (doc.pcrs >> i & 1)
            ph_jput_hex(out, name, doc.pcr[i]);
    }
    ph_jput_close(out);
    put_certificate(out, doc.certificate);
    ph_jput_int(out, "cabundle", (int64_t)doc.ca_cnt);
    put_optional(out, "public_key", doc.public_key);
    put_optional(out, "user_data", doc.user_data);
    put_optional(out, "nonce", doc.nonce);
    ph_jput_close(out);
    return out->err;
}
