#include "node/marks.h"

#include "base/log.h"
#include "base/own.h"
#include "node/calls.h"
#include "node/cluster_join_priv.h"
#include "node/keyd_marks.h"
#include "node/keys.h"
#include "node/offload.h"
#include "node/upload.h"
#include "store/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    STORE_MS = 5000,
    FILE_MAX = PH_MARKS_PAGES_MAX * (4 + PH_MARKS_PAGE_MAX),
    STATE_MAX = 65536,
};

/* --- on disk --------------------------------------------------------------------------------- */

static enum ph_err add_page(struct ph_keyd_client *keyd, struct ph_marks_place *at, bool *last,
                            struct ph_buf *out, char why[static 256])
{
    struct ph_buf page PH_OWNED(ph_buf_clear) = PH_BUF(PH_MARKS_PAGE_MAX);
    uint8_t len[4];

    PH_TRY(ph_keyd_marks_save(keyd, at, last, &page, why));
    ph_put_u32be(len, (uint32_t)page.len);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(len)));
    return ph_buf_add(out, ph_buf_view(&page));
}

/* PH_ERR_NOT_FOUND: the file that is there says all. Any thread, one at a time. */
static enum ph_err store_file(struct ph_node *node, char why[static 256])
{
    struct ph_buf all PH_OWNED(ph_buf_clear) = PH_BUF(FILE_MAX);
    struct ph_marks_place at = {.len = 0};
    int fd PH_OWNED(ph_closep) = -1;
    bool last = false;

    while (!last)
        PH_TRY(add_page(node->keyd, &at, &last, &all, why));
    (void)snprintf(why, 256, "keyd.state.marks could not be written");
    PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &fd));
    const struct ph_bytes view = ph_buf_view(&all);
    return ph_file_replace(fd, "keyd.state.marks", &view, 1);
}

/* Where the keys of the state file do not change meanwhile: on the loop, or before it runs. */
static enum ph_err confirm(struct ph_node *node, char why[static 256])
{
    struct ph_buf state PH_OWNED(ph_buf_clear) = PH_BUF(STATE_MAX);

    PH_TRY(ph_keyd_marks_saved(node->keyd, &state, why));
    (void)snprintf(why, 256, "keyd.state could not be written");
    return ph_keys_store(node, &state);
}

enum ph_err ph_marks_store(struct ph_node *node, char why[static 256])
{
    const enum ph_err err = store_file(node, why);

    if (err == PH_ERR_NOT_FOUND)
        return PH_OK;
    PH_TRY(err);
    return confirm(node, why);
}

struct ph_marks_keeper {
    struct ph_job job; /* first: the thread gives it back */
    struct ph_node *node;
    struct ph_offload *thread;
    struct ph_timer timer;
    enum ph_err err;
    char why[256];
    bool told; /* the failure was logged */
};

static void later(struct ph_marks_keeper *k);

static void store_work(struct ph_job *job)
{
    struct ph_marks_keeper *k = (struct ph_marks_keeper *)job;
    k->err = store_file(k->node, k->why);
}

static void store_done(struct ph_job *job, bool dropped)
{
    struct ph_marks_keeper *k = (struct ph_marks_keeper *)job;

    if (k->err == PH_OK && !dropped)
        k->err = confirm(k->node, k->why);
    if (dropped)
        return;
    const bool failed = k->err != PH_OK && k->err != PH_ERR_NOT_FOUND;
    if (failed && !k->told)
        ph_log(PH_LOG_WARN, "what storage is held against after a restart could not be stored",
               "why", k->why, "class", ph_err_name(k->err), NULL);
    k->told = failed;
    later(k);
}

static void store_begin(void *ctx)
{
    struct ph_marks_keeper *k = ctx;

    k->job = (struct ph_job){.work = store_work, .done = store_done};
    ph_offload_add(k->thread, &k->job, false);
}

static void later(struct ph_marks_keeper *k)
{
    if (ph_timer_arm(k->node->loop, &k->timer, STORE_MS, store_begin, k) != PH_OK)
        ph_node_fatal(k->node, "out of memory for timers");
}

enum ph_err ph_marks_open(struct ph_node *node)
{
    struct ph_marks_keeper *k = node->marks = calloc(1, sizeof(*k));

    if (!k)
        return PH_ERR_NOMEM;
    k->node = node;
    PH_TRY(ph_offload_start(node->loop, &k->thread));
    later(k);
    return PH_OK;
}

void ph_marks_close(struct ph_node *node)
{
    struct ph_marks_keeper *k = PH_TAKE(node->marks);
    char why[256] = "";

    if (!k)
        return;
    ph_timer_cancel(node->loop, &k->timer);
    ph_offload_stop(k->thread);
    if (ph_marks_store(node, why) != PH_OK)
        ph_log(PH_LOG_WARN, "what storage is held against after a restart could not be stored",
               "why", why, NULL);
    free(k);
}

/* --- from another worker --------------------------------------------------------------------- */

/* One page of the answer. */
static enum ph_err take_page(struct ph_keyd_client *keyd, struct ph_http_bound *bound,
                             const uint8_t request[static PH_MARKS_REQUEST_LEN],
                             struct ph_marks_place *at, bool *last, char why[static 256])
{
    struct ph_buf body PH_OWNED(ph_buf_clear) = PH_BUF(PH_MARKS_REQUEST_LEN + PH_MARKS_PLACE_LEN),
                       page PH_OWNED(ph_buf_clear) = PH_BUF(PH_MARKS_PAGE_MAX);
    char forked[PH_KEYD_WHY_LEN];

    PH_TRY(ph_buf_add(&body, (struct ph_bytes){request, PH_MARKS_REQUEST_LEN}));
    PH_TRY(ph_buf_add(&body, (struct ph_bytes){at->b, at->len}));
    PH_TRY(ph_join_post(bound, "/v1/cluster/marks", ph_buf_view(&body), &page, why));
    PH_TRY(ph_keyd_marks_take(keyd, ph_buf_view(&page), last, at, forked, why));
    if (forked[0] != '\0')
        ph_log(PH_LOG_ERROR, "two histories of one state", "why", forked, NULL);
    return PH_OK;
}

enum ph_err ph_marks_take(struct ph_keyd_client *keyd, struct ph_http_bound *bound,
                          size_t *page_cnt, char why[static 256])
{
    uint8_t request[PH_MARKS_REQUEST_LEN];
    struct ph_marks_place at = {.len = 0};
    size_t cnt = 0;
    bool last = false;

    (void)snprintf(why, 256, "phala-keyd does not answer");
    PH_TRY(ph_keyd_marks_ask(keyd, request, why));
    while (!last) {
        if (++cnt > PH_MARKS_PAGES_MAX) {
            (void)snprintf(why, 256, "the other worker's answer has no end");
            return PH_ERR_LIMIT;
        }
        PH_TRY(take_page(keyd, bound, request, &at, &last, why));
    }
    *page_cnt = cnt;
    return PH_OK;
}

/* --- to another worker ----------------------------------------------------------------------- */

static void give(struct ph_upload *g)
{
    struct ph_buf page PH_OWNED(ph_buf_clear) = PH_BUF(PH_MARKS_PAGE_MAX);
    struct ph_reader r = {ph_buf_view(&g->body)};
    struct ph_bytes request = {0};
    char why[PH_KEYD_WHY_LEN] = "";

    enum ph_err err = PH_ERR_MALFORMED;
    if (ph_read_view(&r, PH_MARKS_REQUEST_LEN, &request))
        err = ph_keyd_marks_give(g->node->keyd, request, r.rest, &page, why);
    if (err == PH_OK)
        ph_http_respond(g->req, 200, PH_BYTES_LIT("content-type: application/octet-stream\n"),
                        ph_buf_view(&page));
    else if (err == PH_ERR_AGAIN || err == PH_ERR_NOMEM)
        ph_answer_error(g->req, 503, "overloaded", "phala-keyd does not answer; try again later");
    else
        ph_answer_error(g->req, 403, "marks-refused",
                        why[0] ? why : "expected a question, and where the page before ended");
}

void ph_api_cluster_marks(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    struct ph_upload *g;

    (void)arg;
    /* For workers only: others have no such certificate, and pages take phala-keyd some time. */
    if (ph_http_req_peer_certificate(req).len == 0) {
        ph_answer_error(req, 403, "tls-needed",
                        "a hand-over goes over TLS 1.3 with a certificate from each side only");
        return;
    }
    g = ph_upload_new(req, sizeof(*g));
    if (g)
        ph_upload_take(g, node, req, PH_MARKS_REQUEST_LEN + PH_MARKS_PLACE_LEN,
                       "longer than a question for marks", give, NULL);
}
