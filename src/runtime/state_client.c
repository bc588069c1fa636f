#include "runtime/state_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

void ph_state_client_init(struct ph_state_client *client, int fd)
{
    *client = (struct ph_state_client){.fd = fd};
}

static enum ph_err lose(struct ph_state_client *c, struct ph_bytes sentence)
{
    c->lost = true;
    (void)snprintf(c->why, sizeof(c->why), "%.*s", (int)sentence.len, (const char *)sentence.ptr);
    return PH_ERR_CLOSED;
}

static enum ph_err closed(struct ph_state_client *c)
{
    return lose(c, PH_BYTES_LIT("phalad closed the state channel"));
}

static enum ph_err broken(struct ph_state_client *c)
{
    return lose(c, PH_BYTES_LIT("the state channel carried a packet that makes no sense here"));
}

/* The next packet, but for what is told at any time: COMMITTED (`*out_told`) and LOST. */
static enum ph_err read_packet(struct ph_state_client *c, struct ph_state_packet *out,
                               bool *out_told)
{
    ssize_t n;

    if (c->lost)
        return PH_ERR_CLOSED;
    do
        n = read(c->fd, c->raw, sizeof(c->raw));
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return closed(c);
    if (ph_state_packet_parse((struct ph_bytes){c->raw, (size_t)n}, out) != PH_OK)
        return broken(c);
    if (out->kind == PH_STATE_LOST)
        return lose(c, out->data);
    *out_told = out->kind == PH_STATE_COMMITTED;
    c->committed = c->committed || *out_told;
    return PH_OK;
}

static enum ph_err write_packet(struct ph_state_client *c, size_t len)
{
    struct ph_state_packet p;
    bool told;
    ssize_t n;

    if (c->lost)
        return PH_ERR_CLOSED;
    do
        n = send(c->fd, c->raw, len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len)
        return PH_OK;
    while (read_packet(c, &p, &told) == PH_OK) { /* the reason, if it was told */
    }
    return PH_ERR_CLOSED;
}

/* One of them; *more: it is not the last. */
static enum ph_err read_key(struct ph_state_client *c, struct ph_state_keys *keys, bool *more)
{
    struct ph_state_packet p;
    bool told;

    PH_TRY(read_packet(c, &p, &told));
    if (p.kind != PH_STATE_KEY || keys->cnt == PH_STATE_KEYS_MAX ||
        p.n <= (keys->cnt > 0 ? keys->at[keys->cnt - 1].epoch : 0))
        return broken(c);
    keys->at[keys->cnt].epoch = p.n;
    memcpy(keys->at[keys->cnt++].key, p.data.ptr, 32);
    *more = p.a > 0;
    return PH_OK;
}

enum ph_err ph_state_client_keys(struct ph_state_client *client, struct ph_state_keys *out)
{
    bool more = true;
    enum ph_err err = PH_OK;

    out->cnt = 0;
    while (err == PH_OK && more)
        err = read_key(client, out, &more);
    ph_wipe(client->raw, sizeof(client->raw));
    return err;
}

static enum ph_err ask(struct ph_state_client *c, enum ph_state_packet_kind kind, uint8_t a,
                       uint32_t n, uint8_t out[static PH_STATE_PAGE])
{
    struct ph_state_packet p;
    bool told = true;

    ph_state_packet_head(kind, a, n, c->raw);
    if (write_packet(c, PH_STATE_PACKET_HEAD) != PH_OK)
        return PH_ERR_IO;
    while (told) {
        if (read_packet(c, &p, &told) != PH_OK)
            return PH_ERR_IO;
    }
    if (p.kind == PH_STATE_ABSENT)
        return PH_ERR_NOT_FOUND;
    if (p.kind == PH_STATE_FAILED)
        return PH_ERR_IO;
    if (p.kind != PH_STATE_DATA) {
        (void)broken(c);
        return PH_ERR_IO;
    }
    memcpy(out, p.data.ptr, PH_STATE_PAGE);
    return PH_OK;
}

static enum ph_err ask_page(void *ctx, uint32_t page, uint8_t out[static PH_STATE_PAGE])
{
    return ask(ctx, PH_STATE_READ_PAGE, 0, page, out);
}

static enum ph_err ask_node(void *ctx, struct ph_tree_at at, uint8_t out[static PH_TREE_NODE])
{
    return ask(ctx, PH_STATE_READ_NODE, at.level, at.n, out);
}

struct ph_state_source ph_state_client_source(struct ph_state_client *client)
{
    return (struct ph_state_source){client, ask_page, ask_node};
}

static enum ph_err announce(struct ph_state_client *c, enum ph_state_packet_kind kind, size_t len)
{
    ph_state_packet_head(kind, 0, (uint32_t)len, c->raw);
    return write_packet(c, PH_STATE_PACKET_HEAD);
}

enum ph_err ph_state_client_pieces(struct ph_state_client *client, struct ph_bytes pieces)
{
    while (pieces.len > 0) {
        const size_t n = pieces.len < PH_STATE_PACKET_DATA ? pieces.len : PH_STATE_PACKET_DATA;
        ph_state_packet_head(PH_STATE_PIECE, 0, 0, client->raw);
        memcpy(client->raw + PH_STATE_PACKET_HEAD, pieces.ptr, n);
        PH_TRY(write_packet(client, PH_STATE_PACKET_HEAD + n));
        pieces = (struct ph_bytes){pieces.ptr + n, pieces.len - n};
    }
    return PH_OK;
}

enum ph_err ph_state_client_send(struct ph_state_client *client, struct ph_bytes record)
{
    PH_TRY(announce(client, PH_STATE_COMMIT, record.len));
    return ph_state_client_pieces(client, record);
}

enum ph_err ph_state_client_replace(struct ph_state_client *client, size_t record_len)
{
    return announce(client, PH_STATE_REPLACE, record_len);
}

enum ph_err ph_state_client_take(struct ph_state_client *client)
{
    struct pollfd p = {.fd = client->fd, .events = POLLIN};
    struct ph_state_packet packet;
    bool told;

    while (!client->lost && poll(&p, 1, 0) > 0) {
        PH_TRY(read_packet(client, &packet, &told));
        if (!told) /* nothing was asked */
            return broken(client);
    }
    return client->lost ? PH_ERR_CLOSED : PH_OK;
}
