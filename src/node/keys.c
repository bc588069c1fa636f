#include "node/keys.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/jput.h"
#include "node/calls.h"
#include "node/handovers.h"
#include "node/keyd_keys.h"
#include "node/keyd_worker_key.h"
#include "node/rekey.h"
#include "node/upload.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>

#define JSON_TYPE PH_BYTES_LIT("content-type: application/json\n")

enum ph_err ph_keys_store(struct ph_node *node, const struct ph_buf *state)
{
    int fd PH_OWNED(ph_closep) = -1;
    const struct ph_bytes all = ph_buf_view(state);

    if (state->len == 0)
        return PH_OK;
    PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &fd));
    return ph_file_replace(fd, "keyd.state", &all, 1);
}

void ph_keys_identify(struct ph_node *node)
{
    const struct ph_keyd_info *info = ph_keyd_client_info(node->keyd);

    node->identity.signer = info->signer;
    node->identity.cluster = info->cluster;
    memcpy(node->identity.caller_x25519, info->caller_x25519, 32);
    memcpy(node->identity.tls_pub, info->tls_pub, 64);
    ph_ohttp_keys_encode(info->ohttp_x25519, node->identity.ohttp_keys);
    node->identity.has_ohttp = true;
    memcpy(node->signer_text, "0x", 2);
    ph_hex_encode(PH_BYTES_OF(info->signer.b), node->signer_text + 2);
}

static enum ph_err change(struct ph_node *node, const struct ph_buf *state,
                          enum ph_err (*kept)(struct ph_keyd_client *, char *), char *why)
{
    enum ph_err err = ph_keys_store(node, state);

    if (err != PH_OK) {
        (void)snprintf(why, 256, "the new keys could not be stored: the old ones stay in use");
        return err;
    }
    err = kept(node->keyd, why);
    if (err != PH_OK) {
        /* Which keys it uses is not known; the next start takes those that are stored. */
        ph_node_fatal(node, "phala-keyd did not take its new keys");
        return err;
    }
    ph_keys_identify(node);
    return PH_OK;
}

enum ph_err ph_keys_change(struct ph_node *node, const struct ph_buf *state, char why[static 256])
{
    return change(node, state, ph_keyd_keys_kept, why);
}

enum ph_err ph_keys_change_own(struct ph_node *node, const struct ph_buf *state,
                               char why[static 256])
{
    return change(node, state, ph_keyd_worker_key_kept, why);
}

enum ph_err ph_keys_retire(struct ph_node *node, char why[static 256])
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536);
    const uint32_t newest = ph_keyd_client_info(node->keyd)->epoch;

    PH_TRY(ph_keyd_keys_retire(node->keyd, newest, &state, why));
    return ph_keys_change(node, &state, why);
}

/* --- the owners' API ------------------------------------------------------------------------- */

static void refuse(struct ph_http_req *req, enum ph_err err, const char *why)
{
    const char *code = "key-act-refused";
    uint16_t status = 403;

    if (err == PH_ERR_AGAIN || err == PH_ERR_CLOSED || err == PH_ERR_NOMEM) {
        code = "overloaded";
        status = 503;
    } else if (err == PH_ERR_IO) {
        code = "storage";
        status = 500;
    } else if (err == PH_ERR_CONFLICT || err == PH_ERR_LIMIT) {
        code = "conflict";
        status = 409;
    } else if (err == PH_ERR_MALFORMED) {
        code = "bad-key-act";
        status = 400;
    } else if (err == PH_ERR_UNSUPPORTED) {
        code = "no-key-owners";
    }
    ph_answer_error(req, status, code, why[0] ? why : ph_err_name(err));
}

static void answer(struct ph_http_req *req, struct ph_jput *j)
{
    ph_jput_close(j);
    if (ph_jput_end(j) == PH_OK)
        ph_http_respond(req, 200, JSON_TYPE, ph_buf_view(j->out));
    else
        ph_answer_error(req, 500, "internal", "out of memory");
}

static void put_address(struct ph_jput *j, const char *key, const struct ph_eth_address *address)
{
    char text[43] = "0x";

    ph_hex_encode(PH_BYTES_OF(address->b), text + 2);
    ph_jput_str(j, key, text);
}

void ph_api_keys(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_jput j = {.out = &text};
    struct ph_rekey_status moving;
    struct ph_keyd_keys keys;
    char why[PH_KEYD_WHY_LEN] = "";

    (void)arg;
    ph_rekey_status(node, &moving);
    const enum ph_err err = ph_keyd_keys_status(node->keyd, &keys, why);
    if (err != PH_OK) {
        refuse(req, err, why);
        return;
    }
    ph_jput_object(&j, NULL);
    put_address(&j, "cluster", &node->identity.cluster);
    ph_jput_int(&j, "epoch", keys.epoch[keys.epoch_cnt - 1]);
    ph_jput_array(&j, "epochs");
    for (uint32_t i = 0; i < keys.epoch_cnt; i++)
        ph_jput_int(&j, NULL, keys.epoch[i]);
    ph_jput_close(&j);
    ph_jput_array(&j, "owners");
    for (uint32_t i = 0; i < keys.owners.cnt; i++)
        put_address(&j, NULL, &keys.owners.owner[i]);
    ph_jput_close(&j);
    ph_jput_int(&j, "owners_needed", keys.owners.needed);
    ph_jput_object(&j, "older");
    ph_jput_bool(&j, "known", moving.known);
    ph_jput_int(&j, "secrets", moving.secrets);
    ph_jput_int(&j, "states", moving.states);
    ph_jput_int(&j, "left", moving.left);
    ph_jput_close(&j);
    answer(req, &j);
}

void ph_api_keys_nonce(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_jput j = {.out = &text};
    char why[PH_KEYD_WHY_LEN] = "";
    uint8_t nonce[32];

    (void)arg;
    const enum ph_err err = ph_keyd_keys_nonce(node->keyd, nonce, why);
    if (err != PH_OK) {
        refuse(req, err, why);
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_hex(&j, "nonce", PH_BYTES_OF(nonce));
    put_address(&j, "cluster", &node->identity.cluster);
    put_address(&j, "worker", &node->identity.signer);
    ph_jput_int(&j, "epoch", ph_keyd_client_info(node->keyd)->epoch);
    answer(req, &j);
}

/* An act being received. */
struct act {
    struct ph_upload up;
    void (*perform)(struct act *a, const struct ph_key_act_signed *said);
};

/* Who signed first, for the list of hand-overs: phala-keyd found it to be an owner. */
static struct ph_eth_address first_owner(const struct ph_key_act_signed *said)
{
    struct ph_owner_request request;
    struct ph_eth_address who = {{0}};

    if (said->sig_cnt > 0 && ph_key_act_request(said, &request) == PH_OK)
        (void)!ph_owner_request_recover(&request, said->sig[0], &who);
    return who;
}

static enum ph_err write_down(const struct act *a, const char *what,
                              const struct ph_key_act_signed *said, const char *detail)
{
    const struct ph_eth_address who = first_owner(said);
    char remote[64];

    ph_http_req_remote(a->up.req, remote);
    return ph_handovers_add(a->up.node, what, &who, detail, remote);
}

static void rotate(struct act *a, const struct ph_key_act_signed *said)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536),
                        text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_jput j = {.out = &text};
    char why[PH_KEYD_WHY_LEN] = "";
    uint32_t epoch = 0;

    enum ph_err err = ph_keyd_keys_rotate(a->up.node->keyd, said, &epoch, &state, why);
    if (err == PH_OK)
        err = ph_keys_change(a->up.node, &state, why);
    if (err == PH_OK) {
        ph_rekey_wake(a->up.node);
        err = write_down(a, "rotated", said, "");
    }
    if (err != PH_OK) {
        ph_log(PH_LOG_WARN, "a rotation was refused", "why", why, NULL);
        refuse(a->up.req, err, why);
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_int(&j, "epoch", epoch);
    answer(a->up.req, &j);
}

/* Where storage is shared this worker cannot see what others still write: the owners say that they
 * all have the newest epoch. What it does see must not refer to older ones. */
static void retire(struct act *a, const struct ph_key_act_signed *said)
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(65536),
                        text PH_OWNED(ph_buf_clear) = PH_BUF(1024);
    struct ph_jput j = {.out = &text};
    char why[PH_KEYD_WHY_LEN] = "";

    if (!ph_rekey_is_done(a->up.node)) {
        refuse(a->up.req, PH_ERR_CONFLICT,
               "secrets or states are still of an older epoch, or were not all looked at yet");
        return;
    }
    enum ph_err err = ph_keyd_keys_retire_signed(a->up.node->keyd, said, &state, why);
    if (err == PH_OK)
        err = ph_keys_change(a->up.node, &state, why);
    if (err == PH_OK)
        err = write_down(a, "retired", said, "");
    if (err != PH_OK) {
        refuse(a->up.req, err, why);
        return;
    }
    ph_jput_object(&j, NULL);
    ph_jput_int(&j, "epoch", ph_keyd_client_info(a->up.node->keyd)->epoch);
    answer(a->up.req, &j);
}

static void back_up(struct act *a, const struct ph_key_act_signed *said)
{
    struct ph_buf backup PH_OWNED(ph_buf_clear) = PH_BUF(PH_ESCROW_MAX);
    struct ph_key_act act;
    char why[PH_KEYD_WHY_LEN] = "", detail[64];

    const enum ph_err err = ph_keyd_keys_backup(a->up.node->keyd, said, &backup, why);
    if (err != PH_OK ||
        ph_key_act_decode((struct ph_bytes){said->raw, said->raw_len}, &act) != PH_OK) {
        ph_log(PH_LOG_WARN, "a backup of the keys was refused", "why", why, NULL);
        refuse(a->up.req, err, why);
        return;
    }
    (void)snprintf(detail, sizeof(detail), "%u of %u holders", act.needed, act.holder_cnt);
    /* Written down before it leaves, as a hand-over is. */
    if (write_down(a, "backed-up", said, detail) != PH_OK)
        ph_answer_error(a->up.req, 500, "storage", "the backup could not be written down");
    else
        ph_http_respond(a->up.req, 200, PH_BYTES_LIT("content-type: application/octet-stream\n"),
                        ph_buf_view(&backup));
}

static void act_whole(struct ph_upload *up)
{
    struct act *a = (struct act *)up;
    struct ph_key_act_signed said;
    char why[PH_KEY_ACT_WHY] = "";

    const enum ph_err err = ph_key_act_from_json(ph_buf_view(&a->up.body), &said, why);
    if (err != PH_OK)
        refuse(a->up.req, PH_ERR_MALFORMED, why);
    else
        a->perform(a, &said);
}

static void begin(struct ph_node *node, struct ph_http_req *req,
                  void (*perform)(struct act *a, const struct ph_key_act_signed *said))
{
    struct act *a = (struct act *)ph_upload_new(req, sizeof(*a));

    if (!a)
        return;
    a->perform = perform;
    ph_upload_take(&a->up, node, req, PH_KEY_ACT_JSON_MAX, "longer than an act on keys can be",
                   act_whole, NULL);
}

void ph_api_keys_rotate(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    begin(node, req, rotate);
}

void ph_api_keys_retire(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    begin(node, req, retire);
}

void ph_api_keys_backup(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    begin(node, req, back_up);
}
