#include "keys/report_data.h"

#include "crypto/hash.h"

/* SubjectPublicKeyInfo of an uncompressed P-256 key up to its coordinates: RFC 5480 §2. */
static const uint8_t spki_prefix[27] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
    0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
};

void ph_worker_tls_hash(const struct ph_worker_identity *id, uint8_t out[static 32])
{
    uint8_t spki[sizeof(spki_prefix) + 64];

    memcpy(spki, spki_prefix, sizeof(spki_prefix));
    memcpy(spki + sizeof(spki_prefix), id->tls_pub, 64);
    ph_sha256(PH_BYTES_OF(spki), out);
}

void ph_worker_bind(const struct ph_worker_identity *id, const uint8_t caller_nonce[static 32],
                    uint8_t out[static 32])
{
    uint8_t spki_hash[32], ohttp_hash[32];
    struct ph_sha256 h;

    ph_worker_tls_hash(id, spki_hash);
    ph_sha256_init(&h);
    ph_sha256_update(&h,
                     id->has_ohttp ? PH_BYTES_LIT("phala.bind.v3") : PH_BYTES_LIT("phala.bind.v2"));
    ph_sha256_update(&h, (struct ph_bytes){caller_nonce, 32});
    ph_sha256_update(&h, PH_BYTES_OF(spki_hash));
    ph_sha256_update(&h, PH_BYTES_OF(id->cluster.b));
    if (id->has_ohttp) {
        ph_sha256(PH_BYTES_OF(id->ohttp_keys), ohttp_hash);
        ph_sha256_update(&h, PH_BYTES_OF(ohttp_hash));
    }
    ph_sha256_final(&h, out);
}

void ph_worker_report_data(const struct ph_worker_identity *id, const uint8_t nonce[static 32],
                           uint8_t out[static 64])
{
    uint8_t chain_id[32] = {0}, bind[32];
    struct ph_sha256 h;

    ph_put_u64be(chain_id + 24, id->chain_id);
    ph_worker_bind(id, nonce, bind);
    ph_sha256_init(&h);
    ph_sha256_update(&h, PH_BYTES_LIT("phala.worker.v1"));
    ph_sha256_update(&h, PH_BYTES_OF(chain_id));
    ph_sha256_update(&h, PH_BYTES_OF(id->registry.b));
    ph_sha256_update(&h, PH_BYTES_OF(id->signer.b));
    ph_sha256_update(&h, PH_BYTES_OF(id->caller_x25519));
    ph_sha256_update(&h, PH_BYTES_OF(id->operator_.b));
    ph_sha256_update(&h, PH_BYTES_OF(bind));
    ph_sha256_final(&h, out);
    memset(out + 32, 0, 32);
}

bool ph_report_data_is_workers(const uint8_t report_data[static 64])
{
    static const uint8_t zero[32];

    return memcmp(report_data + 32, zero, sizeof(zero)) == 0;
}
