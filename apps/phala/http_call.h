#ifndef PH_CLI_HTTP_CALL_H
#define PH_CLI_HTTP_CALL_H

/* The CLI's HTTP client: one request, one answer; and one answer as a stream. TLS certificates are
 * always verified. Redirects are not followed: an owner's signature is for one worker.
 *
 * Tests: tests/integration/cli.test.mjs.
 */

#include "base/bytes.h"

#include <poll.h>

enum {
    PH_HTTP_ANSWER_MAX = 256 << 20, /* bytes of a body */
    PH_HTTP_HEADERS_MAX = 64 << 10,
};

/* Bodies that do not lie in memory. */
struct ph_http_flow {
    void *ctx;
    /* Takes the body of an answer with status 200, piece by piece, in place of the answer's buffer;
     * NULL: the buffer does. An error ends the exchange, and is what it yields. */
    enum ph_err (*take)(void *ctx, struct ph_bytes data);
    /* Gives `len` more bytes behind the request's body: fills `out` with at most `cap`, and yields
     * how many, 0 for an error; NULL: nothing follows. */
    size_t (*give)(void *ctx, uint8_t *out, size_t cap);
    uint64_t len;
};

struct ph_http_request {
    const char *method, *url;   /* http or https */
    const char *const *headers; /* "Name: value", ended by NULL; NULL for none */
    struct ph_bytes body;
    bool has_body;
    const struct ph_http_flow *flow; /* of ph_http_exchange; NULL: all lies in memory */
    const char *ca_file;             /* PEM, trusted besides the system's; NULL for none */
    long timeout_s;                  /* for the whole exchange; 0: none */
};

struct ph_http_answer {
    int status;
    struct ph_buf headers; /* of the last header block: "name: value\n", names in lower case */
    struct ph_buf body;
};
#define PH_HTTP_ANSWER                                                                             \
    ((struct ph_http_answer){.headers = PH_BUF(PH_HTTP_HEADERS_MAX),                               \
                             .body = PH_BUF(PH_HTTP_ANSWER_MAX)})

/**
 * One exchange.
 *
 * @out  initialised with PH_HTTP_ANSWER
 * @why  what failed, when something failed: no connection, TLS, time-out
 * Returns PH_ERR_IO, PH_ERR_LIMIT (answer too big), PH_ERR_NOMEM
 */
PH_CHECKED enum ph_err ph_http_exchange(const struct ph_http_request *request,
                                        struct ph_http_answer *out, char why[static 256]);
/* Value of a header by lower-case name; PH_ERR_NOT_FOUND. The last one wins. */
PH_CHECKED enum ph_err ph_http_header(const struct ph_http_answer *answer, const char *name,
                                      struct ph_bytes *out);
void ph_http_answer_clear(struct ph_http_answer *answer);

/* A streamed answer, read while other descriptors are watched too. */
struct ph_http_stream;
PH_CHECKED enum ph_err ph_http_stream_open(const struct ph_http_request *request,
                                           struct ph_http_stream **out);
/**
 * Wait for body bytes, for one of `fds`, or for the time to pass; then collect what has come.
 *
 * @stream   NULL: only the descriptors are waited for
 * @fds      the caller's own descriptors, events as for poll(2); revents are filled
 * @into     body bytes are appended
 * Returns   PH_OK          something may have happened
 *           PH_ERR_CLOSED  the answer is complete; *status tells which
 *           PH_ERR_IO      the connection failed
 */
PH_CHECKED enum ph_err ph_http_stream_wait(struct ph_http_stream *stream, struct pollfd *fds,
                                           unsigned fd_cnt, int timeout_ms, struct ph_buf *into,
                                           int *status);
/* Status of the answer so far; 0 until its head came. */
int ph_http_stream_status(const struct ph_http_stream *stream);
void ph_http_stream_close(struct ph_http_stream *stream);

#endif
