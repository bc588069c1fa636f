#ifndef PH_CLI_API_H
#define PH_CLI_API_H

/* A worker's HTTP API from the owner's side: api/openapi.yaml. Every function that fails has told
 * the user (ph_fail) and yields the exit code.
 *
 * Tests: tests/integration/cli.test.mjs.
 */

#include "http_call.h"
#include "owner.h"
#include "trouble.h"

#include "keys/eip712.h"

/* A worker that answered /v1/info. */
struct ph_api {
    struct ph_setting url;         /* without a final slash */
    struct ph_setting ca;          /* "" for none */
    struct ph_eth_address signer;  /* of receipts: this worker's */
    struct ph_eth_address cluster; /* owners sign for it */
    uint8_t caller_x25519[32];
    uint32_t epoch;          /* of that key; 0: it names none */
    bool insecure_simulator; /* it says that its TEE is the simulator */
};

/* Settle the URL (https, or http to this machine) and ask who answers there. */
int ph_api_open(const struct ph_cli *cli, struct ph_api *out);
/* Settle the URL and ask nothing: for a worker that does not say yet who it is. */
int ph_api_settle(const struct ph_cli *cli, struct ph_api *out);
/* The same as ph_api_open for a known URL. */
int ph_api_open_url(const struct ph_cli *cli, const char *url, const char *ca, struct ph_api *out);

struct ph_api_call {
    const char *method, *path; /* path and query */
    const char *auth;          /* value of Authorization, or NULL */
    const char *content_type;  /* of the body; NULL without one */
    struct ph_bytes body;
    const struct ph_http_flow *flow; /* NULL: bodies lie in memory */
    const char *const *more_headers; /* "Name: value", ended by NULL; NULL for none */
    long timeout_s;
};
/* One exchange; PH_EXIT_OK whatever the status. @out initialised with PH_HTTP_ANSWER. */
int ph_api_do(const struct ph_cli *cli, const struct ph_api *api, const struct ph_api_call *call,
              struct ph_http_answer *out);
/* Tell the user why the worker refused: its own error code and message. PH_EXIT_REFUSED. */
int ph_api_refused(const struct ph_cli *cli, const struct ph_api *api,
                   const struct ph_http_answer *answer);
/* ph_api_do, and refuse any status but 2xx, and parse the JSON object. @doc is released by the
 * caller; NULL: the body is not wanted. */
int ph_api_json(const struct ph_cli *cli, const struct ph_api *api, const struct ph_api_call *call,
                json_t **doc);

/* Sign an owner's request; appends the header value and a NUL to `out`. Expires in 5 minutes. */
int ph_api_authorize(const struct ph_cli *cli, const struct ph_api *api,
                     const struct ph_owner *owner, const char *action, const char *name,
                     const struct ph_hash32 *content, uint64_t sequence, struct ph_buf *out);

/* A phat that a user named by id or by name. */
struct ph_target {
    char id[41];                /* hex */
    char name[PH_NAME_MAX + 1]; /* "" until the worker was asked */
    uint64_t sequence;          /* of the last change the worker knows; 0 without one */
    bool exists;
};
/* 40 hex digits are an id; anything else is the name of a phat of `owner`. */
int ph_target_of(const struct ph_cli *cli, const char *text, const struct ph_eth_address *owner,
                 struct ph_target *out);
/* Does the text need an owner's address to become an id? */
bool ph_target_is_name(const char *text);
/* Ask the worker about it: name, sequence, exists. */
int ph_target_look_up(const struct ph_cli *cli, const struct ph_api *api, struct ph_target *target);
/* A sequence greater than any before: the worker's plus one or the wall clock's milliseconds,
 * whichever is greater, so that it holds for deleted phats and other machines too. */
uint64_t ph_target_next_sequence(const struct ph_target *target);

#endif
