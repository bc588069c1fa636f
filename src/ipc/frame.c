#include "ipc/frame.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    IN_CHUNK = 128 * 1024,
    IN_MAX = PH_IPC_HEADER_LEN + PH_IPC_PAYLOAD_MAX + IN_CHUNK,
};

void ph_ipc_chan_init(struct ph_ipc_chan *chan, int fd)
{
    *chan = (struct ph_ipc_chan){.fd = fd, .in = PH_BUF(IN_MAX), .out = PH_BUF(PH_IPC_OUT_MAX)};
}

void ph_ipc_chan_clear(struct ph_ipc_chan *chan)
{
    if (chan->fd >= 0)
        (void)close(chan->fd);
    chan->fd = -1;
    ph_buf_clear(&chan->in);
    ph_buf_clear(&chan->out);
    chan->in_at = 0;
}

enum ph_err ph_ipc_fill(struct ph_ipc_chan *chan)
{
    ph_buf_consume(&chan->in, chan->in_at);
    chan->in_at = 0;

    /* An idle instance keeps a small buffer: memory per idle phat is counted. It grows to a chunk
     * while frames come. */
    uint8_t *at;
    const size_t room = chan->in.cap - chan->in.len;
    const size_t want = chan->in.cap == 0 ? 4096 : room >= 4096 ? room : IN_CHUNK;
    PH_TRY(ph_buf_reserve(&chan->in, want, &at));
    const ssize_t n = read(chan->fd, at, chan->in.cap - chan->in.len);
    if (n > 0) {
        chan->in.len += (size_t)n;
        return PH_OK;
    }
    if (n == 0)
        return PH_ERR_CLOSED;
    if (errno == EAGAIN || errno == EINTR)
        return PH_ERR_AGAIN;
    return errno == ECONNRESET ? PH_ERR_CLOSED : PH_ERR_IO;
}

enum ph_err ph_ipc_next(struct ph_ipc_chan *chan, struct ph_ipc_frame *out)
{
    struct ph_reader r = {{chan->in.ptr + chan->in_at, chan->in.len - chan->in_at}};
    struct ph_ipc_frame frame;
    uint32_t len;

    if (!ph_read_u32le(&r, &len))
        return PH_ERR_AGAIN;
    if (len > PH_IPC_PAYLOAD_MAX)
        return PH_ERR_MALFORMED;
    if (!ph_read_u16le(&r, &frame.type) || !ph_read_u16le(&r, &frame.flags) ||
        !ph_read_u64le(&r, &frame.id) || !ph_read_view(&r, len, &frame.payload))
        return PH_ERR_AGAIN;
    chan->in_at += PH_IPC_HEADER_LEN + len;
    *out = frame;
    return PH_OK;
}

enum ph_err ph_ipc_send(struct ph_ipc_chan *chan, uint16_t type, uint16_t flags, uint64_t id,
                        const struct ph_bytes *parts, size_t part_cnt)
{
    size_t len = 0;

    for (size_t i = 0; i < part_cnt; i++) {
        if (parts[i].len > PH_IPC_PAYLOAD_MAX - len)
            return PH_ERR_LIMIT;
        len += parts[i].len;
    }

    uint8_t *at;
    PH_TRY(ph_buf_reserve(&chan->out, PH_IPC_HEADER_LEN + len, &at));
    ph_ipc_header(at, (uint32_t)len, type, flags, id);
    at += PH_IPC_HEADER_LEN;
    for (size_t i = 0; i < part_cnt; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    chan->out.len += PH_IPC_HEADER_LEN + len;
    return PH_OK;
}

enum ph_err ph_ipc_flush(struct ph_ipc_chan *chan)
{
    size_t done = 0;
    enum ph_err err = PH_OK;

    while (done < chan->out.len) {
        const ssize_t n = send(chan->fd, chan->out.ptr + done, chan->out.len - done, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR)
                continue;
            err = errno == EAGAIN                         ? PH_ERR_AGAIN
                  : errno == EPIPE || errno == ECONNRESET ? PH_ERR_CLOSED
                                                          : PH_ERR_IO;
            break;
        }
        done += (size_t)n;
    }
    ph_buf_consume(&chan->out, done);
    return err;
}

enum ph_err ph_ipc_send_fds(int sock, struct ph_bytes data, const int *fds, size_t fd_cnt)
{
    union {
        char buf[CMSG_SPACE(PH_IPC_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {(void *)(uintptr_t)data.ptr, data.len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd_cnt > PH_IPC_FDS_MAX)
        return PH_ERR_LIMIT;
    if (fd_cnt > 0) {
        msg.msg_control = control.buf;
        msg.msg_controllen = CMSG_SPACE(fd_cnt * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_cnt * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_cnt * sizeof(int));
    }
    for (;;) {
        const ssize_t n = sendmsg(sock, &msg, MSG_NOSIGNAL);
        if (n >= 0)
            return (size_t)n == data.len ? PH_OK : PH_ERR_IO;
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN)
            return PH_ERR_AGAIN;
        return errno == EPIPE || errno == ECONNRESET ? PH_ERR_CLOSED : PH_ERR_IO;
    }
}

enum ph_err ph_ipc_recv_fds(int sock, uint8_t *buf, size_t cap, size_t *len, int *fds,
                            size_t fd_cap, size_t *fd_cnt)
{
    union {
        char buf[CMSG_SPACE(PH_IPC_FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {buf, cap};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof(control.buf)};
    ssize_t n;

    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? PH_ERR_AGAIN : errno == ECONNRESET ? PH_ERR_CLOSED : PH_ERR_IO;

    int got[PH_IPC_FDS_MAX];
    size_t got_cnt = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        const size_t bytes = c->cmsg_len - CMSG_LEN(0);
        for (size_t i = 0; i + sizeof(int) <= bytes && got_cnt < PH_IPC_FDS_MAX; i += sizeof(int))
            memcpy(&got[got_cnt++], CMSG_DATA(c) + i, sizeof(int));
    }
    if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || got_cnt > fd_cap || (n == 0 && got_cnt > 0)) {
        for (size_t i = 0; i < got_cnt; i++)
            (void)close(got[i]);
        return PH_ERR_MALFORMED;
    }
    if (n == 0)
        return PH_ERR_CLOSED;
    if (got_cnt > 0)
        memcpy(fds, got, got_cnt * sizeof(int));
    *fd_cnt = got_cnt;
    *len = (size_t)n;
    return PH_OK;
}
