#ifndef PH_RUNTIME_IDEM_H
#define PH_RUNTIME_IDEM_H

/* Calls that run at most once: those with an Idempotency-Key, of a phat with state.
 *
 * The whole request is collected before the handler sees it. Its answer becomes a row of the
 * phat's own database (_phala_idem) in the turn that gives it, so that both are durable together
 * or not at all; a repeat gets that row.
 *
 * Semantics: draft-ietf-httpapi-idempotency-key-header. Tests: run_idem_test.c,
 * tests/integration/idempotency.test.mjs.
 */

#include "runtime/idem_fields.h"
#include "runtime/natives_priv.h"

enum {
    PH_IDEM_REQUEST_MAX = 1024 * 1024, /* bytes of a request's body */
    PH_IDEM_WAITING_MAX = 16 << 20,    /* bytes of all bodies that are being collected */
    PH_IDEM_ANSWER_MAX = 256 * 1024,   /* bytes of an answer's body that is kept */
    PH_IDEM_ROWS = 10000,              /* answers kept … */
    PH_IDEM_AGE_MS = 24 * 3600 * 1000, /* … for so long */
    PH_IDEM_ALONE_MAX = 256,           /* calls whose caller left and that go on … */
    PH_IDEM_SWEEP_MS = 1000,           /* … looked at so often */
};

struct ph_idem {
    struct ph_idem *next; /* in turns->idems */
    struct ph_call *call; /* borrowed */
    char key[PH_IDEM_KEY_MAX + 1];
    uint8_t request[32];        /* SHA-256 over what makes two requests the same */
    struct ph_buf head, body;   /* of the request, while it is collected */
    size_t method_len, url_len; /* head: method, URL, header block */
    int64_t due_ns;             /* the call's time is up */
    bool runs;                  /* the handler has it */
    bool alone;                 /* its caller left */
};

/* A call came, all of it (`whole`) or its beginning. True: it has no key, the caller goes on with
 * it. False: it is dealt with here. */
bool ph_idem_passes(struct ph_engine *e, struct ph_call *call, const struct ph_msg_CALL *m,
                    bool whole);
/* More of its body; its end. For calls with a key that do not run yet. */
void ph_idem_body(struct ph_engine *e, struct ph_call *call, struct ph_bytes data);
void ph_idem_end(struct ph_engine *e, struct ph_call *call);
static inline bool ph_idem_collects(const struct ph_call *call)
{
    return call->idem && !call->idem->runs;
}

/* The caller left. True: the call goes on without it. */
bool ph_idem_goes_on(struct ph_engine *e, struct ph_call *call);
/* End calls whose callers left: those whose time is up, and those that stream to nobody. */
void ph_idem_sweep(struct ph_engine *e);

/* The answer's head, with its whole body if `whole`: becomes a row in this turn. If it cannot, the
 * turn is broken: it is rolled back, and the answer with it. */
void ph_idem_answer(struct ph_engine *e, struct ph_call *call, uint16_t status,
                    struct ph_bytes headers, const struct ph_arg_body *body, bool whole);

/* The call is over. */
void ph_idem_drop(struct ph_engine *e, struct ph_idem *idem);

#endif
