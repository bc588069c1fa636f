#ifndef PH_RUNTIME_RUN_FIXTURE_H
#define PH_RUNTIME_RUN_FIXTURE_H

/* For tests and benchmarks: a real phala-run zygote and its instances, with the caller in phalad's
 * place. Every function checks what it expects and fails the test otherwise.
 *
 * The binary is named by the environment variable PHALA_RUN.
 */

#include "ipc/messages.h"

#include <sys/types.h>

struct ph_rig {
    pid_t pid; /* the zygote */
    int control;
    char layers[2048];
};

struct ph_rig_instance {
    struct ph_rig *rig;
    struct ph_ipc_chan chan;
    pid_t pid;
    int pidfd, secrets; /* write end of the secrets pipe, -1 once used */
    int state;          /* phalad's end of the state channel */
    char layers[2048];
    struct ph_ipc_frame frame; /* the last one received */
    bool has_start_failed;
    uint64_t commit_index; /* of the last STATE_AT */
};

/* What a phat may use in a test. */
struct ph_rig_limits {
    uint32_t cpu_ms, memory_mib, subrequests;
    bool no_jit;
};

void ph_rig_open(struct ph_rig *rig);
void ph_rig_close(struct ph_rig *rig);
/* SPAWN and wait for READY. */
void ph_rig_spawn(struct ph_rig *rig, struct ph_rig_instance *inst, struct ph_rig_limits limits);
/* Queue BUNDLE and START of a one-file phat. */
void ph_rig_queue_start(struct ph_rig_instance *inst, struct ph_rig_limits limits,
                        const char *script);
/* BUNDLE and START of a one-file phat; waits for STARTED or START_FAIL, which is then inst->frame.
 */
void ph_rig_start(struct ph_rig_instance *inst, struct ph_rig_limits limits, const char *script);
/* spawn and start; START_FAIL fails the test. */
void ph_rig_run(struct ph_rig *rig, struct ph_rig_instance *inst, struct ph_rig_limits limits,
                const char *script);
void ph_rig_drop(struct ph_rig_instance *inst);

/* A GET of http://phat.test/path, the whole request in one frame. */
void ph_rig_get(struct ph_rig_instance *inst, uint64_t id, const char *path);
void ph_rig_flush(struct ph_rig_instance *inst);
/* Wait for the next frame, other than LOG and IDLE unless they are asked for; it is then
 * inst->frame. False: the instance is gone. Fails after 20 s. */
bool ph_rig_next(struct ph_rig_instance *inst);
bool ph_rig_next_raw(struct ph_rig_instance *inst);
/* Nothing comes for so long but word that the calls before are over. */
bool ph_rig_is_quiet(struct ph_rig_instance *inst, int ms);
/* Wait for a frame of this type and id; another one fails the test. */
void ph_rig_expect(struct ph_rig_instance *inst, uint16_t type, uint64_t id);
/* GET and compare the whole answer's body. */
void ph_rig_answers(struct ph_rig_instance *inst, uint64_t id, const char *path, const char *body);
/* Wait for RESP_FAIL of `id` with this code; its message is copied to `message` if not NULL. */
void ph_rig_fails(struct ph_rig_instance *inst, uint64_t id, const char *code,
                  char message[static 4096]);
/* Wait until the zygote reports the instance's end; its wait status. */
int ph_rig_exited(struct ph_rig_instance *inst);

#endif
