#include "keys/key_act.h"

#include "crypto/hash.h"

#include <assert.h>
#include <stdio.h>

static const uint8_t tag[16] = "phala-key-act-v1";

static enum ph_err refuse(char why[static PH_KEY_ACT_WHY], enum ph_err err, const char *text)
{
    (void)snprintf(why, PH_KEY_ACT_WHY, "%s", text);
    return err;
}

static size_t put(uint8_t *at, const void *from, size_t len)
{
    memcpy(at, from, len);
    return len;
}

size_t ph_key_act_encode(const struct ph_key_act *act, uint8_t out[static PH_KEY_ACT_LEN_MAX])
{
    size_t n = put(out, tag, sizeof(tag));

    out[n++] = (uint8_t)act->kind;
    n += put(out + n, act->nonce, sizeof(act->nonce));
    n += put(out + n, act->worker.b, sizeof(act->worker.b));
    ph_put_u32be(out + n, act->epoch);
    n += 4;
    if (act->kind != PH_KEY_ACT_BACKUP)
        return n;
    assert(act->holder_cnt <= PH_KEY_HOLDERS_MAX);
    out[n++] = (uint8_t)act->needed;
    out[n++] = (uint8_t)act->holder_cnt;
    return n + put(out + n, act->holder, (size_t)act->holder_cnt * 32);
}

static bool read_holders(struct ph_reader *r, struct ph_key_act *act)
{
    uint8_t needed, cnt;

    if (!ph_read_u8(r, &needed) || !ph_read_u8(r, &cnt) || needed == 0 || needed > cnt ||
        cnt > PH_KEY_HOLDERS_MAX)
        return false;
    act->needed = needed;
    act->holder_cnt = cnt;
    for (uint32_t i = 0; i < cnt; i++) {
        if (!ph_read_copy(r, act->holder[i], 32))
            return false;
        for (uint32_t j = 0; j < i; j++)
            if (memcmp(act->holder[i], act->holder[j], 32) == 0)
                return false;
    }
    return true;
}

enum ph_err ph_key_act_decode(struct ph_bytes raw, struct ph_key_act *out)
{
    struct ph_reader r = {raw};
    struct ph_key_act got = {0};
    struct ph_bytes mark;
    uint8_t kind;

    if (!ph_read_view(&r, sizeof(tag), &mark) || !ph_bytes_equal(mark, PH_BYTES_OF(tag)) ||
        !ph_read_u8(&r, &kind) || kind < PH_KEY_ACT_ROTATE || kind > PH_KEY_ACT_RETIRE ||
        !ph_read_copy(&r, got.nonce, sizeof(got.nonce)) ||
        !ph_read_copy(&r, got.worker.b, sizeof(got.worker.b)) || !ph_read_u32be(&r, &got.epoch) ||
        (kind == PH_KEY_ACT_BACKUP && !read_holders(&r, &got)) || r.rest.len != 0)
        return PH_ERR_MALFORMED;
    got.kind = (enum ph_key_act_kind)kind;
    *out = got;
    return PH_OK;
}

static void request_of(const struct ph_key_act_signed *act, const struct ph_key_act *parsed,
                       struct ph_owner_request *out)
{
    *out = (struct ph_owner_request){
        .cluster = act->cluster, .sequence = parsed->epoch, .expires = act->expires};
    static const char *const actions[] = {[PH_KEY_ACT_ROTATE] = "keys-rotate",
                                          [PH_KEY_ACT_BACKUP] = "keys-backup",
                                          [PH_KEY_ACT_RETIRE] = "keys-retire"};
    (void)snprintf(out->action, sizeof(out->action), "%s", actions[parsed->kind]);
    ph_sha256((struct ph_bytes){act->raw, act->raw_len}, out->content.b);
}

enum ph_err ph_key_act_request(const struct ph_key_act_signed *act, struct ph_owner_request *out)
{
    struct ph_key_act parsed;

    PH_TRY(ph_key_act_decode((struct ph_bytes){act->raw, act->raw_len}, &parsed));
    request_of(act, &parsed, out);
    return PH_OK;
}

/* Index of an owner; cnt: none of them. */
static uint32_t owner_at(const struct ph_key_owners *owners, const struct ph_eth_address *who)
{
    uint32_t i = 0;
    while (i < owners->cnt && memcmp(owners->owner[i].b, who->b, sizeof(who->b)) != 0)
        i++;
    return i;
}

static enum ph_err judge_signatures(const struct ph_key_act_signed *act,
                                    const struct ph_owner_request *req,
                                    const struct ph_key_owners *owners,
                                    char why[static PH_KEY_ACT_WHY])
{
    bool has_signed[PH_KEY_OWNERS_MAX] = {false};
    struct ph_eth_address who;

    for (uint32_t i = 0; i < act->sig_cnt; i++) {
        if (ph_owner_request_recover(req, act->sig[i], &who) != PH_OK)
            return refuse(why, PH_ERR_UNTRUSTED, "key act: a signature is none");
        const uint32_t at = owner_at(owners, &who);
        if (at == owners->cnt)
            return refuse(why, PH_ERR_UNTRUSTED,
                          "key act: signed by somebody who is no owner of this cluster's keys");
        if (has_signed[at])
            return refuse(why, PH_ERR_UNTRUSTED, "key act: one owner signed it twice");
        has_signed[at] = true;
    }
    if (act->sig_cnt >= owners->needed)
        return PH_OK;
    (void)snprintf(why, PH_KEY_ACT_WHY, "key act: %u of %u owners must sign, %u did",
                   owners->needed, owners->cnt, act->sig_cnt);
    return PH_ERR_UNTRUSTED;
}

enum ph_err ph_key_act_judge(const struct ph_key_act_signed *act,
                             const struct ph_key_owners *owners,
                             const struct ph_eth_address *cluster, int64_t now_s,
                             struct ph_key_act *out, char why[static PH_KEY_ACT_WHY])
{
    struct ph_key_act parsed;
    struct ph_owner_request req;

    if (owners->cnt == 0 || owners->needed == 0)
        return refuse(why, PH_ERR_UNSUPPORTED,
                      "this cluster was founded without owners of its keys (--key-owner): nobody "
                      "may rotate them or back them up");
    if (ph_key_act_decode((struct ph_bytes){act->raw, act->raw_len}, &parsed) != PH_OK)
        return refuse(why, PH_ERR_MALFORMED, "key act: not in the form that was signed");
    if (memcmp(act->cluster.b, cluster->b, sizeof(cluster->b)) != 0)
        return refuse(why, PH_ERR_UNTRUSTED, "key act: signed for another cluster");
    if (now_s < 0 || act->expires < (uint64_t)now_s)
        return refuse(why, PH_ERR_UNTRUSTED, "key act: expired");
    if (act->expires - (uint64_t)now_s > PH_KEY_ACT_VALID_S)
        return refuse(why, PH_ERR_UNTRUSTED, "key act: valid for more than an hour");
    request_of(act, &parsed, &req);
    PH_TRY(judge_signatures(act, &req, owners, why));
    *out = parsed;
    return PH_OK;
}
