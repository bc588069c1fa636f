#include "runtime/engine.h"

#include "base/own.h"
#include "codec/tar.h"
#include "ipc/messages.h"
#include "prelude.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Frames from a phalad that has lost its mind, to a started engine with a phat that does a little
 * of everything. The input is a list of frames in short form, so that mutations stay frames:
 *
 *   type u8, flags u8, id u8, length u8, then that many payload bytes
 *
 * Whatever comes out must be frames that an instance may send. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char phat[] =
    "globalThis.__phat = { default: { async fetch(req, env, ctx) {"
    "  const at = req.headers.get('x-do');"
    "  if (at === 'fetch') { const r = await fetch('https://a.test/', { method: 'POST', body: "
    "req.body ?? 'x' }); return new Response(r.body, r); }"
    "  if (at === 'stream') return new Response(req.body);"
    "  if (at === 'big') return new Response('x'.repeat(400000));"
    "  if (at === 'late') ctx.waitUntil(new Promise((r) => setTimeout(r, 1)));"
    "  if (at === 'throw') throw new Error('x');"
    "  return new Response(await req.text()); }, scheduled(c) { console.log(c.cron); } } };";

static void start(struct ph_ipc_chan *chan)
{
    struct ph_buf tar PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    const struct ph_msg_START msg = {.cpu_ms = 1000,
                                     .wall_ms = 1000,
                                     .memory_mib = 512,
                                     .subrequests = 4,
                                     .env_json = PH_BYTES_LIT("{}")};

    enum ph_err err = ph_tar_add(&tar, "worker.js", ph_bytes_str(phat));
    if (err == PH_OK)
        err = ph_tar_finish(&tar);
    const struct ph_msg_BUNDLE bundle = {.data = ph_buf_view(&tar)};
    if (err == PH_OK)
        err = ph_put_BUNDLE(chan, 0, 0, &bundle);
    if (err == PH_OK)
        err = ph_put_START(chan, 0, 0, &msg);
    assert(err == PH_OK);
}

static void queue(struct ph_ipc_chan *chan, struct ph_reader *r)
{
    uint8_t type, flags, id, len;
    struct ph_bytes payload;

    while (ph_read_u8(r, &type) && ph_read_u8(r, &flags) && ph_read_u8(r, &id) &&
           ph_read_u8(r, &len) && ph_read_view(r, len, &payload)) {
        if (ph_ipc_send(chan, type, flags, id, &payload, 1) != PH_OK)
            return;
    }
}

/* Take what the engine sent; false: nothing there. */
static bool drain(struct ph_ipc_chan *chan, bool *started)
{
    struct ph_ipc_frame f;

    if (ph_ipc_fill(chan) != PH_OK)
        return false;
    enum ph_err err;
    while ((err = ph_ipc_next(chan, &f)) == PH_OK) {
        _Alignas(16) uint8_t msg[512];
        assert(ph_ipc_allowed(f.type, PH_R2D) && ph_ipc_get_raw(&f, f.type, msg) == PH_OK);
        *started = *started || f.type == PH_IPC_STARTED;
    }
    assert(err == PH_ERR_AGAIN);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_prelude_script *script = ph_prelude_script("main");
    struct ph_engine *engine = NULL;
    struct ph_ipc_chan chan;
    enum ph_engine_exit exit;
    char why[256];
    int ends[2];
    bool started = false;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0 ||
        ph_engine_new(&engine, (struct ph_engine_prelude){script->text, script->url}, ends[1], -1,
                      -1, why) != PH_OK)
        abort();
    ph_ipc_chan_init(&chan, ends[0]);
    start(&chan);
    struct ph_reader r = {{data, len}};
    queue(&chan, &r);

    bool goes_on = true;
    for (int turn = 0; turn < 8 && goes_on; turn++) {
        const enum ph_err err = ph_ipc_flush(&chan);
        assert(err == PH_OK || err == PH_ERR_AGAIN || err == PH_ERR_CLOSED);
        goes_on = ph_engine_turn(engine, &exit);
        while (drain(&chan, &started)) {
        }
    }
    assert(started);
    ph_engine_free(engine);
    ph_ipc_chan_clear(&chan);
    return 0;
}
