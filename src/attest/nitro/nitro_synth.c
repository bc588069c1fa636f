#include "attest/nitro/nitro_synth.h"

#include "attest/synth/synth_p384.h"
#include "base/own.h"

enum { BYTES = 2, TEXT = 3, ARRAY = 4, MAP = 5 };

static const uint8_t secrets[5][48] = {{[47] = 11, [3] = 1},
                                       {[47] = 12, [3] = 2},
                                       {[47] = 13, [3] = 3},
                                       {[47] = 14, [3] = 4},
                                       {[47] = 15, [3] = 5}};
static const uint8_t data[64] = "synthetic user data";
static const uint8_t es384[] = {0xa1, 0x01, 0x38, 0x22};
static const uint8_t no_headers[] = {0xa0};
static const uint8_t four[] = {0x84};

void ph_nitro_synth_init(struct ph_nitro_synth *s)
{
    static const char *const cns[] = {"i-0123-enc0456.us-test-1.aws",
                                      "i-0123.us-test-1.aws.nitro-enclaves",
                                      "7.zonal.us-test-1.aws.nitro-enclaves",
                                      "8.us-test-1.aws.nitro-enclaves", "aws.nitro-enclaves"};
    const int64_t now_s = 1735689600; /* 2025-01-01 */

    *s = (struct ph_nitro_synth){
        .module_id = "i-0123-enc0456",
        .digest = "SHA384",
        .timestamp_ms = (uint64_t)now_s * 1000 + 4321,
        .pcrs = 0xffff,
        .user_data = PH_BYTES_OF(data),
        .cert_cnt = 5,
        .signer = secrets[0],
        .protected_header = PH_BYTES_OF(es384),
        .unprotected = PH_BYTES_OF(no_headers),
        .before = PH_BYTES_OF(four),
    };
    for (size_t i = 0; i < 16; i++)
        memset(s->pcr[i], i <= 4 || i == 8 ? (int)(0xc0 + i) : 0, 48);
    for (size_t i = 0; i < 5; i++) {
        const size_t above = i < 4 ? i + 1 : 4;
        s->cert[i] = (struct ph_synth_p384_cert){
            .subject = cns[i],
            .issuer = cns[above],
            .secret = secrets[i],
            .issuer_secret = secrets[above],
            .not_before_s = now_s - (int64_t)i * 86400,
            .not_after_s = now_s + 3 * 3600 + (int64_t)i * 86400,
            .is_ca = i > 0,
            .has_path_len = i > 0 && i<4, .path_len = i> 0 ? (uint8_t)(i - 1) : 0,
            .key_usage = i == 0 ? 0xc0 : 0x86,
            .no_ski = i == 0, /* as AWS's */
            .no_aki = i == 0 || i == 4,
        };
    }
}

enum ph_err ph_nitro_synth_root(uint8_t spki_sha256[static 32])
{
    return ph_synth_p384_pin(secrets[4], spki_sha256);
}

static enum ph_err put_head(struct ph_buf *out, unsigned major, uint64_t n)
{
    uint8_t head[9] = {(uint8_t)(major << 5)};
    const unsigned log = n < 24 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : n >> 32 == 0 ? 3 : 4;
    const size_t len = log ? (size_t)1 << (log - 1) : 0;

    head[0] = (uint8_t)(head[0] | (log ? 23 + log : n));
    for (size_t i = 0; i < len; i++)
        head[1 + i] = (uint8_t)(n >> 8 * (len - 1 - i));
    return ph_buf_add(out, (struct ph_bytes){head, 1 + len});
}

static enum ph_err put_string(struct ph_buf *out, unsigned major, struct ph_bytes value)
{
    PH_TRY(put_head(out, major, value.len));
    return ph_buf_add(out, value);
}

static enum ph_err put_key(struct ph_buf *out, const char *name)
{
    return put_string(out, TEXT, ph_bytes_str(name));
}

static enum ph_err put_optional(struct ph_buf *out, const char *name, struct ph_bytes value)
{
    PH_TRY(put_key(out, name));
    return value.ptr ? put_string(out, BYTES, value) : ph_buf_add(out, PH_BYTES_LIT("\xf6"));
}

static enum ph_err put_cert(struct ph_buf *out, const struct ph_synth_p384_cert *cert)
{
    struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    PH_TRY(ph_synth_p384_cert_make(cert, &der));
    return put_string(out, BYTES, ph_buf_view(&der));
}

static enum ph_err put_pcrs(struct ph_buf *out, const struct ph_nitro_synth *s)
{
    PH_TRY(put_key(out, "pcrs"));
    PH_TRY(put_head(out, MAP, (uint64_t)__builtin_popcount(s->pcrs)));
    for (unsigned i = 0; i < PH_NITRO_PCRS; i++) {
        if (!(s->pcrs >> i & 1))
            continue;
        PH_TRY(put_head(out, 0, i));
        PH_TRY(put_string(out, BYTES, PH_BYTES_OF(s->pcr[i])));
    }
    return PH_OK;
}

/* One map of indefinite length, its fields in the order of AWS's. */
static enum ph_err put_payload(struct ph_buf *out, const struct ph_nitro_synth *s)
{
    PH_TRY(ph_buf_add(out, PH_BYTES_LIT("\xbf")));
    PH_TRY(put_key(out, "module_id"));
    PH_TRY(put_string(out, TEXT, ph_bytes_str(s->module_id)));
    PH_TRY(put_key(out, "digest"));
    PH_TRY(put_string(out, TEXT, ph_bytes_str(s->digest)));
    PH_TRY(put_key(out, "timestamp"));
    PH_TRY(put_head(out, 0, s->timestamp_ms));
    PH_TRY(put_pcrs(out, s));
    PH_TRY(put_key(out, "certificate"));
    PH_TRY(put_cert(out, &s->cert[0]));
    PH_TRY(put_key(out, "cabundle"));
    PH_TRY(put_head(out, ARRAY, s->cert_cnt - 1));
    for (size_t i = s->cert_cnt - 1; i > 0; i--)
        PH_TRY(put_cert(out, &s->cert[i]));
    PH_TRY(put_optional(out, "public_key", s->public_key));
    PH_TRY(put_optional(out, "user_data", s->user_data));
    PH_TRY(put_optional(out, "nonce", s->nonce));
    return ph_buf_add(out, PH_BYTES_LIT("\xff"));
}

static enum ph_err replace(struct ph_buf *payload, struct ph_bytes from, struct ph_bytes to)
{
    struct ph_buf rest PH_OWNED(ph_buf_clear) = PH_BUF(PH_NITRO_SYNTH_MAX);
    const uint8_t *at = memmem(payload->ptr, payload->len, from.ptr, from.len);

    if (!at)
        return PH_ERR_NOT_FOUND;
    const size_t before = (size_t)(at - payload->ptr), after = before + from.len;
    PH_TRY(ph_buf_add(&rest, (struct ph_bytes){payload->ptr + after, payload->len - after}));
    payload->len = before;
    PH_TRY(ph_buf_add(payload, to));
    return ph_buf_add(payload, ph_buf_view(&rest));
}

enum ph_err ph_nitro_synth_make(const struct ph_nitro_synth *s, struct ph_buf *out)
{
    struct ph_buf payload PH_OWNED(ph_buf_clear) = PH_BUF(PH_NITRO_SYNTH_MAX);
    struct ph_buf tbs PH_OWNED(ph_buf_clear) = PH_BUF(PH_NITRO_SYNTH_MAX);
    uint8_t sig[96];

    PH_TRY(put_payload(&payload, s));
    for (size_t i = 0; i < PH_LEN(s->edit); i++) {
        if (s->edit[i].from.len > 0)
            PH_TRY(replace(&payload, s->edit[i].from, s->edit[i].to));
    }
    PH_TRY(put_head(&tbs, ARRAY, 4));
    PH_TRY(put_key(&tbs, "Signature1"));
    PH_TRY(put_string(&tbs, BYTES, s->protected_header));
    PH_TRY(put_string(&tbs, BYTES, (struct ph_bytes){NULL, 0}));
    PH_TRY(put_string(&tbs, BYTES, ph_buf_view(&payload)));
    PH_TRY(ph_synth_p384_sign(s->signer, ph_buf_view(&tbs), sig));

    PH_TRY(ph_buf_add(out, s->before));
    PH_TRY(put_string(out, BYTES, s->protected_header));
    PH_TRY(ph_buf_add(out, s->unprotected));
    PH_TRY(put_string(out, BYTES, ph_buf_view(&payload)));
    PH_TRY(put_string(out, BYTES, PH_BYTES_OF(sig)));
    return ph_buf_add(out, s->after);
}
