#include "node/handovers.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "codec/json.h"
#include "node/keyd_client.h"
#include "store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum ph_err open_list(const struct ph_node *node, int flags, int *out)
{
    int dir PH_OWNED(ph_closep) = -1;

    PH_TRY(ph_dir_open(AT_FDCWD, node->config->data_dir, &dir));
    *out = openat(dir, "handovers.jsonl", flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*out < 0)
        return errno == ENOENT ? PH_ERR_NOT_FOUND : PH_ERR_IO;
    return (flags & O_CREAT) == 0 || fsync(dir) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_handovers_add(struct ph_node *node, const char *what,
                             const struct ph_eth_address *peer, const char *measurement,
                             const char *remote)
{
    struct ph_buf line PH_OWNED(ph_buf_clear) = PH_BUF(2048);
    int fd PH_OWNED(ph_closep) = -1;
    char who[43] = "0x", epoch[16];
    const uint32_t newest = ph_keyd_client_info(node->keyd)->epoch;

    ph_hex_encode(PH_BYTES_OF(peer->b), who + 2);
    json_t *doc PH_OWNED(ph_json_freep) = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:i}", "time_ms", (json_int_t)ph_clock_wall_ms(), "what", what,
        "peer", who, "measurement", measurement, "remote", remote, "epoch", (int)newest);
    if (!doc)
        return PH_ERR_NOMEM;
    PH_TRY(ph_json_dump(doc, &line));
    PH_TRY(ph_buf_add_str(&line, "\n"));
    PH_TRY(open_list(node, O_WRONLY | O_CREAT | O_APPEND, &fd));
    if (write(fd, line.ptr, line.len) != (ssize_t)line.len || fsync(fd) != 0)
        return PH_ERR_IO;
    (void)snprintf(epoch, sizeof(epoch), "%u", newest);
    ph_log(PH_LOG_INFO, "hand-over of the cluster's keys", "what", what, "peer", who, "measurement",
           measurement, "remote", remote, "epoch", epoch, NULL);
    return PH_OK;
}

/* The newest whole lines, at most PH_HANDOVERS_SHOWN_MAX bytes of them. */
static enum ph_err read_newest(int fd, struct ph_buf *out)
{
    struct stat st;
    uint8_t *at;

    if (fstat(fd, &st) != 0)
        return PH_ERR_IO;
    const off_t from =
        st.st_size > PH_HANDOVERS_SHOWN_MAX ? st.st_size - PH_HANDOVERS_SHOWN_MAX : 0;
    const size_t len = (size_t)(st.st_size - from);
    PH_TRY(ph_buf_reserve(out, len + 1, &at));
    const ssize_t n = pread(fd, at, len, from);
    if (n < 0)
        return PH_ERR_IO;
    out->len += (size_t)n;
    return PH_OK;
}

enum ph_err ph_handovers_list(struct ph_node *node, struct ph_buf *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(PH_HANDOVERS_SHOWN_MAX + 1);
    int fd PH_OWNED(ph_closep) = -1;
    bool first = true;

    const enum ph_err err = open_list(node, O_RDONLY, &fd);
    if (err != PH_ERR_NOT_FOUND) {
        PH_TRY(err);
        PH_TRY(read_newest(fd, &text));
    }
    PH_TRY(ph_buf_add_str(out, "{\"handovers\":["));
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.ptr + at, '\n', text.len - at);
        const size_t len = end ? (size_t)(end - (text.ptr + at)) : text.len - at;
        /* A line that was cut off at either end is no document. */
        if (end && len > 0 && text.ptr[at] == '{') {
            PH_TRY(ph_buf_add_str(out, first ? "" : ","));
            PH_TRY(ph_buf_add(out, (struct ph_bytes){text.ptr + at, len}));
            first = false;
        }
        at += len + 1;
    }
    return ph_buf_add_str(out, "]}");
}
