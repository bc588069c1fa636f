/* hash.h where there is no libcrypto: in place of hash.c when the target is wasm32. */

#include "crypto/hash.h"
#include "crypto/sha2_portable_priv.h"

#include <assert.h>

static_assert(sizeof(struct ph_sha2_256) <= sizeof(struct ph_sha256), "fits the caller's storage");
static_assert(_Alignof(struct ph_sha2_256) <= _Alignof(struct ph_sha256), "and its alignment");
static_assert(sizeof(struct ph_sha2_512) <= sizeof(struct ph_sha384), "fits the caller's storage");
static_assert(_Alignof(struct ph_sha2_512) <= _Alignof(struct ph_sha384), "and its alignment");

void ph_sha256_init(struct ph_sha256 *ctx)
{
    ph_sha2_256_init((struct ph_sha2_256 *)(void *)ctx->opaque);
}

void ph_sha256_update(struct ph_sha256 *ctx, struct ph_bytes data)
{
    ph_sha2_256_update((struct ph_sha2_256 *)(void *)ctx->opaque, data);
}

void ph_sha256_final(struct ph_sha256 *ctx, uint8_t out[static PH_SHA256_LEN])
{
    ph_sha2_256_final((struct ph_sha2_256 *)(void *)ctx->opaque, out);
}

void ph_sha256(struct ph_bytes data, uint8_t out[static PH_SHA256_LEN])
{
    struct ph_sha2_256 ctx;
    ph_sha2_256_init(&ctx);
    ph_sha2_256_update(&ctx, data);
    ph_sha2_256_final(&ctx, out);
}

void ph_sha384_init(struct ph_sha384 *ctx)
{
    ph_sha2_384_init((struct ph_sha2_512 *)(void *)ctx->opaque);
}

void ph_sha384_update(struct ph_sha384 *ctx, struct ph_bytes data)
{
    ph_sha2_512_update((struct ph_sha2_512 *)(void *)ctx->opaque, data);
}

void ph_sha384_final(struct ph_sha384 *ctx, uint8_t out[static PH_SHA384_LEN])
{
    ph_sha2_512_final((struct ph_sha2_512 *)(void *)ctx->opaque, out, PH_SHA384_LEN);
}

void ph_sha384(struct ph_bytes data, uint8_t out[static PH_SHA384_LEN])
{
    struct ph_sha2_512 ctx;
    ph_sha2_384_init(&ctx);
    ph_sha2_512_update(&ctx, data);
    ph_sha2_512_final(&ctx, out, PH_SHA384_LEN);
}

void ph_sha512(struct ph_bytes data, uint8_t out[static PH_SHA512_LEN])
{
    struct ph_sha2_512 ctx;
    ph_sha2_512_init(&ctx);
    ph_sha2_512_update(&ctx, data);
    ph_sha2_512_final(&ctx, out, PH_SHA512_LEN);
}
