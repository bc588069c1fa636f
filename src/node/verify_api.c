#include "node/verify_api.h"

#include "base/log.h"
#include "base/own.h"
#include "node/calls.h"
#include "node/collateral_dir.h"
#include "node/verify_judge.h"
#include "store/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum {
    JOBS_MAX = 32,          /* each may hold a body of 1 MiB */
    UPLOAD_WALL_MS = 10000, /* for a body to arrive */
};

typedef void judge_fn(const struct ph_verify_env *env, struct ph_bytes body,
                      struct ph_verify_answer *out);

/* Lives from the request to its end, or to the end of its judgement, whichever is later. */
struct job {
    struct ph_exchange ex;
    struct ph_verifier *verifier;
    struct ph_http_req *req; /* NULL: answered, or the asker left */
    judge_fn *judge;
    struct ph_timer upload_timer;
    struct ph_buf body;
    struct ph_verify_answer answer;
    int64_t now_s;
    bool closed, queued; /* queued: the thread may use it */
    struct job *next;
};

struct ph_verifier {
    struct ph_node *node;
    struct ph_attest_roots roots;
    struct ph_os_images *images; /* NULL: none */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int event_fd; /* readable: the thread finished one */
    struct ph_watch watch;
    uint32_t job_cnt; /* of the loop alone */
    /* Under the lock. */
    bool stop;
    struct job *waiting, *done;
};

static enum ph_err find(void *ctx, const struct ph_collateral_key *key, struct ph_collateral **out,
                        struct ph_json_why *why)
{
    const struct ph_verifier *v = ctx;

    return ph_collateral_dir_load(v->node->config->collateral_dir, key, out, why);
}

static void append(struct job **list, struct job *job)
{
    while (*list)
        list = &(*list)->next;
    job->next = NULL;
    *list = job;
}

static void *work(void *ctx)
{
    struct ph_verifier *v = ctx;

    (void)pthread_mutex_lock(&v->lock);
    for (;;) {
        while (!v->stop && !v->waiting)
            (void)pthread_cond_wait(&v->wake, &v->lock);
        if (v->stop)
            break;
        struct job *job = v->waiting;
        v->waiting = job->next;
        (void)pthread_mutex_unlock(&v->lock);
        const struct ph_verify_env env = {
            .now_s = job->now_s, .roots = &v->roots, .images = v->images, .find = find, .ctx = v};
        job->judge(&env, ph_buf_view(&job->body), &job->answer);
        (void)pthread_mutex_lock(&v->lock);
        append(&v->done, job);
        (void)!write(v->event_fd, &(uint64_t){1}, sizeof(uint64_t));
    }
    (void)pthread_mutex_unlock(&v->lock);
    return NULL;
}

static void maybe_free(struct job *job)
{
    if (!job->closed || job->queued)
        return;
    ph_timer_cancel(job->verifier->node->loop, &job->upload_timer);
    job->verifier->job_cnt--;
    ph_buf_clear(&job->body);
    ph_buf_clear(&job->answer.body);
    free(job);
}

static void finish(struct job *job)
{
    job->queued = false;
    if (job->req)
        ph_http_respond(job->req, job->answer.status,
                        PH_BYTES_LIT("content-type: application/json\n"),
                        ph_buf_view(&job->answer.body));
    job->req = NULL;
    maybe_free(job);
}

static void on_done(void *ctx, uint32_t events)
{
    struct ph_verifier *v = ctx;
    uint64_t n;

    (void)events;
    (void)!read(v->event_fd, &n, sizeof(n));
    (void)pthread_mutex_lock(&v->lock);
    struct job *job = v->done;
    v->done = NULL;
    (void)pthread_mutex_unlock(&v->lock);
    while (job) {
        struct job *next = job->next;
        finish(job);
        job = next;
    }
}

static enum ph_err load_images(const char *path, struct ph_os_images **out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_OS_IMAGES_FILE_MAX);
    struct ph_json_why why = {"cannot be read, or is longer than 1 MiB"};

    if (!path)
        return PH_OK;
    enum ph_err err = ph_file_read(AT_FDCWD, path, &text);
    if (err == PH_OK)
        err = ph_os_images_parse(ph_buf_view(&text), out, &why);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "the list of OS images is refused", "file", path, "why", why.text,
               NULL);
    return err;
}

enum ph_err ph_verifier_new(struct ph_node *node, struct ph_verifier **out)
{
    struct ph_verifier *v = calloc(1, sizeof(*v));

    if (!v)
        return PH_ERR_NOMEM;
    v->node = node;
    v->roots = ph_attest_roots_production();
    const enum ph_err loaded = load_images(node->config->os_images_file, &v->images);
    if (loaded != PH_OK) {
        free(v);
        return loaded;
    }
    v->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (v->event_fd < 0 || pthread_mutex_init(&v->lock, NULL) != 0 ||
        pthread_cond_init(&v->wake, NULL) != 0 ||
        ph_watch_add(node->loop, &v->watch, v->event_fd, EPOLLIN, on_done, v) != PH_OK ||
        pthread_create(&v->thread, NULL, work, v) != 0) {
        ph_watch_del(node->loop, &v->watch);
        if (v->event_fd >= 0)
            (void)close(v->event_fd);
        ph_os_images_free(v->images);
        free(v);
        return PH_ERR_IO;
    }
    *out = v;
    return PH_OK;
}

static void free_list(struct job *job)
{
    while (job) {
        struct job *next = job->next;
        job->queued = false;
        maybe_free(job);
        job = next;
    }
}

void ph_verifier_free(struct ph_verifier *v)
{
    if (!v)
        return;
    (void)pthread_mutex_lock(&v->lock);
    v->stop = true;
    (void)pthread_cond_signal(&v->wake);
    (void)pthread_mutex_unlock(&v->lock);
    (void)pthread_join(v->thread, NULL);
    free_list(v->waiting);
    free_list(v->done);
    ph_watch_del(v->node->loop, &v->watch);
    (void)close(v->event_fd);
    ph_os_images_free(v->images);
    free(v);
}

static void refuse(struct job *job, uint16_t status, const char *code, const char *message)
{
    if (job->req)
        ph_answer_error(job->req, status, code, message);
    job->req = NULL;
}

static void on_body(struct ph_exchange *ex, struct ph_bytes data)
{
    struct job *job = (struct job *)ex;

    if (job->req && ph_buf_add(&job->body, data) != PH_OK)
        refuse(job, 413, "request-too-large", "a request to verify is at most 1 MiB");
}

static void on_body_end(struct ph_exchange *ex)
{
    struct job *job = (struct job *)ex;
    struct ph_verifier *v = job->verifier;

    ph_timer_cancel(v->node->loop, &job->upload_timer);
    if (!job->req)
        return;
    job->now_s = ph_loop_wall_ms(v->node->loop) / 1000;
    job->queued = true;
    (void)pthread_mutex_lock(&v->lock);
    append(&v->waiting, job);
    (void)pthread_cond_signal(&v->wake);
    (void)pthread_mutex_unlock(&v->lock);
}

static void on_closed(struct ph_exchange *ex, bool sent_all)
{
    struct job *job = (struct job *)ex;

    (void)sent_all;
    job->req = NULL;
    job->closed = true;
    maybe_free(job);
}

static void upload_overdue(void *ctx)
{
    refuse(ctx, 408, "upload-timeout", "the request did not arrive within 10 s");
}

static void begin(struct ph_node *node, struct ph_http_req *req, judge_fn *judge)
{
    struct ph_verifier *v = node->verifier;
    struct job *job = NULL;

    if (node->stopping || v->job_cnt >= JOBS_MAX || !(job = calloc(1, sizeof(*job)))) {
        ph_answer_error(req, 503, "overloaded",
                        "the worker is stopping or verifies much at once; try again later");
        return;
    }
    v->job_cnt++;
    job->ex = (struct ph_exchange){on_body, on_body_end, NULL, on_closed};
    job->verifier = v;
    job->req = req;
    job->judge = judge;
    job->body = PH_BUF(PH_VERIFY_BODY_MAX);
    ph_http_req_set_user(req, job);
    if (ph_http_req_header(req, "content-encoding").len > 0)
        refuse(job, 415, "unsupported-encoding", "send the JSON as it is, not compressed");
    else if (ph_http_req_body_len(req) > PH_VERIFY_BODY_MAX)
        refuse(job, 413, "request-too-large", "a request to verify is at most 1 MiB");
    else if (ph_timer_arm(node->loop, &job->upload_timer, UPLOAD_WALL_MS, upload_overdue, job) !=
             PH_OK)
        refuse(job, 503, "overloaded", "out of memory; try again later");
}

void ph_api_verify_dstack(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    begin(node, req, ph_verify_dstack);
}

void ph_api_verify_evidence(struct ph_node *node, struct ph_http_req *req, struct ph_bytes arg)
{
    (void)arg;
    begin(node, req, ph_verify_evidence);
}
