#include "node/phat_state.h"

#include "base/log.h"
#include "base/own.h"
#include "node/keyd_client.h"
#include "node/state_server.h"
#include "node/wipe.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* It has the state: what was held goes out behind STATE. */
static void give(struct ph_instance *i, const struct ph_state_tip *tip)
{
    const struct ph_msg_STATE msg = {.index = tip->index,
                                     .hash = tip->hash,
                                     .root = tip->root,
                                     .page_cnt = tip->page_cnt,
                                     .key_epoch = tip->key_epoch,
                                     .max_pages = i->version->manifest.state_pages,
                                     .older_epoch = tip->older_epoch};

    i->awaits_state = false;
    i->made_from = (struct ph_receipt_state){tip->index, tip->root};
    if (ph_put_STATE(&i->chan, 0, 0, &msg) != PH_OK ||
        ph_buf_add(&i->chan.out, ph_buf_view(&i->held.out)) != PH_OK) {
        ph_instance_kill(i, "internal", "its channel is full");
        return;
    }
    ph_ipc_chan_clear(&i->held);
    ph_instance_flush_later(i);
}

static void next(struct ph_phat *phat)
{
    if (phat->instance)
        ph_phat_state_want(phat->instance);
    if (!phat->instance && !phat->state_busy)
        ph_lease_give_back(phat);
}

static void told(void *ctx, const struct ph_phat_id *id, enum ph_state_event event, enum ph_err err,
                 const struct ph_state_tip *tip, const char *why)
{
    struct ph_node *node = ctx;
    struct ph_phat *phat = ph_phats_find(node->phats, id);

    if (!phat) /* deleted, and forgotten */
        return;
    if (event == PH_STATE_WIPED) {
        ph_wipe_told(phat, err, why);
        next(phat);
        return;
    }
    struct ph_instance *holder = phat->state_holder;
    if (event == PH_STATE_OPENED) {
        if (holder)
            give(holder, tip);
        return;
    }
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR,
               event == PH_STATE_REFUSED ? "a state was not opened" : "a state was lost", "phat",
               phat->id_text, "error", ph_err_name(err), "why", why, NULL);
    phat->state_busy = false;
    phat->state_holder = NULL;
    if (holder)
        ph_instance_kill(holder, "state-unusable",
                         err == PH_ERR_UNTRUSTED ? "its stored state is not what it committed"
                                                 : "its state could not be read or written");
    next(phat);
}

enum ph_err ph_phat_states_open(struct ph_node *node)
{
    char why[PH_STATE_SERVER_WHY] = "", path[4096];
    const struct ph_config *c = node->config;
    struct ph_state_server_config config = {.url = c->state_url, .keyd = node->keyd};

    if (!config.url) {
        const int n = snprintf(path, sizeof(path), "file:%s/state-log", c->data_dir);
        if (n < 0 || (size_t)n >= sizeof(path))
            return PH_ERR_LIMIT;
        config.url = path;
    }
    int data PH_OWNED(ph_closep) = -1;
    PH_TRY(ph_dir_open(AT_FDCWD, c->data_dir, &data));
    PH_TRY(ph_dir_open(data, "state-pages", &node->state_pages_fd));
    config.pages_dir_fd = node->state_pages_fd;
    const enum ph_err err =
        ph_state_server_start(&config, node->loop, told, node, &node->states, why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the log of states cannot be used", "why", why, NULL);
    return err;
}

void ph_phat_states_close(struct ph_node *node)
{
    ph_state_server_stop(node->states);
    node->states = NULL;
    if (node->state_pages_fd > 0)
        (void)close(node->state_pages_fd);
}

enum ph_err ph_phat_state_hold(struct ph_instance *instance)
{
    if (instance->state_fd < 0)
        return PH_ERR_IO;
    instance->awaits_state = true;
    return PH_OK;
}

void ph_phat_state_want(struct ph_instance *instance)
{
    struct ph_instance *i = instance;
    struct ph_phat *phat = i->phat;

    if (!i->awaits_state || phat->state_busy || i->state == PH_INSTANCE_GONE ||
        !ph_lease_is_held(phat))
        return;
    phat->state_busy = true;
    phat->state_holder = i;
    i->key_epoch = ph_keyd_client_info(i->node->keyd)->epoch;
    i->roots = ph_state_roots_new();
    if (!i->roots ||
        ph_state_server_open(i->node->states, &phat->id, i->version->manifest.state_pages,
                             PH_TAKE_FD(i->state_fd), i->roots) != PH_OK) {
        phat->state_busy = false;
        phat->state_holder = NULL;
        ph_instance_kill(i, "internal", "out of memory for its state");
    }
}

void ph_phat_state_let_go(struct ph_phat *phat)
{
    phat->state_busy = false;
    next(phat);
}

void ph_phat_state_leave(struct ph_instance *instance)
{
    if (instance->phat && instance->phat->state_holder == instance)
        instance->phat->state_holder = NULL;
    ph_closep(&instance->state_fd);
    instance->state_fd = -1;
    ph_state_roots_unref(PH_TAKE(instance->roots));
    ph_ipc_chan_clear(&instance->held);
}

enum ph_err ph_phat_state_failed(struct ph_instance *instance, const struct ph_ipc_frame *frame)
{
    struct ph_msg_STATE_FAIL msg;

    PH_TRY(ph_get_STATE_FAIL(frame, &msg));
    if (!instance->phat || instance->awaits_state)
        return PH_ERR_MALFORMED;
    ph_log(PH_LOG_ERROR, "a phat cannot use its state", "phat", instance->phat->id_text, NULL);
    ph_phat_log_add(&instance->phat->log, ph_loop_wall_ms(instance->node->loop), 3, 0, msg.message);
    ph_instance_kill(instance, "state-unusable", "its stored state is not what it committed");
    return PH_OK;
}

enum ph_err ph_phat_state_at(struct ph_instance *instance, const struct ph_ipc_frame *frame)
{
    struct ph_msg_STATE_AT msg;
    struct ph_receipt_state made_from;

    PH_TRY(ph_get_STATE_AT(frame, &msg));
    if (!instance->roots || instance->awaits_state ||
        msg.index <= instance->made_from.commit_index ||
        ph_state_roots_find(instance->roots, msg.index, &made_from) != PH_OK)
        return PH_ERR_MALFORMED;
    instance->made_from = made_from;
    return PH_OK;
}

uint64_t ph_phat_state_newest(const struct ph_instance *instance)
{
    return instance->roots ? ph_state_roots_newest(instance->roots) : 0;
}
