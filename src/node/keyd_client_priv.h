#ifndef PH_NODE_KEYD_CLIENT_PRIV_H
#define PH_NODE_KEYD_CLIENT_PRIV_H

/* The channel under keyd_client.h: keyd_channel.c starts phala-keyd, sends, receives and waits;
 * keyd_client.c knows the messages.
 *
 * The lock is never held while something waits: whoever waits polls the socket without it, or
 * sleeps until the one who polls has its answer.
 */

#include "base/own.h"
#include "node/keyd_client.h"

#include <pthread.h>
#include <sys/types.h>

enum { PH_KEYD_DATAGRAM_MAX = 112 * 1024 }; /* as phala-keyd takes them */

/* A batch that was sent; `done` when its signature (or refusal) lies here. Slots are handed out and
 * collected in the order of sending, which is the order phala-keyd answers in. */
struct ph_keyd_batch {
    uint64_t id, tag;
    int64_t sent_ns;
    bool done;
    enum ph_err result;
    uint8_t sig[65];
};

/* A call that waits, on its thread's stack. */
struct ph_keyd_wait {
    uint64_t id;
    int64_t sent_ns;
    bool done;
    struct ph_buf answer; /* the datagram; owned by the caller */
    struct ph_keyd_wait *next;
};

struct ph_keyd_client {
    pthread_mutex_t lock;   /* everything below except what never changes after the start */
    pthread_cond_t changed; /* a wait is done, nobody polls any more, or the channel closed */
    int sock, event_fd, wake_fd, epoll_fd;
    pid_t pid;
    struct ph_keyd_info info;
    uint64_t next_id;
    bool closed;
    bool polling; /* one of the waiting threads polls the socket */
    bool in_loop; /* ph_keyd_client_poll looks at the batches when it has received */
    struct ph_keyd_wait *waits;
    struct ph_keyd_batch batch[PH_KEYD_BATCHES_MAX]; /* ring */
    size_t batch_at, batch_cnt;
    uint8_t in[PH_KEYD_DATAGRAM_MAX];
};

/* The class in a refusal, which comes over a channel. */
PH_CHECKED enum ph_err ph_keyd_fail_class(uint8_t err);

/* Fork and exec, and the descriptors. PH_ERR_IO. */
PH_CHECKED enum ph_err ph_keyd_spawn(struct ph_keyd_client *client,
                                     const struct ph_keyd_config *config);
/* Wait for the process to go; SIGKILL after a second. */
void ph_keyd_reap(pid_t pid);

/* With the lock held. */
uint64_t ph_keyd_next_id(struct ph_keyd_client *client);
/* Take what has come and hand it to batches and waits. PH_ERR_AGAIN: all taken. PH_ERR_CLOSED. */
PH_CHECKED enum ph_err ph_keyd_receive_all(struct ph_keyd_client *client);
/* Everything under way ends with PH_ERR_CLOSED. */
void ph_keyd_gone(struct ph_keyd_client *client);

/* Without the lock: send `request`, which carries `id`, and wait for the answer. *frame points into
 * *answer, which is the caller's to clear. */
PH_CHECKED enum ph_err ph_keyd_exchange(struct ph_keyd_client *client, struct ph_bytes request,
                                        uint64_t id, const int *fds, size_t fd_cnt,
                                        struct ph_buf *answer, struct ph_ipc_frame *frame);
/* A question being asked: what goes out and what came back. PH_KEYD_QUESTION declares one, `q`. */
struct ph_keyd_question {
    uint64_t id;
    struct ph_buf request, answer;
    struct ph_ipc_frame frame; /* of the answer */
};
void ph_keyd_question_clear(struct ph_keyd_question *q);
#define PH_KEYD_QUESTION                                                                           \
    struct ph_keyd_question q PH_OWNED(ph_keyd_question_clear) = {                                 \
        .request = PH_BUF(PH_KEYD_DATAGRAM_MAX), .answer = PH_BUF(PH_KEYD_DATAGRAM_MAX)}
/* Give it its id; then encode q->request with that, and ask. */
void ph_keyd_begin(struct ph_keyd_client *client, struct ph_keyd_question *q);
PH_CHECKED enum ph_err ph_keyd_ask(struct ph_keyd_client *client, struct ph_keyd_question *q,
                                   const int *fds, size_t fd_cnt);
/* Ask what was encoded; until phala-keyd says something else, `why` says that it does not answer.
 */
PH_CHECKED enum ph_err ph_keyd_ask_encoded(struct ph_keyd_client *client,
                                           struct ph_keyd_question *q, enum ph_err encoded,
                                           const int *fds, size_t fd_cnt,
                                           char why[static PH_KEYD_WHY_LEN]);
/* Class and sentence of an answer that is not what was asked for. `why`, of PH_KEYD_WHY_LEN, may be
 * NULL. */
PH_CHECKED enum ph_err ph_keyd_refusal(const struct ph_keyd_question *q, char *why);
/* Something that was asked PH_KEYD_STALL_MS ago has no answer: another question now would only
 * wait. */
bool ph_keyd_is_stalled(struct ph_keyd_client *client);
/* For the event loop: `encoded`, or PH_ERR_AGAIN instead of PH_OK while phala-keyd is stalled. */
PH_CHECKED enum ph_err ph_keyd_unless_stalled(struct ph_keyd_client *client, enum ph_err encoded);

#endif
