#include "runtime/child.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum {
    /* Descriptors of an instance after it entered the sandbox: PH_CHILD_FDS in order. A spare has
     * its order socket in all three places, which keeps them free. */
    FD_CHANNEL = 3,
    FD_SECRETS = 4,
    FD_STATE = 5,          /* where phalad passed a state channel */
    SPARE_MEMORY_MIB = 64, /* until its order comes; the zygote sets the phat's limit before that */
    ORDER_MAX = 256,
};

/* What comes before the VM. `out_statm` is the open /proc/self/statm. */
static void begin(const struct ph_child *child, const struct ph_sandbox_child *sandboxed,
                  const char *name, bool jit, struct ph_sandbox_report *report, int *out_statm)
{
    sigset_t none;

    (void)prctl(PR_SET_NAME, name);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (ph_sandbox_enter_before_vm(child->sandbox, sandboxed, report) != PH_OK)
        _exit(PH_ENGINE_EXIT_SANDBOX);
    /* Options of the engine are read when its library initialises. */
    if (!jit && setenv("JSC_useJIT", "false", 1) != 0)
        _exit(PH_ENGINE_EXIT_FAILED);
    *out_statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (*out_statm < 0 || ph_engine_init() != PH_OK)
        _exit(PH_ENGINE_EXIT_FAILED);
}

/* The VM, the rest of the sandbox, and the phat. */
static _Noreturn void serve(const struct ph_child *child, const struct ph_sandbox_child *sandboxed,
                            bool has_state, int statm, struct ph_sandbox_report *report)
{
    struct ph_engine *engine = NULL;
    char why[256], layers[PH_SANDBOX_TEXT_MAX];

    if (fcntl(FD_CHANNEL, F_SETFL, O_NONBLOCK) != 0 ||
        ph_engine_new(&engine, child->prelude, FD_CHANNEL, FD_SECRETS, statm, why) != PH_OK)
        _exit(PH_ENGINE_EXIT_FAILED);
    if (has_state)
        ph_engine_state_channel(engine, FD_STATE);
    if (ph_sandbox_enter_after_vm(child->sandbox, sandboxed, report) != PH_OK)
        _exit(PH_ENGINE_EXIT_SANDBOX);
    ph_sandbox_report_text(report, layers);
    /* _exit: destructors of the engine's library have nothing to save, and threads are running. */
    _exit((int)ph_engine_run(engine, layers));
}

void ph_child_run(const struct ph_child *child, const struct ph_msg_SPAWN *spawn,
                  const int fds[static PH_CHILD_FDS], size_t fd_cnt)
{
    const struct ph_sandbox_child sandboxed = {.slot = child->slot,
                                               .memory_mib = spawn->memory_mib,
                                               .fds = {fds[0], fds[1], fds[2]},
                                               .fd_cnt = fd_cnt};
    struct ph_sandbox_report report;
    int statm;

    begin(child, &sandboxed, "phala-phat", spawn->jit, &report, &statm);
    serve(child, &sandboxed, fd_cnt == PH_CHILD_FDS, statm, &report);
}

/* Wait for the order and put its descriptors where an instance has them. False: none will come. */
static bool take_order(bool jit, bool *out_has_state)
{
    uint8_t raw[ORDER_MAX];
    size_t len, fd_cnt = 0;
    int fds[PH_CHILD_FDS];
    struct ph_ipc_frame frame;
    struct ph_msg_SPAWN spawn;

    if (send(FD_CHANNEL, "", 1, MSG_NOSIGNAL) != 1 ||
        ph_ipc_recv_fds(FD_CHANNEL, raw, sizeof(raw), &len, fds, PH_LEN(fds), &fd_cnt) != PH_OK)
        return false;
    if (fd_cnt < 2 || ph_ipc_decode((struct ph_bytes){raw, len}, &frame) != PH_OK ||
        ph_get_SPAWN(&frame, &spawn) != PH_OK || spawn.jit != jit)
        return false;
    for (size_t i = 0; i < fd_cnt; i++) {
        if (dup2(fds[i], FD_CHANNEL + (int)i) < 0)
            return false;
        (void)close(fds[i]);
    }
    *out_has_state = fd_cnt == PH_CHILD_FDS;
    if (!*out_has_state)
        (void)close(FD_STATE);
    return true;
}

void ph_child_wait(const struct ph_child *child, bool jit, int order)
{
    const struct ph_sandbox_child sandboxed = {.slot = child->slot,
                                               .memory_mib = SPARE_MEMORY_MIB,
                                               .fds = {order, order, order},
                                               .fd_cnt = PH_CHILD_FDS};
    struct ph_sandbox_report report;
    bool has_state;
    int statm;

    begin(child, &sandboxed, "phala-spare", jit, &report, &statm);
    if (!take_order(jit, &has_state))
        _exit(PH_ENGINE_EXIT_CLOSED);
    (void)prctl(PR_SET_NAME, "phala-phat");
    serve(child, &sandboxed, has_state, statm, &report);
}
