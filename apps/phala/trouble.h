#ifndef PH_CLI_TROUBLE_H
#define PH_CLI_TROUBLE_H

/* A refusal on its way to the user: what was wrong, where, what to do. Filled by whoever finds it,
 * printed once by the command (ph_fail_trouble in cli.h) or by the development loop.
 */

#include "base/err.h"

struct ph_trouble {
    char code[40]; /* stable, lower-case: "bad-manifest" */
    char message[4096];
    char where[512]; /* "" if the message says it all */
    char todo[256];  /* "" likewise */
};

/* Fill; yields `err`, so that a caller returns it in the same line. */
PH_CHECKED enum ph_err ph_trouble_set(struct ph_trouble *t, enum ph_err err, const char *code,
                                      const char *where, const char *todo, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));
/* Fill, for what may yet go wrong without a word of its own. */
void ph_trouble_note(struct ph_trouble *t, const char *code, const char *where,
                     const char *message);

#endif
