#ifndef PH_NODE_GUEST_CALLS_PRIV_H
#define PH_NODE_GUEST_CALLS_PRIV_H

/* One call to the guest agent, for the files that answer them: guest_calls.c, guest_tls.c. */

#include "codec/jput.h"
#include "codec/json.h"
#include "node/attester.h"
#include "node/calls.h"

enum { PH_GUEST_ANSWER_MAX = 512 * 1024 };

struct ph_guest_method;
struct ph_guest_tls; /* guest_tls.c: a certificate that waits for its quote */

struct ph_guest_call {
    struct ph_exchange ex;
    struct ph_node *node;
    struct ph_http_req *req;
    struct ph_phat_id id;
    const struct ph_guest_method *method;
    struct ph_buf body;
    struct ph_attest_wish wish;
    const char *hash_algorithm; /* of a legacy quote: what its answer says */
    struct ph_guest_tls *tls;   /* owned; NULL: none */
    bool answered;
};

void ph_guest_refuse(struct ph_guest_call *call, uint16_t status, const char *message);
/* Send what was written; it may hold a key, and is wiped. */
void ph_guest_answer(struct ph_guest_call *call, struct ph_jput *j);

/* /GetTlsKey: a random key. /prpc/Tappd.DeriveKey: that of a path, unless "random_seed". */
void ph_guest_get_tls_key(struct ph_guest_call *call, const json_t *params);
void ph_guest_derive_key(struct ph_guest_call *call, const json_t *params);
/* /Info. */
void ph_guest_info(struct ph_guest_call *call, const json_t *params);
void ph_guest_tls_free(struct ph_guest_tls *tls);

#endif
