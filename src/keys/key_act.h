#ifndef PH_KEYS_KEY_ACT_H
#define PH_KEYS_KEY_ACT_H

/* What the owners of a cluster's keys (keys/cluster.h) may have its phala-keyd do: rotate the
 * master key, back the keys up to holders, or forget every epoch but the newest.
 *
 * An act as bytes:
 *
 *   "phala-key-act-v1" || u8 kind || nonce 32 || worker 20 || newest epoch u32be, and for a backup
 *   u8 needed || u8 count || count times X25519 public key 32
 *
 * It is signed as an OwnerRequest (keys/eip712.h): action "keys-rotate", "keys-backup" or
 * "keys-retire", no name, content SHA-256(act), the cluster, sequence the epoch. The nonce is one
 * that this phala-keyd issued since it was started, so an act is good once, on one worker, and not
 * after a restart: a rotation cannot be played again to a worker whose sealed state was rolled
 * back.
 *
 * As JSON, between owners and to the worker: {"format":"phala-key-act-v1","cluster":"0x…","act":
 * "<hex>","expires":n,"signatures":["0x…"]}.
 *
 * Layer: keys. Pure. Documented in docs/keys.md. Tests: key_act_test.c, key_act_fuzz.c,
 * key_act_json_fuzz.c.
 */

#include "keys/cluster.h"
#include "keys/eip712.h"

enum ph_key_act_kind { PH_KEY_ACT_ROTATE = 1, PH_KEY_ACT_BACKUP = 2, PH_KEY_ACT_RETIRE = 3 };
enum {
    PH_KEY_HOLDERS_MAX = 16,
    PH_KEY_ACT_LEN_MAX = 16 + 1 + 32 + 20 + 4 + 2 + PH_KEY_HOLDERS_MAX * 32,
    PH_KEY_ACT_VALID_S = 3600, /* of a nonce, and the most that `expires` may lie ahead */
    PH_KEY_ACT_JSON_MAX = 8192,
    PH_KEY_ACT_WHY = 160,
};

struct ph_key_act {
    enum ph_key_act_kind kind;
    uint8_t nonce[32];
    struct ph_eth_address worker; /* receipt signer of the one that is to do it */
    uint32_t epoch;               /* its newest */
    /* backup */
    uint32_t needed, holder_cnt; /* 1 <= needed <= holder_cnt <= PH_KEY_HOLDERS_MAX */
    uint8_t holder[PH_KEY_HOLDERS_MAX][32];
};

/* @out has room for PH_KEY_ACT_LEN_MAX. Yields the length. */
size_t ph_key_act_encode(const struct ph_key_act *act, uint8_t out[static PH_KEY_ACT_LEN_MAX]);
/* PH_ERR_MALFORMED: cut short, left over, another kind; holders that are none, too many, or one
 * twice; `needed` out of its range. */
PH_CHECKED enum ph_err ph_key_act_decode(struct ph_bytes raw, struct ph_key_act *out);

/* Signed by some owners. */
struct ph_key_act_signed {
    uint8_t raw[PH_KEY_ACT_LEN_MAX];
    size_t raw_len;
    struct ph_eth_address cluster;
    uint64_t expires; /* Unix seconds */
    uint32_t sig_cnt;
    uint8_t sig[PH_KEY_OWNERS_MAX][65];
};

/* What an owner signs for it. PH_ERR_MALFORMED: the act is none. */
PH_CHECKED enum ph_err ph_key_act_request(const struct ph_key_act_signed *act,
                                          struct ph_owner_request *out);
/**
 * Do enough owners stand behind it, now?
 *
 * @owners, @cluster  of the keys at hand
 * @why   what is missing, when refused
 *
 * The nonce, the worker and the epoch inside are the caller's to judge. Returns
 *   PH_ERR_UNSUPPORTED  the cluster names no owners
 *   PH_ERR_UNTRUSTED    for another cluster; expired, or valid for too long; a signature that is
 *                       none, of somebody else, or of one owner twice; too few of them
 *   PH_ERR_MALFORMED
 */
PH_CHECKED enum ph_err ph_key_act_judge(const struct ph_key_act_signed *act,
                                        const struct ph_key_owners *owners,
                                        const struct ph_eth_address *cluster, int64_t now_s,
                                        struct ph_key_act *out, char why[static PH_KEY_ACT_WHY]);

/* Append the JSON. PH_ERR_LIMIT, PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_key_act_to_json(const struct ph_key_act_signed *act, struct ph_buf *out);
/* PH_ERR_MALFORMED: why says which member; PH_ERR_LIMIT: over PH_KEY_ACT_JSON_MAX; PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_key_act_from_json(struct ph_bytes text, struct ph_key_act_signed *out,
                                            char why[static PH_KEY_ACT_WHY]);

#endif
