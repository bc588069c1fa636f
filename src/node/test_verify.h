#ifndef PH_NODE_TEST_VERIFY_H
#define PH_NODE_TEST_VERIFY_H

/* For tests of the two verifiers that a worker offers: asks one, and reads its answer. */

#include "base/test.h"
#include "codec/json.h"
#include "node/verify_judge.h"

#define H20 "1111111111111111111111111111111111111111"
#define H32 "2222222222222222222222222222222222222222222222222222222222222222"
#define EVENT(name, payload)                                                                       \
    "{'imr':3,'event_type':134217729,'digest':'','event':'" name "','event_payload':'" payload "'" \
    "}"
#define PROVIDER "7b226e616d65223a226b6d73222c226964223a2261626364227d" /* kms, abcd */
#define BOOT                                                                                       \
    EVENT("app-id", H20)                                                                           \
    "," EVENT("compose-hash", H32) "," EVENT("boot-mr-done", "") "," EVENT("key-provider", PROVIDER)
/* Single quotes stand for double ones. */
extern const char boot_log[];
void quotes(char *text);

/* What stands for the worker's collateral, and the request and answer of a case. */
extern struct verify_rig {
    struct ph_collateral *kept;
    char asked_for[PH_COLLATERAL_NAME_LEN];
    struct ph_attest_roots roots;
    struct ph_os_images *images;
    struct ph_verify_answer answer;
    json_t *doc;
    char body[256 * 1024];
} rig;

typedef void verify_fn(const struct ph_verify_env *, struct ph_bytes, struct ph_verify_answer *);

/* Ask, read the answer, forget the one before. */
uint16_t ask_at(verify_fn *verify, struct ph_bytes request, int64_t now_s);
/* The same at the moment of synthetic evidence. */
uint16_t ask(verify_fn *verify, const char *request);
void forget_kept(void);
void done(void);

/* A member of the answer, or of a member of it. */
const json_t *at(const char *a, const char *b);
bool is(const char *a, const char *b, const char *text);
/* The answer's reason has this part. */
bool says(const char *part);

#endif
