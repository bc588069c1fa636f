#include "runtime/engine_priv.h"

#include "codec/code.h"
#include "crypto/aead.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* START: the bundle is whole, the secrets are in their pipe; run the script's top level. */

static enum ph_err refuse(struct ph_engine *e, const char *text)
{
    struct ph_bytes message = ph_bytes_str(text);
    if (message.len > PH_ENGINE_LOG_TEXT_MAX)
        message.len = PH_ENGINE_LOG_TEXT_MAX;
    const struct ph_msg_START_FAIL fail = {.message = message};
    ph_engine_check(e, ph_put_START_FAIL(&e->chan, 0, 0, &fail));
    ph_engine_end(e, PH_ENGINE_EXIT_NOT_STARTED);
    return PH_OK;
}

enum ph_err ph_start_bundle(struct ph_engine *e, struct ph_bytes data)
{
    if (e->started)
        return PH_ERR_MALFORMED;
    const enum ph_err err = ph_buf_add(&e->bundle, data);
    return err == PH_ERR_LIMIT ? PH_ERR_MALFORMED : err;
}

/* The member `main` of phat.json, which phalad has checked; worker.js where there is none. */
static enum ph_err main_path(struct ph_engine *e, const struct ph_tar *tar,
                             char out[static PH_TAR_PATH_MAX + 1])
{
    const struct ph_tar_file *manifest = ph_tar_find(tar, PH_BYTES_LIT("phat.json"));
    size_t len = 0;

    (void)snprintf(out, PH_TAR_PATH_MAX + 1, "worker.js");
    if (!manifest)
        return PH_OK;
    const JSStringRef text = ph_string_new(manifest->data);
    if (!text)
        return PH_ERR_NOMEM;
    const JSValueRef doc = JSValueMakeFromJSONString(e->ctx, text);
    JSStringRelease(text);
    if (!doc || !JSValueIsObject(e->ctx, doc))
        return PH_ERR_MALFORMED;
    const JSStringRef key = JSStringCreateWithUTF8CString("main");
    const JSValueRef value =
        JSObjectGetProperty(e->ctx, JSValueToObject(e->ctx, doc, NULL), key, NULL);
    JSStringRelease(key);
    if (!value || JSValueIsUndefined(e->ctx, value))
        return PH_OK;
    if (!JSValueIsString(e->ctx, value))
        return PH_ERR_MALFORMED;
    JSValueRef threw = NULL;
    char *path PH_OWNED(ph_freep) = ph_js_utf8(e->ctx, value, &len, &threw);
    if (!path || len > PH_TAR_PATH_MAX)
        return PH_ERR_MALFORMED;
    (void)snprintf(out, PH_TAR_PATH_MAX + 1, "%s", path);
    return PH_OK;
}

/* Blocks: phala-keyd writes before phalad sends START, and phalad's deadline stands behind it. */
static enum ph_err read_pipe(struct ph_engine *e, uint8_t *out, size_t len)
{
    size_t done = 0;

    while (done < len) {
        const ssize_t n = read(e->secrets_fd, out + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return PH_ERR_CLOSED;
        done += (size_t)n;
    }
    return PH_OK;
}

static enum ph_err read_secrets(struct ph_engine *e, uint32_t len, struct ph_buf *out)
{
    uint8_t *at;

    PH_TRY(ph_buf_reserve(out, len + 1, &at));
    PH_TRY(read_pipe(e, at, len));
    out->len += len;
    return PH_OK;
}

/* The archive becomes the bundle that was signed, or nothing of it is run. */
static enum ph_err decrypt(struct ph_engine *e, const struct ph_msg_START *start,
                           char why[static PH_CODE_WHY_LEN])
{
    uint8_t key[PH_CODE_KEY_LEN];

    (void)snprintf(why, PH_CODE_WHY_LEN, "code: its key did not arrive; deploy it again");
    enum ph_err err = e->secrets_fd < 0 ? PH_ERR_CLOSED : read_pipe(e, key, sizeof(key));
    if (err == PH_OK)
        err = ph_code_open(&e->bundle, key, &start->phat, &start->bundle_hash, why);
    ph_wipe(key, sizeof(key));
    return err;
}

static JSValueRef secrets_value(struct ph_engine *e, uint32_t len, enum ph_err *err)
{
    struct ph_buf text = PH_BUF(PH_ENGINE_SECRETS_MAX + 1);
    JSValueRef value = NULL;

    *err = len == 0                      ? PH_OK
           : len > PH_ENGINE_SECRETS_MAX ? PH_ERR_LIMIT
           : e->secrets_fd < 0           ? PH_ERR_CLOSED
                                         : read_secrets(e, len, &text);
    if (*err == PH_OK)
        value = ph_string_value(e, len == 0 ? PH_BYTES_LIT("{}") : ph_buf_view(&text));
    if (text.ptr)
        ph_wipe(text.ptr, text.cap);
    ph_buf_clear(&text);
    ph_closep(&e->secrets_fd);
    e->secrets_fd = -1;
    return value;
}

static JSValueRef hex_value(struct ph_engine *e, const uint8_t *bytes, size_t len)
{
    char hex[65];
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    return ph_string_value(e, (struct ph_bytes){(const uint8_t *)hex, 2 * len});
}

/* Run onStart with the script; START_FAIL carries what it threw. */
static enum ph_err run_script(struct ph_engine *e, const struct ph_msg_START *start,
                              const struct ph_tar_file *script)
{
    enum ph_err err;
    JSValueRef threw = NULL;
    const JSValueRef secrets = secrets_value(e, start->secrets_len, &err);
    if (err != PH_OK)
        return refuse(e, "The secrets did not arrive; deploy them again");
    const JSValueRef args[] = {
        ph_string_value(e, start->env_json),
        secrets,
        ph_string_value(e, script->data),
        ph_string_value(e, ph_bytes_str(script->path)),
        hex_value(e, start->phat.b, sizeof(start->phat.b)),
        hex_value(e, start->bundle_hash.b, sizeof(start->bundle_hash.b)),
    };
    const JSValueRef bits = ph_engine_enter(e, PH_HOOK_onStart, 0, PH_LEN(args), args, &threw);

    if (e->stop != PH_STOP_NONE) {
        const bool cpu = e->stop == PH_STOP_CPU;
        e->stop = PH_STOP_NONE;
        return refuse(e, cpu ? "cpu-limit: the script's top level ran for too long"
                             : "memory-limit: the script's top level took too much memory");
    }
    if (threw) {
        char *text PH_OWNED(ph_freep) = ph_engine_describe(e, threw);
        return refuse(e, text ? text : "out of memory");
    }
    if (!bits || !JSValueIsNumber(e->ctx, bits))
        return refuse(e, "internal: the prelude returned no handlers");
    const struct ph_msg_STARTED started = {.handlers =
                                               (uint32_t)JSValueToNumber(e->ctx, bits, NULL)};
    e->started = true;
    PH_TRY(ph_put_STARTED(&e->chan, 0, 0, &started));
    /* Out at once: a call lies behind START already, it may never end, and phalad counts the wall
     * time of calls only from STARTED on. A failure shows again at the end of the turn. */
    ph_engine_ignore(ph_ipc_flush(&e->chan));
    e->turn_at = ph_ipc_queued(&e->chan);
    return PH_OK;
}

enum ph_err ph_start(struct ph_engine *e, const struct ph_msg_START *start)
{
    char why[PH_CODE_WHY_LEN], path[PH_TAR_PATH_MAX + 1], text[256 + PH_TAR_PATH_MAX];

    if (e->started)
        return PH_ERR_MALFORMED;
    e->start = *start;
    e->start.env_json = (struct ph_bytes){NULL, 0};
    if ((start->flags & PH_START_ENCRYPTED) && decrypt(e, start, why) != PH_OK)
        return refuse(e, why);
    struct ph_tar *tar PH_OWNED(ph_freep) = malloc(sizeof(*tar));
    if (!tar)
        return PH_ERR_NOMEM;
    if (ph_tar_parse(ph_buf_view(&e->bundle), tar, why) != PH_OK) {
        (void)snprintf(text, sizeof(text), "bundle: %s", why);
        return refuse(e, text);
    }
    if (main_path(e, tar, path) != PH_OK)
        return refuse(e, "bundle: phat.json is not what phalad has accepted");
    const struct ph_tar_file *script = ph_tar_find(tar, ph_bytes_str(path));
    if (!script) {
        (void)snprintf(text, sizeof(text), "bundle: phat.json names %s, which is not in it", path);
        return refuse(e, text);
    }
    /* An idle phat keeps its archive only if there is something to read in it. */
    const bool only_script =
        tar->file_cnt == 1 || (tar->file_cnt == 2 && ph_tar_find(tar, PH_BYTES_LIT("phat.json")));
    if (!only_script)
        e->files = tar;
    const enum ph_err err = run_script(e, start, script);
    if (only_script)
        ph_buf_clear(&e->bundle);
    else
        tar = NULL; /* kept, for asset() */
    return err;
}
