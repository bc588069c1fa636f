#include "keys/eip712.h"

#include "crypto/hash.h"
#include "crypto/secp256k1.h"
#include "keys/eip712_priv.h"

#include <assert.h>

static const char *const actions[] = {"deploy",      "delete",     "secrets", "logs",
                                      "list",        "export",     "import",  "keys-rotate",
                                      "keys-backup", "keys-retire"};

#define OWNER_REQUEST_TYPE                                                                         \
    "OwnerRequest(string action,string name,bytes32 content,address cluster,uint64 sequence,"      \
    "uint64 expires)"

/* keccak256 of each type string, and the domain separator, are computed where they are used: a
 * microsecond beside a signature's forty. */
static void word_of_hash(const char *text, size_t len, uint8_t out[static 32])
{
    ph_keccak256((struct ph_bytes){(const uint8_t *)text, len}, out);
}

void ph_eip712_word_uint(uint64_t v, uint8_t out[static 32])
{
    memset(out, 0, 24);
    ph_put_u64be(out + 24, v);
}

void ph_eip712_digest(const char *type, const uint8_t *words, size_t word_cnt,
                      struct ph_hash32 *out)
{
    static const char domain_type[] = "EIP712Domain(string name,string version)";
    uint8_t domain[3 * 32], message[8 * 32], final[2 + 64] = {0x19, 0x01};

    assert(word_cnt < 8);
    word_of_hash(domain_type, sizeof(domain_type) - 1, domain);
    word_of_hash("Phala", 5, domain + 32);
    word_of_hash("1", 1, domain + 64);
    ph_keccak256(PH_BYTES_OF(domain), final + 2);

    word_of_hash(type, strlen(type), message);
    memcpy(message + 32, words, word_cnt * 32);
    ph_keccak256((struct ph_bytes){message, (word_cnt + 1) * 32}, final + 34);
    ph_keccak256(PH_BYTES_OF(final), out->b);
}

/* Length of a C string that fits a field of `cap` bytes with its NUL; cap if it does not end. */
static size_t text_len(const char *text, size_t cap)
{
    return strnlen(text, cap);
}

static bool action_known(const char *action)
{
    for (size_t i = 0; i < PH_LEN(actions); i++)
        if (strcmp(action, actions[i]) == 0)
            return true;
    return false;
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool name_ok(const char *name, size_t len)
{
    if (len == 0 || len > PH_NAME_MAX || !name_char(name[0]) || !name_char(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!name_char(name[i]) && name[i] != '-')
            return false;
    return true;
}

enum ph_err ph_owner_request_check(const struct ph_owner_request *req)
{
    const size_t action_len = text_len(req->action, sizeof(req->action));
    const size_t name_len = text_len(req->name, sizeof(req->name));

    if (action_len == sizeof(req->action) || !action_known(req->action))
        return PH_ERR_MALFORMED;
    if (strcmp(req->action, "list") == 0 || strncmp(req->action, "keys-", 5) == 0)
        return name_len == 0 ? PH_OK : PH_ERR_MALFORMED;
    return name_ok(req->name, name_len) ? PH_OK : PH_ERR_MALFORMED;
}

void ph_owner_request_digest(const struct ph_owner_request *req, struct ph_hash32 *out)
{
    uint8_t words[6 * 32] = {0};

    word_of_hash(req->action, text_len(req->action, sizeof(req->action)), words);
    word_of_hash(req->name, text_len(req->name, sizeof(req->name)), words + 32);
    memcpy(words + 64, req->content.b, 32);
    memcpy(words + 96 + 12, req->cluster.b, 20);
    ph_eip712_word_uint(req->sequence, words + 128);
    ph_eip712_word_uint(req->expires, words + 160);
    ph_eip712_digest(OWNER_REQUEST_TYPE, words, 6, out);
}

enum ph_err ph_owner_request_recover(const struct ph_owner_request *req,
                                     const uint8_t sig[static 65], struct ph_eth_address *owner)
{
    struct ph_hash32 digest;

    ph_owner_request_digest(req, &digest);
    return ph_eth_recover(&digest, sig, owner) == PH_OK ? PH_OK : PH_ERR_UNTRUSTED;
}

void ph_owner_request_encode(const struct ph_owner_request *req,
                             uint8_t out[static PH_OWNER_REQUEST_LEN])
{
    memset(out, 0, PH_OWNER_REQUEST_LEN);
    memcpy(out, req->action, text_len(req->action, sizeof(req->action)));
    memcpy(out + 16, req->name, text_len(req->name, sizeof(req->name)));
    memcpy(out + 80, req->content.b, 32);
    memcpy(out + 112, req->cluster.b, 20);
    ph_put_u64be(out + 132, req->sequence);
    ph_put_u64be(out + 140, req->expires);
}

/* A NUL-padded text field: a NUL inside, and nothing but NULs after it. */
static bool read_text(struct ph_reader *r, char *out, size_t cap)
{
    if (!ph_read_copy(r, out, cap))
        return false;
    const size_t len = text_len(out, cap);
    for (size_t i = len; i < cap; i++)
        if (out[i] != 0)
            return false;
    return len < cap;
}

enum ph_err ph_owner_request_decode(struct ph_bytes raw, struct ph_owner_request *out)
{
    struct ph_reader r = {raw};
    struct ph_owner_request req;

    if (!read_text(&r, req.action, sizeof(req.action)) ||
        !read_text(&r, req.name, sizeof(req.name)) || !ph_read_copy(&r, req.content.b, 32) ||
        !ph_read_copy(&r, req.cluster.b, 20) || !ph_read_u64be(&r, &req.sequence) ||
        !ph_read_u64be(&r, &req.expires) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    PH_TRY(ph_owner_request_check(&req));
    *out = req;
    return PH_OK;
}

void ph_phat_id_derive(const struct ph_eth_address *owner, const char *name, struct ph_phat_id *out)
{
    struct ph_sha256 h;
    uint8_t digest[32];

    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_LIT("phala-phat-id-v1"));
    ph_sha256_update(&h, PH_BYTES_OF(owner->b));
    ph_sha256_update(&h, ph_bytes_str(name));
    ph_sha256_final(&h, digest);
    memcpy(out->b, digest, sizeof(out->b));
}
