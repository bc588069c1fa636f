#include "http/ws_head.h"

#include "http/syntax.h"

#include <gnutls/crypto.h>
#include <stdio.h>

enum { SHA1_LEN = 20, ACCEPT_LEN = 28 };

static bool put_base64(const uint8_t *bytes, size_t len, char *out, size_t text_len)
{
    const gnutls_datum_t raw = {(void *)(uintptr_t)bytes, (unsigned)len};
    gnutls_datum_t text;

    if (gnutls_base64_encode2(&raw, &text) < 0)
        return false;
    const bool fits = text.size == text_len;
    if (fits)
        memcpy(out, text.data, text_len);
    out[fits ? text_len : 0] = 0;
    gnutls_free(text.data);
    return fits;
}

enum ph_err ph_http_ws_key_new(struct ph_http_ws_key *out)
{
    struct ph_http_ws_key key;
    uint8_t bytes[16];

    if (gnutls_rnd(GNUTLS_RND_NONCE, bytes, sizeof(bytes)) < 0 ||
        !put_base64(bytes, sizeof(bytes), key.text, PH_HTTP_WS_KEY_LEN))
        return PH_ERR_IO;
    *out = key;
    return PH_OK;
}

enum ph_err ph_http_ws_head_put(const struct ph_http_url *url, const struct ph_http_ws_key *key,
                                struct ph_buf *out)
{
    const char *authority = strstr(url->text, "://");
    const char *target = authority ? strpbrk(authority + 3, "/?") : NULL;
    const bool usual = url->port == (url->https ? 443 : 80);

    PH_TRY(ph_buf_addf(out, "GET %s%s HTTP/1.1\r\nHost: %s", target && *target == '/' ? "" : "/",
                       target ? target : "", url->host));
    if (!usual)
        PH_TRY(ph_buf_addf(out, ":%u", url->port));
    return ph_buf_addf(out,
                       "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n"
                       "User-Agent: phala\r\n\r\n",
                       key->text);
}

/* [RFC 6455 §4.2.2]: base64 of SHA-1 over the key and this GUID. SHA-1 proves nothing to anybody
 * here: it tells servers of this protocol from others. */
static enum ph_err expected(const struct ph_http_ws_key *key, char out[static ACCEPT_LEN + 1])
{
    char text[128];
    uint8_t digest[SHA1_LEN];
    const int len =
        snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key->text);

    if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, (size_t)len, digest) < 0 ||
        !put_base64(digest, sizeof(digest), out, ACCEPT_LEN))
        return PH_ERR_IO;
    return PH_OK;
}

struct agreed {
    bool upgrade, connection, accept, other;
};

static enum ph_err read_field(struct ph_bytes line, const char *accept, struct agreed *got)
{
    struct ph_http_field f;

    if (!ph_http_field_parse(line, &f))
        return PH_ERR_MALFORMED;
    if (ph_http_is_nocase(f.name, "upgrade"))
        got->upgrade = ph_http_is_nocase(f.value, "websocket");
    else if (ph_http_is_nocase(f.name, "connection"))
        got->connection |= ph_http_list_has(f.value, "upgrade");
    else if (ph_http_is_nocase(f.name, "sec-websocket-extensions") ||
             ph_http_is_nocase(f.name, "sec-websocket-protocol"))
        got->other = true;
    else if (!ph_http_is_nocase(f.name, "sec-websocket-accept"))
        return PH_OK;
    else if (got->accept || !ph_bytes_is(f.value, accept))
        got->other = true;
    else
        got->accept = true;
    return PH_OK;
}

enum ph_err ph_http_ws_head_check(struct ph_bytes bytes, const struct ph_http_ws_key *key,
                                  size_t *head_len)
{
    const size_t seen = bytes.len < PH_HTTP_WS_HEAD_MAX ? bytes.len : (size_t)PH_HTTP_WS_HEAD_MAX;
    const uint8_t *end = seen > 0 ? memmem(bytes.ptr, seen, "\r\n\r\n", 4) : NULL;
    char accept[ACCEPT_LEN + 1];
    struct agreed got = {0};
    struct ph_bytes line;
    uint16_t status;

    if (!end)
        return bytes.len < PH_HTTP_WS_HEAD_MAX ? PH_ERR_AGAIN : PH_ERR_LIMIT;
    const size_t len = (size_t)(end - bytes.ptr) + 4;
    struct ph_bytes rest = {bytes.ptr, len - 2};
    PH_TRY(expected(key, accept));
    if (!ph_http_line_next(&rest, &line) || !ph_http_status_parse(line, &status))
        return PH_ERR_MALFORMED;
    while (ph_http_line_next(&rest, &line))
        PH_TRY(read_field(line, accept, &got));
    if (status != 101 || !got.upgrade || !got.connection || !got.accept || got.other)
        return PH_ERR_UNSUPPORTED;
    *head_len = len;
    return PH_OK;
}
