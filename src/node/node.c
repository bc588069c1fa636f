#include "node/node.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/api.h"
#include "node/attester.h"
#include "node/chain_worker.h"
#include "node/cluster.h"
#include "node/cluster_refresh.h"
#include "node/guest_agent.h"
#include "node/instances.h"
#include "node/keys.h"
#include "node/leases.h"
#include "node/marks.h"
#include "node/phat_state.h"
#include "node/phats.h"
#include "node/private_calls.h"
#include "node/records.h"
#include "node/rekey.h"
#include "node/restore.h"
#include "node/routes.h"
#include "node/verify_api.h"
#include "node/version.h"
#include "node/wipe.h"
#include "node/worker_cert.h"
#include "store/file.h"
#include "tee/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>

enum { STOP_POLL_MS = 20, HOUSEKEEPING_MS = 60000, CA_FILE_MAX = 1 << 20 };

void ph_node_fatal(void *ctx, const char *why)
{
    struct ph_node *node = ctx;

    if (!node->failed)
        ph_log(PH_LOG_ERROR, "the worker stops: it must not answer without this", "why", why, NULL);
    node->failed = true;
    ph_loop_stop(node->loop);
}

static void server_ready(void *ctx, uint32_t events)
{
    struct ph_node *node = ctx;
    (void)events;
    ph_http_server_run(node->server);
}

static void client_ready(void *ctx, uint32_t events)
{
    struct ph_node *node = ctx;
    (void)events;
    ph_http_client_run(node->client);
}

static void keyd_ready(void *ctx, uint32_t events)
{
    struct ph_node *node = ctx;
    (void)events;
    ph_batcher_poll(node->batcher);
}

/* Both libraries have time-outs of their own: run them when one is due, sleep at most until the
 * next. */
static int libraries_timeout(void *ctx)
{
    struct ph_node *node = ctx;
    int server_ms = ph_http_server_timeout_ms(node->server),
        client_ms = node->client ? ph_http_client_timeout_ms(node->client) : -1;

    if (server_ms == 0) {
        ph_http_server_run(node->server);
        server_ms = ph_http_server_timeout_ms(node->server);
    }
    if (client_ms == 0) {
        ph_http_client_run(node->client);
        client_ms = ph_http_client_timeout_ms(node->client);
    }
    if (server_ms < 0)
        return client_ms;
    return client_ms < 0 || server_ms < client_ms ? server_ms : client_ms;
}

static void stop_poll(void *ctx)
{
    struct ph_node *node = ctx;
    const bool drained = ph_batcher_drain(node->batcher);

    const bool chain_done = !node->chain || ph_chain_worker_is_done(node->chain);

    if ((drained && chain_done && ph_http_server_req_cnt(node->server) == 0) ||
        ph_loop_now_ns(node->loop) > node->stop_deadline_ns) {
        ph_loop_stop(node->loop);
        return;
    }
    if (ph_timer_arm(node->loop, &node->stop_timer, STOP_POLL_MS, stop_poll, node) != PH_OK)
        ph_loop_stop(node->loop);
}

static void on_signal(void *ctx, uint32_t events)
{
    struct ph_node *node = ctx;
    struct signalfd_siginfo info;

    (void)events;
    if (read(node->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo == SIGHUP) {
        if (!node->stopping)
            ph_worker_certs_reload(node);
        return;
    }
    if (node->stopping || node->restoring) { /* asked twice, or nothing is in flight: now */
        ph_loop_stop(node->loop);
        return;
    }
    ph_log(PH_LOG_INFO, "stopping: finishing the calls in flight", NULL);
    node->stopping = true;
    node->stop_deadline_ns =
        ph_loop_now_ns(node->loop) + (int64_t)node->config->grace_s * 1000000000;
    ph_http_server_quiesce(node->server);
    ph_api_end_followers(node); /* they would wait for ever */
    if (node->chain)
        ph_chain_worker_stop(node->chain);
    stop_poll(node);
}

static void housekeeping(void *ctx)
{
    struct ph_node *node = ctx;

    ph_receipt_store_expire(node->receipts, (uint64_t)ph_loop_wall_ms(node->loop));
    if (ph_timer_arm(node->loop, &node->housekeeping, HOUSEKEEPING_MS, housekeeping, node) != PH_OK)
        ph_node_fatal(node, "out of memory for timers");
}

static enum ph_err watch_signals(struct ph_node *node)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return PH_ERR_IO;
    node->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (node->signal_fd < 0)
        return PH_ERR_IO;
    return ph_watch_add(node->loop, &node->signal_watch, node->signal_fd, EPOLLIN, on_signal, node);
}

static enum ph_err start_tee(struct ph_node *node)
{
    static const enum ph_tee_provider providers[] = {
        [PH_TEE_CHOICE_AUTO] = PH_TEE_PROVIDER_AUTO,
        [PH_TEE_CHOICE_TSM] = PH_TEE_PROVIDER_AUTO,
        [PH_TEE_CHOICE_SIMULATOR] = PH_TEE_PROVIDER_SIMULATOR_INSECURE,
        [PH_TEE_CHOICE_SIMULATOR_SNP] = PH_TEE_PROVIDER_SIMULATOR_SNP_INSECURE};
    char why[PH_TEE_WHY_LEN] = "", dir[4096];

    if ((size_t)snprintf(dir, sizeof(dir), "%s/simulator", node->config->data_dir) >= sizeof(dir))
        return PH_ERR_LIMIT;
    if (node->config->tee == PH_TEE_CHOICE_SIMULATOR ||
        node->config->tee == PH_TEE_CHOICE_SIMULATOR_SNP) {
        int fd PH_OWNED(ph_closep) = -1;
        PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &fd));
        int sub PH_OWNED(ph_closep) = -1;
        PH_TRY(ph_dir_open(fd, "simulator", &sub));
    }
    const struct ph_tee_config config = {.provider = providers[node->config->tee], .dir = dir};
    const enum ph_err err = ph_tee_open(&config, &node->tee, why);
    if (err != PH_OK) {
        ph_log(PH_LOG_ERROR, "no evidence can be had here; for development use --tee simulator",
               "why", why, NULL);
        return err;
    }
    node->insecure_simulator = ph_tee_is_simulator(node->tee);
    if (node->insecure_simulator)
        ph_log(PH_LOG_WARN, "INSECURE-SIMULATOR: evidence of this worker proves nothing", NULL);
    return PH_OK;
}

static enum ph_err start_keyd(struct ph_node *node)
{
    char state[4096], seal[4200], why[PH_KEYD_WHY_LEN] = "";
    const char *dir = node->config->data_dir;

    if ((size_t)snprintf(state, sizeof(state), "%s/keyd.state", dir) >= sizeof(state))
        return PH_ERR_LIMIT;
    if (node->insecure_simulator)
        (void)snprintf(seal, sizeof(seal), "simulator:%s/simulator/sealing.key", dir);
    else
        (void)snprintf(seal, sizeof(seal), "%s",
                       ph_tee_provider(node->tee) == PH_TEE_PROVIDER_SNP &&
                               !node->config->ephemeral_keys
                           ? "snp"
                           : "none");
    const char *policy = node->config->cluster_policy;
    char simulator_policy[4096];
    if (!policy && node->insecure_simulator) {
        PH_TRY(ph_cluster_simulator_policy(node, simulator_policy, sizeof(simulator_policy)));
        policy = simulator_policy;
    }
    const struct ph_keyd_config config = {.path = node->config->keyd_path,
                                          .state = state,
                                          .seal = seal,
                                          .cluster_policy = policy,
                                          .network = node->config->network_file,
                                          .join = node->config->join_url != NULL,
                                          .restore = node->config->restore,
                                          .key_owners = node->config->key_owners,
                                          .key_owner_cnt = node->config->key_owner_cnt,
                                          .key_owners_needed = node->config->key_owners_needed};
    const enum ph_err err = ph_keyd_client_start(&config, &node->keyd, why);
    if (err != PH_OK) {
        ph_log(PH_LOG_ERROR, "phala-keyd did not start", "path", config.path, "why", why, NULL);
        return err;
    }
    const struct ph_keyd_info *info = ph_keyd_client_info(node->keyd);
    node->keys_ephemeral = info->flags & PH_KEYD_EPHEMERAL;
    if (node->keys_ephemeral && !node->config->ephemeral_keys) {
        ph_log(PH_LOG_ERROR,
               "this machine seals no keys: receipts and secrets would not survive a restart; say "
               "--ephemeral-keys to accept that",
               NULL);
        return PH_ERR_UNSUPPORTED;
    }
    node->restoring = info->epoch == 0 && node->config->restore != NULL;
    if (info->epoch == 0 && !node->restoring)
        PH_TRY(ph_cluster_join(node));
    else if (info->epoch != 0 && node->config->join_url)
        ph_cluster_ask_again(node);
    ph_keys_identify(node);
    node->identity.operator_ = node->config->operator_;
    return PH_OK;
}

static enum ph_err start_receipts(struct ph_node *node)
{
    int data_fd PH_OWNED(ph_closep) = -1, fd PH_OWNED(ph_closep) = -1;

    PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &data_fd));
    PH_TRY(ph_dir_open(data_fd, "receipts", &fd));
    PH_TRY(ph_receipt_store_open(fd, &node->config->receipt_keep, &node->receipts));
    fd = -1; /* the store's now */
    PH_TRY(ph_batcher_new(node->loop, node->keyd, node->receipts, &node->metrics, ph_node_fatal,
                          node, &node->batcher));
    return ph_watch_add(node->loop, &node->keyd_watch, ph_keyd_client_fd(node->keyd), EPOLLIN,
                        keyd_ready, node);
}

static enum ph_err start_client(struct ph_node *node)
{
    struct ph_buf ca PH_OWNED(ph_buf_clear) = PH_BUF(CA_FILE_MAX);
    const struct ph_config *c = node->config;

    if (c->extra_ca_file) {
        PH_TRY(ph_file_read(AT_FDCWD, c->extra_ca_file, &ca));
        PH_TRY(ph_buf_add(&ca, (struct ph_bytes){(const uint8_t *)"", 1}));
    }
    const struct ph_http_client_config config = {
        .extra_ca_pem = c->extra_ca_file ? (const char *)ca.ptr : NULL,
        .private_hosts_insecure = c->private_hosts_insecure,
        .connections = 256};
    PH_TRY(ph_http_client_open(&config, &node->client));
    return ph_watch_add(node->loop, &node->client_watch, ph_http_client_fd(node->client), EPOLLIN,
                        client_ready, node);
}

static enum ph_err listen_one(struct ph_node *node, size_t index)
{
    const struct ph_listen *l = &node->config->listen[index];
    const struct ph_http_tls tls =
        node->certs ? ph_worker_certs_tls(node) : (struct ph_http_tls){0};
    char port[8];

    const enum ph_err err =
        ph_http_server_listen(node->server, l->address, l->port, l->tls ? &tls : NULL,
                              l->one_phat ? (uint32_t)index + 1 : 0, &node->ports[index]);
    (void)snprintf(port, sizeof(port), "%u", err == PH_OK ? node->ports[index] : l->port);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "cannot listen", "address", l->address, "port", port, "error",
               strerror(errno), NULL);
    else
        ph_log(PH_LOG_INFO, "listening", "address", l->address, "port", port, "tls",
               l->tls ? "yes" : "no", NULL);
    return err;
}

static enum ph_err start_server(struct ph_node *node)
{
    struct ph_http_limits limits = ph_http_limits_default();
    const struct ph_http_handler handler = ph_routes_handler(node);

    limits.connections = node->config->connections;
    limits.per_address = node->config->connections_per_address;
    PH_TRY(ph_http_server_open(&limits, &handler, &node->server));
    PH_TRY(ph_worker_certs_open(node));
    for (size_t i = 0; i < node->config->listen_cnt; i++)
        PH_TRY(listen_one(node, i));
    PH_TRY(ph_watch_add(node->loop, &node->server_watch, ph_http_server_fd(node->server), EPOLLIN,
                        server_ready, node));
    ph_loop_set_timeout_source(node->loop, libraries_timeout, node);
    return PH_OK;
}

static void say_ready(struct ph_node *node)
{
    const struct ph_config *c = node->config;
    struct ph_buf line PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    json_t *doc PH_OWNED(ph_json_freep) =
        json_pack("{s:b, s:s, s:b, s:[]}", "ready", 1, "signer", node->signer_text,
                  "insecure_simulator", node->insecure_simulator, "urls");

    for (size_t i = 0; doc && i < c->listen_cnt; i++) {
        const struct ph_listen *l = &c->listen[i];
        char url[200];
        (void)snprintf(url, sizeof(url), strchr(l->address, ':') ? "%s://[%s]:%u" : "%s://%s:%u",
                       l->tls ? "https" : "http", l->address, node->ports[i]);
        if (!json_object_get(doc, "url") && !l->one_phat)
            (void)json_object_set_new(doc, "url", json_string(url));
        (void)json_array_append_new(json_object_get(doc, "urls"), json_string(url));
    }
    if (c->ready_fd < 0 || !doc || ph_json_dump(doc, &line) != PH_OK ||
        ph_buf_add_str(&line, "\n") != PH_OK)
        return;
    if (write(c->ready_fd, line.ptr, line.len) != (ssize_t)line.len)
        ph_log(PH_LOG_WARN, "the ready line could not be written", NULL);
    (void)close(c->ready_fd);
}

enum ph_err ph_node_start(const struct ph_config *config, struct ph_node *node)
{
    *node = (struct ph_node){.config = config, .signal_fd = -1, .scratch = PH_BUF(512 * 1024)};
    PH_TRY(ph_loop_new(&node->loop));
    PH_TRY(start_tee(node));
    PH_TRY(start_keyd(node));
    PH_TRY(watch_signals(node));
    if (node->restoring) {
        PH_TRY(start_server(node));
        say_ready(node);
        PH_TRY(ph_restore_wait(node));
    }
    if (node->config->chain_url_cnt > 0)
        PH_TRY(ph_chain_worker_new(node, &node->chain));
    PH_TRY(ph_instances_open(node, &node->instances));
    PH_TRY(start_receipts(node));
    PH_TRY(start_client(node));
    PH_TRY(ph_phats_open(node, &node->phats));
    PH_TRY(ph_attester_new(node, &node->attester));
    PH_TRY(ph_verifier_new(node, &node->verifier));
    PH_TRY(ph_phat_states_open(node));
    PH_TRY(ph_leases_open(node));
    PH_TRY(ph_records_open(node));
    ph_wipes_resume(node);
    PH_TRY(ph_private_gateway_new(node, &node->gateway));
    const bool serves = node->server != NULL; /* since it waited for its keys */
    if (!serves)
        PH_TRY(start_server(node));
    PH_TRY(ph_guest_agents_open(node));
    PH_TRY(ph_marks_open(node));
    PH_TRY(ph_refresh_open(node));
    PH_TRY(ph_rekey_open(node));
    housekeeping(node);
    if (!serves)
        say_ready(node);
    return PH_OK;
}

int ph_node_run(struct ph_node *node)
{
    ph_loop_run(node->loop);
    return node->failed ? 1 : 0;
}

void ph_node_stop(struct ph_node *node)
{
    if (!node->loop)
        return;
    ph_http_server_close(node->server);
    ph_refresh_close(node);
    ph_rekey_close(node);
    ph_guest_agents_close(node);
    ph_private_gateway_free(node->gateway);
    ph_worker_certs_close(node);
    ph_attester_free(node->attester);
    ph_verifier_free(node->verifier);
    ph_records_close(node);
    ph_instances_close(node->instances);
    ph_chain_worker_free(node->chain);
    ph_phat_states_close(node);
    ph_leases_close(node);
    ph_phats_close(node->phats);
    ph_http_client_close(node->client);
    ph_batcher_free(node->batcher);
    ph_receipt_store_close(node->receipts);
    ph_marks_close(node);
    ph_keyd_client_free(node->keyd);
    ph_tee_free(node->tee);
    ph_buf_clear(&node->scratch);
    ph_timer_cancel(node->loop, &node->housekeeping);
    ph_timer_cancel(node->loop, &node->stop_timer);
    if (node->signal_fd >= 0)
        (void)close(node->signal_fd);
    ph_loop_free(node->loop);
}
