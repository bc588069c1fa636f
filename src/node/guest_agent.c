#include "node/guest_agent.h"

#include "base/log.h"
#include "base/own.h"
#include "node/guest_calls.h"
#include "node/measured.h"
#include "store/file.h"
#include "tee/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Which phat a tag is of. Phats that were ever deployed are never forgotten, so neither are
 * these. */
struct ph_guest_agents {
    struct ph_measured measured;
    struct ph_phat_id *ids;
    size_t cnt, cap;
};

static void path_of(const struct ph_phat *phat, char out[static 108])
{
    (void)snprintf(out, 108, "%s/%s.sock", phat->node->config->guest_dir, phat->id_text);
}

static enum ph_err give_tag(struct ph_guest_agents *agents, struct ph_phat *phat)
{
    if (phat->guest_tag != 0)
        return PH_OK;
    if (agents->cnt == agents->cap) {
        const size_t cap = agents->cap ? 2 * agents->cap : 64;
        struct ph_phat_id *ids = realloc(agents->ids, cap * sizeof(*ids));
        if (!ids)
            return PH_ERR_NOMEM;
        agents->ids = ids;
        agents->cap = cap;
    }
    phat->guest_tag = PH_GUEST_TAG + (uint32_t)agents->cnt;
    agents->ids[agents->cnt++] = phat->id;
    return PH_OK;
}

static void open_socket(struct ph_phat *phat)
{
    struct ph_node *node = phat->node;
    char path[108];

    path_of(phat, path);
    errno = 0;
    enum ph_err err = give_tag(node->guests, phat);
    if (err == PH_OK)
        err = ph_http_server_listen(node->server, path, 0, NULL, phat->guest_tag, NULL);
    if (err != PH_OK)
        ph_log(PH_LOG_ERROR, "no guest agent socket for this phat", "path", path, "error",
               errno ? strerror(errno) : ph_err_name(err), NULL);
}

void ph_guest_agent_follow(struct ph_phat *phat)
{
    struct ph_node *node = phat->node;
    char path[108];

    if (!node->guests || node->stopping)
        return;
    path_of(phat, path);
    if (!phat->version)
        ph_http_server_unlisten(node->server, path);
    else if (access(path, F_OK) != 0)
        open_socket(phat);
}

static void open_one(void *ctx, struct ph_phat *phat)
{
    (void)ctx;
    if (phat->version)
        open_socket(phat);
}

/* A directory that others may enter would give them the phats' keys. */
static enum ph_err check_dir(const char *dir)
{
    int fd PH_OWNED(ph_closep) = -1;
    struct stat st;

    PH_TRY(ph_dir_open(AT_FDCWD, dir, &fd));
    if (fstat(fd, &st) != 0)
        return PH_ERR_IO;
    return st.st_uid == geteuid() && (st.st_mode & 077) == 0 ? PH_OK : PH_ERR_UNTRUSTED;
}

/* From a quote over nothing, whose last 32 bytes of report data are zero as of all that is the
 * worker's own. The attester's thread has nothing to do yet. */
static void measure(struct ph_node *node)
{
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_TEE_QUOTE_MAX);
    const uint8_t report_data[PH_TEE_REPORT_DATA_LEN] = {0};
    char why[PH_TEE_WHY_LEN];

    if (ph_tee_quote(node->tee, report_data, &quote, why) != PH_OK ||
        ph_measured_of(ph_buf_view(&quote), &node->guests->measured) != PH_OK)
        ph_log(PH_LOG_WARN, "the guest agent does not know how this machine was measured", NULL);
}

const struct ph_measured *ph_guest_agents_measured(const struct ph_node *node)
{
    return &node->guests->measured;
}

enum ph_err ph_guest_agents_open(struct ph_node *node)
{
    const char *dir = node->config->guest_dir;

    if (!dir)
        return PH_OK;
    const enum ph_err err = check_dir(dir);
    if (err != PH_OK) {
        ph_log(PH_LOG_ERROR,
               err == PH_ERR_UNTRUSTED
                   ? "--guest-agent: the directory must be this user's and closed to others: "
                     "chmod 700"
                   : "--guest-agent: the directory cannot be used",
               "path", dir, "error", strerror(errno), NULL);
        return err;
    }
    node->guests = calloc(1, sizeof(*node->guests));
    if (!node->guests)
        return PH_ERR_NOMEM;
    measure(node);
    ph_phats_each(node->phats, open_one, NULL);
    return PH_OK;
}

void ph_guest_agents_close(struct ph_node *node)
{
    if (node->guests)
        free(node->guests->ids);
    free(node->guests);
    node->guests = NULL;
}

void ph_guest_agent_request(struct ph_node *node, struct ph_http_req *req, uint32_t tag)
{
    ph_guest_call_begin(node, req, &node->guests->ids[tag - PH_GUEST_TAG]);
}
