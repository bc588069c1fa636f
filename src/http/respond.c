#include "http/server_priv.h"

#include "base/clock.h"

#include <assert.h>
#include <stdio.h>

static const char *reason_of(uint16_t status)
{
    /* clang-format off */
    static const struct { uint16_t status; const char *text; } reasons[] = {
        {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {204, "No Content"},
        {206, "Partial Content"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"},
        {304, "Not Modified"}, {307, "Temporary Redirect"}, {308, "Permanent Redirect"},
        {400, "Bad Request"}, {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
        {405, "Method Not Allowed"}, {406, "Not Acceptable"}, {408, "Request Timeout"},
        {409, "Conflict"}, {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
        {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
        {417, "Expectation Failed"}, {421, "Misdirected Request"},
        {422, "Unprocessable Content"}, {425, "Too Early"}, {426, "Upgrade Required"},
        {428, "Precondition Required"}, {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"}, {500, "Internal Server Error"},
        {501, "Not Implemented"}, {502, "Bad Gateway"}, {503, "Service Unavailable"},
        {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
    };
    /* clang-format on */
    for (size_t i = 0; i < PH_LEN(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Unnamed";
}

const char *ph_http_date(struct ph_http_server *server)
{
    int64_t now_s = ph_clock_wall_ms() / 1000;
    char date[PH_HTTP_DATE_LEN + 1];

    if (now_s != server->date_s && ph_http_date_print(now_s, date)) {
        server->date_s = now_s;
        (void)snprintf(server->date, sizeof(server->date), "date: %s\r\n", date);
    }
    return server->date;
}

static uint8_t *put(uint8_t *at, struct ph_bytes bytes)
{
    if (bytes.len > 0)
        memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

static uint8_t *put_str(uint8_t *at, const char *s)
{
    return put(at, ph_bytes_str(s));
}

static uint8_t *put_decimal(uint8_t *at, uint64_t value)
{
    char text[24];
    size_t i = sizeof(text);

    do {
        text[--i] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return put(at, (struct ph_bytes){(const uint8_t *)text + i, sizeof(text) - i});
}

static uint8_t *put_length(uint8_t *at, uint64_t value)
{
    return put_str(put_decimal(put_str(at, "content-length: "), value), "\r\n");
}

/* Fields of the caller's block that may go out; a hostile phat may have written it. The longest
 * growth per line is one byte for the CR, one for a missing blank. */
static uint8_t *put_block(uint8_t *at, struct ph_bytes block, bool trailer, int64_t *length)
{
    struct ph_http_field field;

    while (ph_http_block_next(&block, &field)) {
        bool dropped = ph_http_is_hop_by_hop(field.name);
        if (field.name.len == 14 && ph_http_is_nocase(field.name, "content-length")) {
            if (*length < 0 && !ph_http_parse_decimal(field.value, length))
                *length = -1;
            dropped = true;
        }
        /* Fields that frame, route or authenticate do not belong behind the body.
         * [RFC 9110 §6.5.1] */
        if (trailer)
            dropped = dropped || ph_http_is_nocase(field.name, "host") ||
                      ph_http_is_nocase(field.name, "set-cookie") ||
                      ph_http_is_nocase(field.name, "authorization") ||
                      ph_http_is_nocase(field.name, "content-type") ||
                      ph_http_is_nocase(field.name, "content-encoding");
        if (dropped || ph_http_is_nocase(field.name, "date"))
            continue;
        at = put(at, field.name);
        at = put_str(at, ": ");
        at = put(at, field.value);
        at = put_str(at, "\r\n");
    }
    return at;
}

static bool is_bodiless(const struct ph_http_req *req, uint16_t status)
{
    return status == 204 || status == 304 || ph_bytes_is(req->head.method, "HEAD");
}

/* What is known now that forces the connection closed behind this answer. */
static bool must_close(const struct ph_http_conn *conn)
{
    const struct ph_http_req *req = &conn->req;

    if (!req->keep_alive || conn->server->quiesced)
        return true;
    /* The client may or may not send the body it asked about. [RFC 9110 §10.1.1] */
    if (req->expect)
        return true;
    /* Under a streamed answer the body may still be read to its end. */
    return req->one_piece && !req->body_done &&
           (req->head.body_len < 0 || req->body_left > PH_HTTP_DRAIN_MAX);
}

/* The head into the server's buffer. body_len: of the whole body, -1 for a stream. */
static bool put_head(struct ph_http_conn *conn, uint16_t status, struct ph_bytes headers,
                     int64_t body_len, struct ph_bytes *out)
{
    struct ph_http_server *server = conn->server;
    struct ph_http_req *req = &conn->req;
    int64_t declared = -1;
    uint8_t *at;

    if (status < 200 || status > 599)
        status = 502;
    server->head_buf.len = 0;
    if (ph_buf_reserve(&server->head_buf, headers.len * 2 + 544, &at) != PH_OK)
        return false;
    const uint8_t *start = at;
    at = put_str(at, "HTTP/1.1 ");
    at = put_decimal(at, status);
    at = put_str(at, " ");
    at = put_str(at, reason_of(status));
    at = put_str(at, "\r\n");
    at = put_str(at, ph_http_date(server));
    at = put_block(at, headers, false, &declared);
    if (req->any_origin)
        at = put_str(at, "access-control-allow-origin: *\r\n");
    bool bodiless = is_bodiless(req, status);
    /* Of HEAD and 304 a caller may know a length without having the body. */
    int64_t length = body_len < 0 || (bodiless && body_len == 0) ? declared : body_len;
    if (length >= 0 && status != 204)
        at = put_length(at, (uint64_t)length);
    else if (bodiless && body_len == 0 && status == 200)
        at = put_length(at, 0);
    req->framing = bodiless           ? PH_HTTP_F_NONE
                   : length >= 0      ? PH_HTTP_F_LENGTH
                   : req->head.minor1 ? PH_HTTP_F_CHUNKED
                                      : PH_HTTP_F_CLOSE;
    req->out_left = length;
    if (req->framing == PH_HTTP_F_CHUNKED)
        at = put_str(at, "transfer-encoding: chunked\r\n");
    req->keep_alive = !must_close(conn) && req->framing != PH_HTTP_F_CLOSE;
    if (!req->keep_alive)
        at = put_str(at, "connection: close\r\n");
    else if (!req->head.minor1)
        at = put_str(at, "connection: keep-alive\r\n");
    at = put_str(at, "\r\n");
    *out = (struct ph_bytes){start, (size_t)(at - start)};
    return true;
}

static struct iovec iov_of(struct ph_bytes b)
{
    return (struct iovec){(void *)(uintptr_t)b.ptr, b.len};
}

void ph_http_respond(struct ph_http_req *req, uint16_t status, struct ph_bytes headers,
                     struct ph_bytes body)
{
    struct ph_http_conn *conn = ph_http_conn_of(req);
    struct ph_bytes head;

    if (req->inner) {
        ph_http_inner_respond(req->inner, status, headers, body);
        return;
    }
    assert(conn->state == PH_HTTP_EXCHANGE && !req->begun);
    req->one_piece = req->begun = req->answered = true;
    if (!put_head(conn, status, headers, (int64_t)body.len, &head))
        conn->broken = true;
    if (!conn->broken) {
        bool with_body = req->framing == PH_HTTP_F_LENGTH && body.len > 0;
        struct iovec iov[2] = {iov_of(head), iov_of(body)};
        /* A small body goes behind the head, which makes one piece of it for the kernel. */
        uint8_t *room;
        if (with_body && body.len <= 4096 &&
            ph_buf_reserve(&conn->server->head_buf, head.len + body.len, &room) == PH_OK) {
            iov[0] = (struct iovec){room, head.len + body.len};
            (void)put(room + head.len, body);
            with_body = false;
        }
        ph_http_conn_send(conn, iov, with_body ? 2 : 1);
    }
    ph_http_conn_queue(conn);
}

void ph_http_respond_start(struct ph_http_req *req, uint16_t status, struct ph_bytes headers)
{
    struct ph_http_conn *conn = ph_http_conn_of(req);
    struct ph_bytes head;

    if (req->inner) {
        ph_http_inner_start(req->inner, status, headers);
        return;
    }
    assert(conn->state == PH_HTTP_EXCHANGE && !req->begun);
    req->begun = true;
    if (!put_head(conn, status, headers, -1, &head) || ph_buf_add(&conn->out, head) != PH_OK)
        conn->broken = true;
    /* The head leaves together with the first piece, or in the next turn. */
    ph_http_conn_queue(conn);
}

static void add_piece(struct ph_http_conn *conn, struct ph_bytes data)
{
    struct ph_http_req *req = &conn->req;
    char size[24];

    if (req->framing == PH_HTTP_F_NONE)
        return;
    if (req->framing == PH_HTTP_F_LENGTH) {
        if ((int64_t)data.len > req->out_left) {
            conn->broken = true; /* more than declared would be taken for another answer */
            return;
        }
        req->out_left -= (int64_t)data.len;
    }
    /* What was sent makes room; the queue is short here, see PH_HTTP_HIGH_WATER. */
    if (conn->out_off > 0) {
        ph_buf_consume(&conn->out, conn->out_off);
        conn->out_off = 0;
    }
    bool chunked = req->framing == PH_HTTP_F_CHUNKED;
    (void)snprintf(size, sizeof(size), "%zx\r\n", data.len);
    if ((chunked && ph_buf_add_str(&conn->out, size) != PH_OK) ||
        ph_buf_add(&conn->out, data) != PH_OK ||
        (chunked && ph_buf_add_str(&conn->out, "\r\n") != PH_OK))
        conn->broken = true;
}

size_t ph_http_respond_write(struct ph_http_req *req, struct ph_bytes data)
{
    struct ph_http_conn *conn = ph_http_conn_of(req);

    if (req->inner)
        return ph_http_inner_write(req->inner, data);
    assert(conn->state == PH_HTTP_EXCHANGE && req->begun && !req->answered);
    if (conn->broken || data.len == 0)
        return conn->broken ? 0 : ph_http_conn_queued(conn);
    add_piece(conn, data);
    if (ph_http_conn_queued(conn) > PH_HTTP_LOW_WATER) {
        ph_http_conn_flush(conn);
        req->above |= ph_http_conn_queued(conn) > PH_HTTP_LOW_WATER;
    }
    ph_http_conn_queue(conn);
    return ph_http_conn_queued(conn);
}

void ph_http_respond_end(struct ph_http_req *req, struct ph_bytes trailers)
{
    struct ph_http_conn *conn = ph_http_conn_of(req);
    struct ph_buf *out = &conn->out;
    int64_t ignored = 0;
    uint8_t *at;

    if (req->inner) {
        ph_http_inner_end(req->inner, trailers);
        return;
    }
    assert(conn->state == PH_HTTP_EXCHANGE && req->begun && !req->answered);
    req->answered = true;
    if (req->framing == PH_HTTP_F_CHUNKED && !conn->broken) {
        if (ph_buf_reserve(out, trailers.len * 2 + 8, &at) == PH_OK) {
            uint8_t *end =
                put_str(put_block(put_str(at, "0\r\n"), trailers, true, &ignored), "\r\n");
            out->len += (size_t)(end - at);
        } else {
            conn->broken = true;
        }
    }
    ph_http_conn_flush(conn);
    if (req->framing == PH_HTTP_F_LENGTH && req->out_left > 0)
        conn->broken = true; /* less than declared: the client must see that it is incomplete */
    ph_http_conn_queue(conn);
}

void ph_http_respond_abort(struct ph_http_req *req)
{
    struct ph_http_conn *conn = ph_http_conn_of(req);

    if (req->inner) {
        ph_http_inner_abort(req->inner);
        return;
    }
    assert(conn->state == PH_HTTP_EXCHANGE);
    req->begun = req->answered = true;
    if (conn->broken)
        return;
    ph_http_conn_flush(conn);
    /* A body that ends with the connection looks complete unless the connection is reset. */
    conn->reset = req->framing == PH_HTTP_F_CLOSE;
    conn->broken = true;
    ph_http_conn_queue(conn);
}

void ph_http_refuse(struct ph_http_conn *conn, const struct ph_http_refusal *refusal)
{
    char body[256], head[512];
    int body_len = snprintf(body, sizeof(body), "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}",
                            refusal->code, refusal->message);
    int head_len =
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %u %s\r\n%scontent-type: application/json\r\n"
                 "content-length: %d\r\nconnection: close\r\n\r\n",
                 refusal->status, reason_of(refusal->status), ph_http_date(conn->server), body_len);
    assert(body_len < (int)sizeof(body) && head_len < (int)sizeof(head));
    struct iovec iov[2] = {{head, (size_t)head_len}, {body, (size_t)body_len}};
    ph_http_conn_send(conn, iov, 2);
}
