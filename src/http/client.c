#include "http/client_priv.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, CONNECTIONS_DEFAULT = 256 };

int64_t ph_http_now_ms(void)
{
    return ph_clock_mono_ns() / 1000000;
}

/* libcurl says which sockets it waits for. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct ph_http_client *client = ctx;
    struct epoll_event event = {.data.fd = fd};

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(client->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        (void)curl_multi_assign(client->multi, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(client->epoll_fd, socket_ctx ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0 &&
        epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return -1;
    (void)curl_multi_assign(client->multi, fd, client);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *ctx)
{
    struct ph_http_client *client = ctx;

    (void)multi;
    client->curl_deadline_ms = timeout_ms < 0 ? -1 : ph_http_now_ms() + timeout_ms;
    return 0;
}

static char **copy_list(const char *const *list)
{
    size_t cnt = 0;

    while (list && list[cnt])
        cnt++;
    char **copy = calloc(cnt + 1, sizeof(*copy));
    for (size_t i = 0; copy && i < cnt; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i]) {
            while (i > 0)
                free(copy[--i]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static enum ph_err set_up_multi(struct ph_http_client *client, uint32_t connections)
{
    client->multi = curl_multi_init();
    if (!client->multi)
        return PH_ERR_NOMEM;
    CURLMcode code = curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    code |= curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
    code |= curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    code |= curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
    code |= curl_multi_setopt(client->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)connections);
    code |= curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)PH_HTTP_PER_HOST);
    code |= curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)connections / 2 + 1);
    code |= curl_multi_setopt(client->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    return code == CURLM_OK ? PH_OK : PH_ERR_NOMEM;
}

static enum ph_err set_up(struct ph_http_client *client, const struct ph_http_client_config *config)
{
    uint32_t connections = config->connections ? config->connections : CONNECTIONS_DEFAULT;
    struct epoll_event event = {.events = EPOLLIN};

    client->fetch_max = connections * 4;
    client->private_hosts = copy_list(config->private_hosts_insecure);
    if (!client->private_hosts || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return PH_ERR_NOMEM;
    client->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (client->epoll_fd < 0)
        return PH_ERR_IO;
    PH_TRY(ph_http_trust_new(config->ca_file, config->extra_ca_pem, &client->trust));
    PH_TRY(ph_http_resolver_open(&client->resolver));
    event.data.fd = ph_http_resolver_fd(client->resolver);
    if (epoll_ctl(client->epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) != 0)
        return PH_ERR_IO;
    return set_up_multi(client, connections);
}

enum ph_err ph_http_client_open(const struct ph_http_client_config *config,
                                struct ph_http_client **out)
{
    struct ph_http_client *client = calloc(1, sizeof(*client));

    if (!client)
        return PH_ERR_NOMEM;
    client->epoll_fd = -1;
    client->curl_deadline_ms = -1;
    enum ph_err err = set_up(client, config);
    if (err != PH_OK) {
        ph_http_client_close(client);
        return err;
    }
    *out = client;
    return PH_OK;
}

void ph_http_client_close(struct ph_http_client *client)
{
    if (!client)
        return;
    client->closing = true;
    while (client->first)
        ph_http_fetch_free(client->first);
    if (client->multi)
        (void)curl_multi_cleanup(client->multi);
    ph_http_resolver_close(client->resolver);
    ph_http_trust_free(client->trust);
    if (client->epoll_fd >= 0)
        (void)close(client->epoll_fd);
    for (size_t i = 0; client->private_hosts && client->private_hosts[i]; i++)
        free(client->private_hosts[i]);
    free(client->private_hosts);
    free(client);
}

int ph_http_client_fd(const struct ph_http_client *client)
{
    return client->epoll_fd;
}

int ph_http_client_timeout_ms(struct ph_http_client *client)
{
    int64_t first = client->curl_deadline_ms >= 0 ? client->curl_deadline_ms : INT64_MAX;

    if (client->dirty)
        return 0;
    for (const struct ph_http_fetch *f = client->first; f; f = f->next)
        if (f->deadline_ms < first)
            first = f->deadline_ms;
    if (first == INT64_MAX)
        return -1;
    int64_t left = first - ph_http_now_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void run_resolver(struct ph_http_client *client)
{
    struct ph_http_addresses answer;
    uint64_t id;

    while ((id = ph_http_resolver_next(client->resolver, &answer)) != 0)
        for (struct ph_http_fetch *f = client->first; f; f = f->next)
            if (f->id == id && f->state == PH_HTTP_FETCH_RESOLVE)
                ph_http_fetch_resolved(f, &answer);
}

static void run_sockets(struct ph_http_client *client)
{
    struct epoll_event events[EVENTS];
    int running, cnt = epoll_wait(client->epoll_fd, events, EVENTS, 0);

    for (int i = 0; i < cnt; i++) {
        if (events[i].data.fd == ph_http_resolver_fd(client->resolver)) {
            run_resolver(client);
            continue;
        }
        int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        (void)curl_multi_socket_action(client->multi, events[i].data.fd, what, &running);
    }
    if (client->curl_deadline_ms >= 0 && client->curl_deadline_ms <= ph_http_now_ms()) {
        client->curl_deadline_ms = -1;
        (void)curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static void run_done(struct ph_http_client *client)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(client->multi, &left))) {
        struct ph_http_fetch *fetch = NULL;
        if (msg->msg != CURLMSG_DONE)
            continue;
        CURLcode code = msg->data.result;
        if (curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&fetch) == CURLE_OK &&
            fetch)
            ph_http_fetch_curl_done(fetch, code);
    }
}

void ph_http_client_run(struct ph_http_client *client)
{
    client->in_run = true;
    run_sockets(client);
    run_done(client);
    client->dirty = false;
    int64_t now = ph_http_now_ms();
    for (struct ph_http_fetch *f = client->first, *next; f; f = next) {
        if (f->deadline_ms <= now)
            ph_http_fetch_expire(f);
        /* Settling runs user code, which may start fetches; those stand in front of the list, and
         * only this loop frees. */
        next = f->next;
        ph_http_fetch_settle(f);
    }
    client->in_run = false;
}
