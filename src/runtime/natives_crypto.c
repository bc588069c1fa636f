#include "runtime/natives_crypto.h"

#include "base/own.h"
#include "crypto/pkey.h"
#include "runtime/jsval.h"

enum { GCM_TAG_MAX = 16, DERIVED_LEN = 32, KDF_OUT_MAX = 1 << 20 };

/* One call of the native: the arguments after the operation's name. */
struct op_call {
    JSContextRef ctx;
    size_t arg_cnt;
    const JSValueRef *args;
    JSValueRef *exception;
};

typedef JSValueRef op_fn(struct op_call *c);

static JSValueRef throw_named(struct op_call *c, const char *name, const char *message)
{
    return ph_js_throw(c->ctx, name, message, c->exception);
}

static JSValueRef bad_args(struct op_call *c)
{
    return throw_named(c, "TypeError", "crypto: an argument has the wrong type");
}

/* The DOMException that Web Cryptography asks for when an operation (not an import) fails. */
static JSValueRef op_failed(struct op_call *c, enum ph_err err)
{
    if (err == PH_ERR_UNSUPPORTED)
        return throw_named(c, "NotSupportedError", "The algorithm is not supported here");
    return throw_named(c, "OperationError", "The operation failed");
}

static bool arg_bytes(const struct op_call *c, size_t i, struct ph_bytes *out)
{
    return i < c->arg_cnt && ph_js_bytes(c->ctx, c->args[i], out);
}

/* Bytes, or null and undefined for none. */
static bool arg_optional_bytes(const struct op_call *c, size_t i, struct ph_bytes *out)
{
    if (i < c->arg_cnt && !JSValueIsNull(c->ctx, c->args[i]) &&
        !JSValueIsUndefined(c->ctx, c->args[i]))
        return ph_js_bytes(c->ctx, c->args[i], out);
    *out = (struct ph_bytes){NULL, 0};
    return true;
}

/* A short ASCII string: an algorithm, a format. */
static bool arg_name(const struct op_call *c, size_t i, char out[static 16])
{
    if (i >= c->arg_cnt || !JSValueIsString(c->ctx, c->args[i]))
        return false;
    JSStringRef s = JSValueToStringCopy(c->ctx, c->args[i], NULL);
    bool fits = s != NULL && JSStringGetLength(s) < 15 && JSStringGetUTF8CString(s, out, 16) > 0;
    if (s != NULL)
        JSStringRelease(s);
    return fits;
}

static bool arg_hash(const struct op_call *c, size_t i, enum ph_hash_alg *out)
{
    char name[16];
    if (!arg_name(c, i, name))
        return false;
    *out = ph_hash_by_name(ph_bytes_str(name));
    return *out != PH_HASH_NONE;
}

static bool arg_size(const struct op_call *c, size_t i, size_t max, size_t *out)
{
    if (i >= c->arg_cnt || !JSValueIsNumber(c->ctx, c->args[i]))
        return false;
    double n = JSValueToNumber(c->ctx, c->args[i], NULL);
    if (!(n >= 0 && n <= (double)max))
        return false;
    *out = (size_t)n;
    return true;
}

static JSValueRef bytes_value(struct op_call *c, struct ph_bytes bytes)
{
    JSObjectRef array = ph_js_new_bytes(c->ctx, bytes);
    return array != NULL ? (JSValueRef)array : throw_named(c, "OperationError", "Out of memory");
}

/* Key handles. */

static void handle_finalize(JSObjectRef object)
{
    ph_pkey_free(JSObjectGetPrivate(object));
}

static JSClassRef handle_class(void)
{
    static JSClassRef class;
    if (class == NULL) {
        JSClassDefinition def = kJSClassDefinitionEmpty;
        def.className = "KeyHandle";
        def.finalize = handle_finalize;
        class = JSClassCreate(&def);
    }
    return class;
}

static JSValueRef handle_value(struct op_call *c, struct ph_pkey *key)
{
    return JSObjectMake(c->ctx, handle_class(), key);
}

static const struct ph_pkey *arg_handle(const struct op_call *c, size_t i)
{
    if (i >= c->arg_cnt || !JSValueIsObjectOfClass(c->ctx, c->args[i], handle_class()))
        return NULL;
    return JSObjectGetPrivate(JSValueToObject(c->ctx, c->args[i], NULL));
}

static bool arg_kind(const struct op_call *c, size_t i, enum ph_pkey_kind *out)
{
    char name[16];
    if (!arg_name(c, i, name))
        return false;
    if (strcmp(name, "ECDSA") == 0 || strcmp(name, "ECDH") == 0)
        *out = PH_PKEY_P256;
    else if (strcmp(name, "Ed25519") == 0)
        *out = PH_PKEY_ED25519;
    else if (strcmp(name, "X25519") == 0)
        *out = PH_PKEY_X25519;
    else
        return false;
    return true;
}

/* Digests, MACs, derivation. */

static JSValueRef op_digest(struct op_call *c)
{
    enum ph_hash_alg alg;
    struct ph_bytes data;
    uint8_t out[PH_HASH_MAX_LEN];
    if (!arg_hash(c, 0, &alg) || !arg_bytes(c, 1, &data))
        return bad_args(c);
    enum ph_err err = ph_hash(alg, data, out);
    if (err != PH_OK)
        return op_failed(c, err);
    return bytes_value(c, (struct ph_bytes){out, ph_hash_len(alg)});
}

static JSValueRef op_hmac_sign(struct op_call *c)
{
    enum ph_hash_alg alg;
    struct ph_bytes key, data;
    uint8_t out[PH_HASH_MAX_LEN];
    if (!arg_hash(c, 0, &alg) || !arg_bytes(c, 1, &key) || !arg_bytes(c, 2, &data))
        return bad_args(c);
    enum ph_err err = ph_hmac(alg, key, data, out);
    if (err != PH_OK)
        return op_failed(c, err);
    return bytes_value(c, (struct ph_bytes){out, ph_hash_len(alg)});
}

static JSValueRef op_hmac_verify(struct op_call *c)
{
    enum ph_hash_alg alg;
    struct ph_bytes key, data, mac;
    if (!arg_hash(c, 0, &alg) || !arg_bytes(c, 1, &key) || !arg_bytes(c, 2, &mac) ||
        !arg_bytes(c, 3, &data))
        return bad_args(c);
    enum ph_err err = ph_hmac_verify(alg, key, data, mac);
    if (err != PH_OK && err != PH_ERR_UNTRUSTED)
        return op_failed(c, err);
    return JSValueMakeBoolean(c->ctx, err == PH_OK);
}

static JSValueRef op_hkdf(struct op_call *c)
{
    enum ph_hash_alg alg;
    struct ph_bytes key, salt, info;
    size_t bits;
    uint8_t *out = NULL;
    if (!arg_hash(c, 0, &alg) || !arg_bytes(c, 1, &key) || !arg_bytes(c, 2, &salt) ||
        !arg_bytes(c, 3, &info) || !arg_size(c, 4, (size_t)KDF_OUT_MAX * 8, &bits))
        return bad_args(c);
    if (bits / 8 > 255 * ph_hash_len(alg))
        return op_failed(c, PH_ERR_LIMIT);
    JSObjectRef array = ph_js_alloc_bytes(c->ctx, bits / 8, &out);
    if (array == NULL)
        return op_failed(c, PH_ERR_NOMEM);
    enum ph_err err = bits < 8 ? PH_OK : ph_hkdf(alg, key, salt, info, out, bits / 8);
    return err == PH_OK ? (JSValueRef)array : op_failed(c, err);
}

static JSValueRef op_pbkdf2(struct op_call *c)
{
    enum ph_hash_alg alg;
    struct ph_bytes password, salt;
    size_t rounds, bits;
    uint8_t *out = NULL;
    if (!arg_hash(c, 0, &alg) || !arg_bytes(c, 1, &password) || !arg_bytes(c, 2, &salt) ||
        !arg_size(c, 3, UINT32_MAX, &rounds) || !arg_size(c, 4, (size_t)KDF_OUT_MAX * 8, &bits))
        return bad_args(c);
    JSObjectRef array = ph_js_alloc_bytes(c->ctx, bits / 8, &out);
    if (array == NULL)
        return op_failed(c, PH_ERR_NOMEM);
    enum ph_err err =
        bits < 8 ? PH_OK : ph_pbkdf2(alg, password, salt, (uint32_t)rounds, out, bits / 8);
    return err == PH_OK ? (JSValueRef)array : op_failed(c, err);
}

/* gcmSeal and gcmOpen (key, iv, aad, data, tagBits). */

static bool gcm_args(struct op_call *c, struct ph_bytes arg[static 4], size_t *tag_len)
{
    size_t tag_bits;
    if (!arg_bytes(c, 0, &arg[0]) || !arg_bytes(c, 1, &arg[1]) ||
        !arg_optional_bytes(c, 2, &arg[2]) || !arg_bytes(c, 3, &arg[3]) ||
        !arg_size(c, 4, GCM_TAG_MAX * 8, &tag_bits))
        return false;
    *tag_len = tag_bits / 8;
    return true;
}

static JSValueRef op_gcm_seal(struct op_call *c)
{
    struct ph_bytes arg[4];
    size_t tag_len;
    uint8_t *out = NULL;
    if (!gcm_args(c, arg, &tag_len))
        return bad_args(c);
    JSObjectRef array = ph_js_alloc_bytes(c->ctx, arg[3].len + tag_len, &out);
    if (array == NULL)
        return op_failed(c, PH_ERR_NOMEM);
    enum ph_err err = ph_aesgcm_seal(arg[0], arg[1], arg[2], tag_len, arg[3], out);
    return err == PH_OK ? (JSValueRef)array : op_failed(c, err);
}

static JSValueRef op_gcm_open(struct op_call *c)
{
    struct ph_bytes arg[4];
    size_t tag_len;
    uint8_t none[1];
    uint8_t *out = NULL;
    if (!gcm_args(c, arg, &tag_len))
        return bad_args(c);
    if (arg[3].len < tag_len)
        return JSValueMakeNull(c->ctx);
    JSObjectRef array = ph_js_alloc_bytes(c->ctx, arg[3].len - tag_len, &out);
    if (array == NULL)
        return op_failed(c, PH_ERR_NOMEM);
    enum ph_err err =
        ph_aesgcm_open(arg[0], arg[1], arg[2], tag_len, arg[3], out != NULL ? out : none);
    if (err == PH_ERR_UNTRUSTED)
        return JSValueMakeNull(c->ctx);
    return err == PH_OK ? (JSValueRef)array : op_failed(c, err);
}

/* Keys. */

static JSValueRef op_generate(struct op_call *c)
{
    enum ph_pkey_kind kind;
    struct ph_pkey *key PH_OWNED(ph_pkey_freep) = NULL;
    if (!arg_kind(c, 0, &kind))
        return bad_args(c);
    enum ph_err err = ph_pkey_generate(kind, &key);
    return err == PH_OK ? handle_value(c, PH_TAKE(key)) : op_failed(c, err);
}

static JSValueRef op_public(struct op_call *c)
{
    const struct ph_pkey *key = arg_handle(c, 0);
    struct ph_pkey *half PH_OWNED(ph_pkey_freep) = NULL;
    if (key == NULL)
        return bad_args(c);
    enum ph_err err = ph_pkey_public(key, &half);
    return err == PH_OK ? handle_value(c, PH_TAKE(half)) : op_failed(c, err);
}

static JSValueRef op_import(struct op_call *c)
{
    enum ph_pkey_kind kind;
    char format[16];
    struct ph_bytes a, y, d;
    struct ph_pkey *key PH_OWNED(ph_pkey_freep) = NULL;
    if (!arg_kind(c, 0, &kind) || !arg_name(c, 1, format) || !arg_bytes(c, 2, &a) ||
        !arg_optional_bytes(c, 3, &y) || !arg_optional_bytes(c, 4, &d))
        return bad_args(c);
    enum ph_err err;
    if (strcmp(format, "raw") == 0)
        err = ph_pkey_import_raw(kind, a, &key);
    else if (strcmp(format, "spki") == 0)
        err = ph_pkey_import_spki(kind, a, &key);
    else if (strcmp(format, "pkcs8") == 0)
        err = ph_pkey_import_pkcs8(kind, a, &key);
    else if (strcmp(format, "jwk") == 0)
        err = ph_pkey_import_jwk(kind, a, y, d, &key);
    else
        return bad_args(c);
    if (err != PH_OK)
        return throw_named(c, err == PH_ERR_NOMEM ? "OperationError" : "DataError",
                           "The key data does not hold a key of this algorithm");
    return handle_value(c, PH_TAKE(key));
}

/* For "jwk": x, y and d, 32 bytes each, in one array. */
static JSValueRef op_export(struct op_call *c)
{
    const struct ph_pkey *key = arg_handle(c, 0);
    char format[16];
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(256);
    if (key == NULL || !arg_name(c, 1, format))
        return bad_args(c);
    enum ph_err err;
    if (strcmp(format, "raw") == 0) {
        err = ph_pkey_export_raw(key, &out);
    } else if (strcmp(format, "spki") == 0) {
        err = ph_pkey_export_spki(key, &out);
    } else if (strcmp(format, "pkcs8") == 0) {
        err = ph_pkey_export_pkcs8(key, &out);
    } else if (strcmp(format, "jwk") == 0) {
        struct ph_pkey_jwk jwk;
        _Static_assert(sizeof jwk == 96, "three coordinates without padding");
        ph_pkey_export_jwk(key, &jwk);
        JSValueRef value = bytes_value(c, (struct ph_bytes){(const uint8_t *)&jwk, sizeof jwk});
        ph_wipe(&jwk, sizeof jwk);
        return value;
    } else {
        return bad_args(c);
    }
    JSValueRef value = err == PH_OK ? bytes_value(c, ph_buf_view(&out)) : op_failed(c, err);
    if (out.len > 0)
        ph_wipe(out.ptr, out.len);
    return value;
}

/* sign(handle, hash, data): ECDSA takes the hash, Ed25519 has none. */
static JSValueRef op_sign(struct op_call *c)
{
    const struct ph_pkey *key = arg_handle(c, 0);
    struct ph_bytes data;
    uint8_t sig[64];
    if (key == NULL || !arg_bytes(c, 2, &data))
        return bad_args(c);
    enum ph_err err;
    enum ph_hash_alg alg = PH_HASH_NONE;
    if (ph_pkey_kind(key) == PH_PKEY_ED25519)
        err = ph_pkey_ed25519_sign(key, data, sig);
    else if (arg_hash(c, 1, &alg))
        err = ph_pkey_ecdsa_sign(key, alg, data, sig);
    else
        return bad_args(c);
    return err == PH_OK ? bytes_value(c, PH_BYTES_OF(sig)) : op_failed(c, err);
}

static JSValueRef op_verify(struct op_call *c)
{
    const struct ph_pkey *key = arg_handle(c, 0);
    struct ph_bytes sig, data;
    if (key == NULL || !arg_bytes(c, 2, &sig) || !arg_bytes(c, 3, &data))
        return bad_args(c);
    enum ph_err err;
    enum ph_hash_alg alg = PH_HASH_NONE;
    if (ph_pkey_kind(key) == PH_PKEY_ED25519)
        err = ph_pkey_ed25519_verify(key, data, sig);
    else if (arg_hash(c, 1, &alg))
        err = ph_pkey_ecdsa_verify(key, alg, data, sig);
    else
        return bad_args(c);
    if (err != PH_OK && err != PH_ERR_UNTRUSTED)
        return op_failed(c, err);
    return JSValueMakeBoolean(c->ctx, err == PH_OK);
}

static JSValueRef op_derive(struct op_call *c)
{
    const struct ph_pkey *key = arg_handle(c, 0);
    const struct ph_pkey *peer = arg_handle(c, 1);
    uint8_t shared[DERIVED_LEN];
    if (key == NULL || peer == NULL)
        return bad_args(c);
    enum ph_err err = ph_pkey_derive(key, peer, shared);
    if (err != PH_OK)
        return op_failed(c, err);
    JSValueRef value = bytes_value(c, PH_BYTES_OF(shared));
    ph_wipe(shared, sizeof shared);
    return value;
}

static const struct {
    const char *name;
    op_fn *fn;
} ops[] = {
    /* clang-format off */
    {"digest",   op_digest},
    {"hmacSign", op_hmac_sign},
    {"hmacVerify", op_hmac_verify},
    {"hkdf",     op_hkdf},
    {"pbkdf2",   op_pbkdf2},
    {"gcmSeal",  op_gcm_seal},
    {"gcmOpen",  op_gcm_open},
    {"generate", op_generate},
    {"public",   op_public},
    {"import",   op_import},
    {"export",   op_export},
    {"sign",     op_sign},
    {"verify",   op_verify},
    {"derive",   op_derive},
    /* clang-format on */
};

static JSValueRef crypto_native(JSContextRef ctx, JSObjectRef function __attribute__((unused)),
                                JSObjectRef self __attribute__((unused)), size_t arg_cnt,
                                const JSValueRef args[], JSValueRef *exception)
{
    struct op_call c = {ctx, arg_cnt, args, exception};
    char name[16];
    if (!arg_name(&c, 0, name))
        return bad_args(&c);
    for (size_t i = 0; i < PH_LEN(ops); i++) {
        if (strcmp(ops[i].name, name) == 0) {
            c.args++;
            c.arg_cnt--;
            return ops[i].fn(&c);
        }
    }
    return bad_args(&c);
}

void ph_natives_crypto_install(JSContextRef ctx, JSObjectRef natives)
{
    ph_js_install(ctx, natives, "crypto", crypto_native);
}
