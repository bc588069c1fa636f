#ifndef PH_NODE_ZYGOTE_H
#define PH_NODE_ZYGOTE_H

/* phalad's end of the channel to the zygote of phala-run: start it, have it fork instances.
 *
 * Layer: node. Messages: ipc/messages.h. Tests: the integration tests.
 */

#include "ipc/messages.h"

struct ph_zygote {
    int sock; /* owned, SOCK_SEQPACKET, non-blocking; readable: call ph_zygote_next */
    int pid;
    char layers[1024]; /* of ZYGOTE_UP */
};

struct ph_zygote_how {
    bool require_full; /* it refuses where a sandbox layer is missing */
    bool spare;        /* it keeps a process that is ready to become an instance */
};

/* Start `path --zygote` and wait for ZYGOTE_UP, at most 10 s. PH_ERR_IO, PH_ERR_CLOSED (it refused:
 * its log says why), PH_ERR_AGAIN (no answer). */
PH_CHECKED enum ph_err ph_zygote_start(const char *path, struct ph_zygote_how how,
                                       struct ph_zygote *out);
/* Closing the channel ends it and every instance. */
void ph_zygote_stop(struct ph_zygote *zygote);
/* Ask for one instance; the descriptors are the instance's ends, borrowed. SPAWNED or SPAWN_FAIL
 * with this id answers. */
PH_CHECKED enum ph_err ph_zygote_spawn(struct ph_zygote *zygote, uint64_t id, uint32_t memory_mib,
                                       bool jit, int instance_sock, int secrets_read,
                                       int state_sock);

enum ph_zygote_event_kind { PH_ZYGOTE_SPAWNED, PH_ZYGOTE_SPAWN_FAIL, PH_ZYGOTE_EXITED };
struct ph_zygote_event {
    enum ph_zygote_event_kind kind;
    uint64_t id; /* of the request; 0: EXITED */
    uint32_t pid, wait_status;
    int pidfd; /* SPAWNED: the caller's; -1 otherwise */
    char message[256];
};
/* PH_ERR_AGAIN: nothing now. PH_ERR_CLOSED, PH_ERR_MALFORMED: it is gone, or must go. */
PH_CHECKED enum ph_err ph_zygote_next(struct ph_zygote *zygote, struct ph_zygote_event *out);

#endif
