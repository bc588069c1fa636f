/* Oblivious HTTP: the RFC's worked example, both ways with every AEAD, and each refusal. */

#include "keys/ohttp.h"

#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "crypto/aead.h"

/* RFC 9458 appendix A. */
#define RFC_SECRET "3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a"
#define RFC_KEYS                                                                                   \
    "002d01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155"                   \
    "00080001000100010003"
#define RFC_EPHEMERAL "bc51d5e930bda26589890ac7032f70ad12e4ecb37abb1b65b1256c9c48999c73"
#define RFC_REQUEST "00034745540568747470730b6578616d706c652e636f6d012f"
#define RFC_SEALED_REQUEST                                                                         \
    "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906" \
    "992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525"
#define RFC_RESPONSE_NONCE "c789e7151fcba46158ca84b04464910d"
#define RFC_SEALED_RESPONSE "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd"

struct hex {
    size_t len;
    uint8_t b[128];
};
static struct hex unhex(const char *text)
{
    struct hex h = {.len = strlen(text) / 2};

    CHECK(h.len <= sizeof(h.b) && ph_hex_decode(ph_bytes_str(text), h.b, h.len) == PH_OK);
    return h;
}
static struct ph_bytes view(const struct hex *h)
{
    return (struct ph_bytes){h->b, h->len};
}

TEST(the_sender_makes_the_messages_of_the_rfc)
{
    const struct hex keys = unhex(RFC_KEYS), ephemeral = unhex(RFC_EPHEMERAL);
    const struct hex request = unhex(RFC_REQUEST), want = unhex(RFC_SEALED_REQUEST);
    const struct hex answer = unhex(RFC_SEALED_RESPONSE), nonce = unhex(RFC_RESPONSE_NONCE);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_ohttp_session session;

    CHECK(ph_ohttp_seal_request_with_ephemeral(view(&keys), ephemeral.b, view(&request), &out,
                                               &session) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), view(&want)));
    out.len = 0;
    CHECK(ph_ohttp_open_response(&session, view(&answer), &out) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), PH_BYTES_LIT("\x01\x40\xc8")));
    out.len = 0;
    CHECK(ph_ohttp_seal_response_with_nonce(&session, nonce.b, PH_BYTES_LIT("\x01\x40\xc8"),
                                            &out) == PH_OK);
    CHECK(ph_bytes_equal(ph_buf_view(&out), view(&answer)));
}

struct pair {
    uint8_t secret[32], public[32], keys[PH_OHTTP_KEYS_LEN];
};
static struct pair pair_of(uint8_t seed)
{
    struct pair p;

    memset(p.secret, seed, sizeof(p.secret));
    CHECK(ph_x25519_public(p.secret, p.public) == PH_OK);
    ph_ohttp_keys_encode(p.public, p.keys);
    return p;
}

/* A worker's configuration that offers only its i-th AEAD. */
static struct hex with_aead(const struct pair *p, size_t i)
{
    struct hex keys = {.len = PH_OHTTP_KEYS_LEN - 8};

    memcpy(keys.b, p->keys, keys.len);
    memcpy(keys.b + 39, p->keys + 39 + 4 * i, 4);
    keys.b[1] = (uint8_t)(keys.len - 2);
    keys.b[38] = 4;
    return keys;
}

TEST(both_ways_with_every_aead)
{
    const struct pair p = pair_of(9);

    for (size_t i = 0; i < 3; i++) {
        const struct hex keys = with_aead(&p, i);
        struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
        struct ph_buf back PH_OWNED(ph_buf_clear) = PH_BUF(4096);
        struct ph_ohttp_session sender, gateway;
        uint8_t plain[5];
        CHECK(ph_ohttp_seal_request(view(&keys), PH_BYTES_LIT("hello"), &out, &sender) == PH_OK);
        CHECK(ph_ohttp_open_head(p.secret, p.public, (struct ph_bytes){out.ptr, PH_OHTTP_HEAD_LEN},
                                 &gateway) == PH_OK);
        CHECK(gateway.aead == i + 1);
        const struct ph_bytes sealed = {out.ptr + PH_OHTTP_HEAD_LEN, out.len - PH_OHTTP_HEAD_LEN};
        CHECK(ph_ohttp_open_request(&gateway, sealed, plain) == PH_OK);
        CHECK(memcmp(plain, "hello", 5) == 0);
        CHECK(ph_ohttp_seal_response(&gateway, PH_BYTES_LIT("there"), &back) == PH_OK);
        out.len = 0;
        CHECK(ph_ohttp_open_response(&sender, ph_buf_view(&back), &out) == PH_OK);
        CHECK(ph_bytes_is(ph_buf_view(&out), "there"));
        for (size_t at = 0; at < back.len; at++) {
            back.ptr[at] ^= 1;
            out.len = 0;
            CHECK(ph_ohttp_open_response(&sender, ph_buf_view(&back), &out) == PH_ERR_UNTRUSTED);
            CHECK(out.len == 0);
            back.ptr[at] ^= 1;
        }
        CHECK(ph_ohttp_open_response(&sender, (struct ph_bytes){back.ptr, 31}, &out) ==
              PH_ERR_MALFORMED);
    }
}

TEST(no_request_opens_with_a_bit_changed)
{
    const struct pair p = pair_of(9), other = pair_of(10);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    struct ph_ohttp_session s;
    uint8_t plain[5];

    CHECK(ph_ohttp_seal_request(PH_BYTES_OF(p.keys), PH_BYTES_LIT("hello"), &out, &s) == PH_OK);
    const struct ph_bytes head = {out.ptr, PH_OHTTP_HEAD_LEN};
    const struct ph_bytes sealed = {out.ptr + head.len, out.len - head.len};
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(ph_ohttp_open_head(p.secret, p.public, head, &s) != PH_OK ||
              ph_ohttp_open_request(&s, sealed, plain) == PH_ERR_UNTRUSTED);
        out.ptr[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    CHECK(ph_ohttp_open_head(other.secret, other.public, head, &s) == PH_ERR_UNSUPPORTED);
    CHECK(ph_ohttp_open_head(p.secret, p.public, head, &s) == PH_OK);
    CHECK(ph_ohttp_open_request(&s, (struct ph_bytes){sealed.ptr, 15}, plain) == PH_ERR_MALFORMED);
    CHECK(ph_ohttp_open_request(&s, sealed, plain) == PH_OK);
}

TEST(each_wrong_field_of_a_head_has_its_error)
{
    const struct pair p = pair_of(9);
    uint8_t head[PH_OHTTP_HEAD_LEN + 1] = {p.keys[2], 0, 0x20, 0, 1, 0, 1};
    struct ph_ohttp_session s;
    const struct ph_bytes whole = {head, PH_OHTTP_HEAD_LEN};

    CHECK(ph_ohttp_open_head(p.secret, p.public, whole, &s) == PH_ERR_UNTRUSTED); /* enc is 0 */
    head[7] = 9;
    CHECK(ph_ohttp_open_head(p.secret, p.public, whole, &s) == PH_OK);
    for (size_t i = 0; i < 7; i++) {
        head[i] ^= 0x10;
        CHECK(ph_ohttp_open_head(p.secret, p.public, whole, &s) == PH_ERR_UNSUPPORTED);
        head[i] ^= 0x10;
    }
    for (uint8_t aead = 0; aead < 8; aead++) {
        head[6] = aead;
        CHECK(ph_ohttp_open_head(p.secret, p.public, whole, &s) ==
              (aead >= 1 && aead <= 3 ? PH_OK : PH_ERR_UNSUPPORTED));
    }
    for (size_t len = 0; len < PH_OHTTP_HEAD_LEN; len++)
        CHECK(ph_ohttp_open_head(p.secret, p.public, (struct ph_bytes){head, len}, &s) ==
              PH_ERR_MALFORMED);
    CHECK(ph_ohttp_open_head(p.secret, p.public, PH_BYTES_OF(head), &s) == PH_ERR_MALFORMED);
}

TEST(of_several_configurations_the_first_usable_is_taken)
{
    const struct pair p = pair_of(9);
    /* A P-256 key first (KEM 0x0010), then one whose only KDF is SHA-512, then ours. */
    static const uint8_t p256[] = {0, 5, 1, 0, 0x10, 1, 2};
    uint8_t list[sizeof(p256) + (PH_OHTTP_KEYS_LEN - 8) + PH_OHTTP_KEYS_LEN], id, public[32];
    enum ph_hpke_aead aead;
    struct hex sha512 = with_aead(&p, 0);

    sha512.b[40] = 3;
    memcpy(list, p256, sizeof(p256));
    memcpy(list + sizeof(p256), sha512.b, sha512.len);
    memcpy(list + sizeof(p256) + sha512.len, p.keys, sizeof(p.keys));
    CHECK(ph_ohttp_keys_parse(PH_BYTES_OF(list), &id, public, &aead) == PH_OK);
    CHECK(id == p.keys[2] && memcmp(public, p.public, 32) == 0 && aead == PH_HPKE_AES128GCM);
    CHECK(ph_ohttp_keys_parse((struct ph_bytes){list, sizeof(p256) + sha512.len}, &id, public,
                              &aead) == PH_ERR_UNSUPPORTED);
    CHECK(ph_ohttp_keys_parse(PH_BYTES_LIT(""), &id, public, &aead) == PH_ERR_UNSUPPORTED);
    for (size_t len = 1; len < PH_OHTTP_KEYS_LEN; len++)
        CHECK(ph_ohttp_keys_parse((struct ph_bytes){p.keys, len}, &id, public, &aead) ==
              PH_ERR_MALFORMED);
}

PH_TEST_MAIN(CASE(the_sender_makes_the_messages_of_the_rfc), CASE(both_ways_with_every_aead),
             CASE(no_request_opens_with_a_bit_changed),
             CASE(each_wrong_field_of_a_head_has_its_error),
             CASE(of_several_configurations_the_first_usable_is_taken))
