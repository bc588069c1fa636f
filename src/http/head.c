#include "http/head.h"

#define REFUSE(st, cd, msg)                                                                        \
    do {                                                                                           \
        *no = (struct ph_http_refusal){(st), (cd), (msg)};                                         \
        return false;                                                                              \
    } while (0)
#define BAD(msg) REFUSE(400, "bad-request", msg)

size_t ph_http_head_end(struct ph_bytes got, size_t from)
{
    /* The empty line may straddle what was searched before. */
    size_t start = from > 3 ? from - 3 : 0;
    if (got.len < start + 4)
        return 0;
    const uint8_t *at = memmem(got.ptr + start, got.len - start, "\r\n\r\n", 4);
    return at ? (size_t)(at - got.ptr) + 4 : 0;
}

bool ph_http_head_bare_lf(struct ph_bytes got, size_t from)
{
    for (size_t i = from; i < got.len;) {
        const uint8_t *at = memchr(got.ptr + i, '\n', got.len - i);
        if (!at)
            return false;
        if (at == got.ptr || at[-1] != '\r')
            return true;
        i = (size_t)(at - got.ptr) + 1;
    }
    return false;
}

/* Cut one line, without its CRLF. A CR anywhere else in it is caught by the character checks. */
static bool next_line(struct ph_reader *r, struct ph_bytes *out)
{
    const uint8_t *lf = memchr(r->rest.ptr, '\n', r->rest.len);
    struct ph_bytes line;

    if (!lf || !ph_read_view(r, (size_t)(lf - r->rest.ptr) + 1, &line))
        return false;
    if (line.len < 2 || line.ptr[line.len - 2] != '\r')
        return false;
    *out = (struct ph_bytes){line.ptr, line.len - 2};
    return true;
}

static bool cut_space(struct ph_bytes *rest, struct ph_bytes *out)
{
    const uint8_t *sp = memchr(rest->ptr, ' ', rest->len);
    if (!sp)
        return false;
    *out = (struct ph_bytes){rest->ptr, (size_t)(sp - rest->ptr)};
    *rest = (struct ph_bytes){sp + 1, rest->len - out->len - 1};
    return true;
}

/* uri-host [":" port] -> host in lower case. [RFC 9112 §3.2] */
static bool take_host(struct ph_bytes text, struct ph_http_head *out)
{
    size_t end = 0;

    if (text.len > 0 && text.ptr[0] == '[') {
        for (end = 1; end < text.len && text.ptr[end] != ']'; end++)
            if (!memchr("0123456789abcdefABCDEF:.", text.ptr[end], 24))
                return false;
        if (end == text.len)
            return false;
        end++;
    } else {
        for (; end < text.len && text.ptr[end] != ':'; end++) {
            uint8_t c = text.ptr[end];
            bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            if (!alnum && c != '-' && c != '.' && c != '_')
                return false;
        }
    }
    if (end > PH_HTTP_HOST_MAX)
        return false;
    for (size_t i = end; i < text.len; i++)
        if (i == end ? text.ptr[i] != ':' : text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    if (text.len > end + 6)
        return false;
    for (size_t i = 0; i < end; i++)
        out->host[i] = (char)ph_http_lower(text.ptr[i]);
    out->host[end] = 0;
    out->host_len = end;
    return true;
}

/* origin-form and absolute-form; the authority of the latter wins over Host. [RFC 9112 §3.2.2] */
static bool take_target(struct ph_bytes target, struct ph_http_head *out, bool *has_authority,
                        struct ph_http_refusal *no)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.ptr[i] <= ' ' || target.ptr[i] >= 0x7f || target.ptr[i] == '#')
            BAD("the request target holds a character that must be percent-encoded");
    size_t scheme = 0;
    if (target.len > 7 && ph_http_is_nocase((struct ph_bytes){target.ptr, 7}, "http://"))
        scheme = 7;
    else if (target.len > 8 && ph_http_is_nocase((struct ph_bytes){target.ptr, 8}, "https://"))
        scheme = 8;
    if (scheme > 0) {
        struct ph_bytes rest = {target.ptr + scheme, target.len - scheme};
        const uint8_t *slash = memchr(rest.ptr, '/', rest.len);
        if (!slash)
            BAD("the absolute request target has no path");
        struct ph_bytes authority = {rest.ptr, (size_t)(slash - rest.ptr)};
        if (authority.len == 0 || !take_host(authority, out))
            BAD("the request target's authority is not a host and port");
        *has_authority = true;
        target = (struct ph_bytes){slash, rest.len - authority.len};
    }
    if (target.len == 0 || target.ptr[0] != '/')
        BAD("the request target is not a path");
    out->target = target;
    return true;
}

static bool take_request_line(struct ph_bytes line, struct ph_http_head *out, bool *has_authority,
                              struct ph_http_refusal *no)
{
    struct ph_bytes target;

    if (!cut_space(&line, &out->method) || !cut_space(&line, &target))
        BAD("the request line is not: method, space, target, space, version");
    if (!ph_http_is_token(out->method) || out->method.len > 32)
        BAD("the method is not a token of at most 32 characters");
    if (ph_bytes_is(line, "HTTP/1.1"))
        out->minor1 = true;
    else if (!ph_bytes_is(line, "HTTP/1.0")) {
        if (line.len == 8 && memcmp(line.ptr, "HTTP/", 5) == 0)
            REFUSE(505, "http-version", "only HTTP/1.1 and HTTP/1.0 are spoken here");
        BAD("the request line does not end in an HTTP version");
    }
    if (ph_bytes_is(out->method, "CONNECT") || ph_bytes_is(out->method, "TRACE"))
        REFUSE(501, "method-not-implemented", "CONNECT and TRACE are not served");
    return take_target(target, out, has_authority, no);
}

/* What the fields that steer the connection said. */
struct control {
    bool host, authority, length, chunked, transfer_encoding, close, keep, expect;
    struct ph_bytes host_value;
};

/* Fields that decide about framing and routing. [RFC 9112 §3.2, §6.1, §6.3] */
static bool take_control(struct ph_bytes name, struct ph_bytes value, struct control *c,
                         struct ph_http_head *out, struct ph_http_refusal *no)
{
    switch (name.len) {
    case 4:
        if (!ph_http_is_nocase(name, "host"))
            break;
        if (c->host)
            BAD("more than one Host field");
        c->host = true;
        c->host_value = value;
        break;
    case 6:
        if (!ph_http_is_nocase(name, "expect"))
            break;
        if (!ph_http_is_nocase(value, "100-continue"))
            REFUSE(417, "expectation-failed", "Expect says something other than 100-continue");
        c->expect = true;
        break;
    case 10:
        if (ph_http_is_nocase(name, "connection")) {
            c->close |= ph_http_list_has(value, "close");
            c->keep |= ph_http_list_has(value, "keep-alive");
        }
        break;
    case 14:
        if (!ph_http_is_nocase(name, "content-length"))
            break;
        if (c->length)
            BAD("more than one Content-Length field");
        if (!ph_http_parse_decimal(value, &out->body_len))
            BAD("Content-Length is not 1 to 18 decimal digits");
        c->length = true;
        break;
    case 17:
        if (!ph_http_is_nocase(name, "transfer-encoding"))
            break;
        if (c->transfer_encoding)
            BAD("more than one Transfer-Encoding field");
        c->transfer_encoding = true;
        if (!ph_http_is_nocase(value, "chunked"))
            REFUSE(501, "transfer-encoding", "the only Transfer-Encoding accepted is chunked");
        c->chunked = true;
        break;
    default:
        break;
    }
    return true;
}

static bool settle(const struct control *c, struct ph_http_head *out, struct ph_http_refusal *no)
{
    if (c->transfer_encoding && c->length)
        BAD("both Transfer-Encoding and Content-Length");
    /* [RFC 9112 §6.1]: "A server or client that receives an HTTP/1.0 message containing a
     * Transfer-Encoding header field MUST treat the message as if the framing is faulty" */
    if (c->transfer_encoding && !out->minor1)
        BAD("Transfer-Encoding in an HTTP/1.0 request");
    if (out->minor1 && !c->host)
        BAD("an HTTP/1.1 request without Host");
    if (c->host) {
        struct ph_http_head scratch = {0};
        if (!take_host(c->host_value, &scratch))
            BAD("Host is not a host name or address and port");
        if (c->authority && strcmp(scratch.host, out->host) != 0)
            BAD("Host differs from the authority of the request target");
        memcpy(out->host, scratch.host, sizeof(out->host));
        out->host_len = scratch.host_len;
    }
    if (c->chunked)
        out->body_len = -1;
    out->keep_alive = !c->close && (out->minor1 || c->keep);
    out->expect_continue = c->expect && out->minor1 && out->body_len != 0;
    return true;
}

/* Names listed in Connection are of this hop too; each line is looked at with that list.
 * [RFC 9110 §7.6.1] */
static bool named_in_connection(const struct ph_bytes *lists, size_t cnt, struct ph_bytes name)
{
    char lower[64];

    if (cnt == 0 || name.len >= sizeof(lower))
        return false;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = (char)ph_http_lower(name.ptr[i]);
    lower[name.len] = 0;
    /* Fields that routing and framing rest on cannot be talked away. */
    if (strcmp(lower, "host") == 0 || strcmp(lower, "content-length") == 0 ||
        strcmp(lower, "authorization") == 0 || strcmp(lower, "content-type") == 0)
        return false;
    for (size_t i = 0; i < cnt; i++)
        if (ph_http_list_has(lists[i], lower))
            return true;
    return false;
}

static size_t put_field(uint8_t *block, size_t at, const struct ph_http_field *f)
{
    for (size_t i = 0; i < f->name.len; i++)
        block[at++] = ph_http_lower(f->name.ptr[i]);
    block[at++] = ':';
    block[at++] = ' ';
    if (f->value.len > 0)
        memcpy(block + at, f->value.ptr, f->value.len);
    at += f->value.len;
    block[at++] = '\n';
    return at;
}

bool ph_http_head_parse(struct ph_bytes raw, uint8_t *block, struct ph_http_head *out,
                        struct ph_http_refusal *no)
{
    struct ph_reader r = {raw};
    struct ph_http_field fields[PH_HTTP_FIELDS_MAX];
    struct ph_bytes line, connection[4];
    struct control c = {0};
    size_t cnt = 0, connection_cnt = 0;

    out->method = out->target = (struct ph_bytes){0};
    out->host[0] = 0;
    out->host_len = out->block_len = 0;
    out->body_len = 0;
    out->minor1 = out->keep_alive = out->expect_continue = false;
    if (!next_line(&r, &line))
        BAD("the request line does not end in CR LF");
    if (!take_request_line(line, out, &c.authority, no))
        return false;
    for (;;) {
        if (!next_line(&r, &line))
            BAD("a header line does not end in CR LF");
        if (line.len == 0)
            break;
        if (cnt == PH_HTTP_FIELDS_MAX)
            REFUSE(431, "headers-too-large", "more than 128 header fields");
        const uint8_t *colon = memchr(line.ptr, ':', line.len);
        if (!colon)
            BAD("a header line has no colon");
        struct ph_bytes name = {line.ptr, (size_t)(colon - line.ptr)};
        struct ph_bytes value = ph_http_trim((struct ph_bytes){colon + 1, line.len - name.len - 1});
        /* A folded line begins with a blank, which is no token character either. */
        if (!ph_http_is_token(name))
            BAD("a header name holds a character that is not allowed there");
        if (!ph_http_is_value(value))
            BAD("a header value holds a control character");
        if (!take_control(name, value, &c, out, no))
            return false;
        if (ph_http_is_nocase(name, "connection") && connection_cnt < PH_LEN(connection) &&
            !ph_http_is_nocase(value, "keep-alive") && !ph_http_is_nocase(value, "close"))
            connection[connection_cnt++] = value;
        fields[cnt++] = (struct ph_http_field){name, value};
    }
    if (r.rest.len != 0)
        BAD("bytes after the head");
    if (!settle(&c, out, no))
        return false;
    for (size_t i = 0; i < cnt; i++)
        if (!ph_http_is_hop_by_hop(fields[i].name) &&
            !named_in_connection(connection, connection_cnt, fields[i].name))
            out->block_len = put_field(block, out->block_len, &fields[i]);
    return true;
}
