#include "node/upload.h"

#include <stdlib.h>

static void on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct ph_upload *up = (struct ph_upload *)ex;

    if (!up->answered && ph_buf_add(&up->body, data) != PH_OK) {
        up->answered = true;
        ph_answer_error(up->req, 413, "request-too-large", up->too_long);
    }
}

static void on_body_end(struct ph_exchange *ex)
{
    struct ph_upload *up = (struct ph_upload *)ex;

    if (up->answered)
        return;
    up->answered = true;
    up->whole(up);
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    (void)sent_all;
    ph_upload_free((struct ph_upload *)ex);
}

struct ph_upload *ph_upload_new(struct ph_http_req *req, size_t len)
{
    struct ph_upload *up = calloc(1, len);

    if (!up)
        ph_answer_error(req, 503, "overloaded", "out of memory; try again later");
    return up;
}

void ph_upload_take(struct ph_upload *up, struct ph_node *node, struct ph_http_req *req, size_t max,
                    const char *too_long, void (*whole)(struct ph_upload *up),
                    void (*gone)(struct ph_upload *up))
{
    up->ex = (struct ph_exchange){on_body, on_body_end, NULL, on_closed};
    up->node = node;
    up->req = req;
    up->body = PH_BUF(max);
    up->too_long = too_long;
    up->whole = whole;
    up->gone = gone;
    ph_http_req_set_user(req, up);
}

void ph_upload_free(struct ph_upload *up)
{
    if (up->gone)
        up->gone(up);
    ph_buf_clear(&up->body);
    free(up);
}
