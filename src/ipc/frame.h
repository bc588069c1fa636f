#ifndef PH_IPC_FRAME_H
#define PH_IPC_FRAME_H

/* Frames between our processes, over a SOCK_STREAM socket pair.
 *
 *   offset  size  field (little-endian)
 *        0     4  payload length, at most PH_IPC_PAYLOAD_MAX
 *        4     2  message type: enum ph_ipc_msg, ipc/messages.h
 *        6     2  flags, per message
 *        8     8  id: the call, fetch or request it belongs to
 *       16     .  payload: the message's fields in table order
 *
 * A stream with many frames per write, because the cost of a call is the number of system calls and
 * wake-ups, not bytes: under load one write carries the frames of a whole event-loop turn. The peer
 * is not trusted: lengths are checked before use, unknown types and a frame in the wrong direction
 * close the channel.
 *
 * Layer: ipc. Tests: frame_test.c, frame_fuzz.c. Rationale: docs/adr/0002-ipc-stream.md
 */

#include "base/bytes.h"

enum {
    PH_IPC_HEADER_LEN = 16,
    PH_IPC_PAYLOAD_MAX =
        1024 * 1024 + 4096,       /* one body chunk or bundle chunk of 1 MiB plus its fields */
    PH_IPC_CHUNK_MAX = 64 * 1024, /* body bytes per frame that a sender aims for */
    PH_IPC_OUT_MAX =
        64 * 1024 * 1024, /* queued output after which a peer that does not read is given up */
};

struct ph_ipc_frame {
    uint16_t type;
    uint16_t flags;
    uint64_t id;
    struct ph_bytes payload; /* view into the channel's input buffer, until the next read */
};

/* Write a frame header. */
static inline void ph_ipc_header(uint8_t out[static PH_IPC_HEADER_LEN], uint32_t len, uint16_t type,
                                 uint16_t flags, uint64_t id)
{
    ph_put_u32le(out, len);
    ph_put_u16le(out + 4, type);
    ph_put_u16le(out + 6, flags);
    ph_put_u64le(out + 8, id);
}

/* One end of a socket pair, non-blocking, with an input and an output buffer. */
struct ph_ipc_chan {
    int fd; /* owned */
    struct ph_buf in, out;
    size_t in_at; /* consumed prefix of in */
};

void ph_ipc_chan_init(struct ph_ipc_chan *chan, int fd);
void ph_ipc_chan_clear(struct ph_ipc_chan *chan);

/**
 * Read once from the socket into the input buffer.
 *
 * Returns PH_ERR_AGAIN   nothing to read now
 *         PH_ERR_CLOSED  the peer closed
 *         PH_ERR_IO, PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_ipc_fill(struct ph_ipc_chan *chan);

/**
 * Cut the next whole frame off the input.
 *
 * Returns PH_ERR_AGAIN      no whole frame yet
 *         PH_ERR_MALFORMED  payload length over the limit: close the channel
 */
PH_CHECKED enum ph_err ph_ipc_next(struct ph_ipc_chan *chan, struct ph_ipc_frame *out);

/* Queue a frame: header plus the concatenation of `part_cnt` payload parts. Nothing is written to
 * the socket. PH_ERR_LIMIT: payload too long, or PH_IPC_OUT_MAX queued. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_ipc_send(struct ph_ipc_chan *chan, uint16_t type, uint16_t flags,
                                   uint64_t id, const struct ph_bytes *parts, size_t part_cnt);

/* Write what is queued. PH_OK: all written. PH_ERR_AGAIN: wait for writability. PH_ERR_CLOSED,
 * PH_ERR_IO. */
PH_CHECKED enum ph_err ph_ipc_flush(struct ph_ipc_chan *chan);
static inline size_t ph_ipc_queued(const struct ph_ipc_chan *chan)
{
    return chan->out.len;
}

/* Send or receive one small datagram with descriptors, over SOCK_SEQPACKET: the control channels of
 * the zygote and of phala-keyd. At most PH_IPC_FDS_MAX descriptors; received ones are close-on-exec
 * and owned by the caller. PH_ERR_MALFORMED: truncated, or more descriptors than asked for (all are
 * closed). */
enum { PH_IPC_FDS_MAX = 4 };
PH_CHECKED enum ph_err ph_ipc_send_fds(int sock, struct ph_bytes data, const int *fds,
                                       size_t fd_cnt);
PH_CHECKED enum ph_err ph_ipc_recv_fds(int sock, uint8_t *buf, size_t cap, size_t *len, int *fds,
                                       size_t fd_cap, size_t *fd_cnt);

#endif
