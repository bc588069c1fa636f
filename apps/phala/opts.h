#ifndef PH_CLI_OPTS_H
#define PH_CLI_OPTS_H

/* Options of a command as one table that feeds the parser, the help text and shell completion.
 *
 * Forms: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, --flag, -f; "--" ends the options; "-"
 * alone is an operand. Options and operands may be mixed. A table ends with an entry without a
 * name.
 *
 * Tests: opts_test.c.
 */

#include "base/bytes.h"

enum {
    PH_OPTS_GIVEN_MAX = 64, /* options and operands of one command line */
};

/* One option. `arg` is the placeholder of its value (NULL: a flag); a placeholder "FILE" or "DIR"
 * also tells shell completion what to offer. */
struct ph_opt {
    const char *name; /* long name, without dashes */
    char letter;      /* short name, or 0 */
    const char *arg;
    const char *help; /* one line */
};

/* A parsed command line. Strings are borrowed from argv. */
struct ph_opts {
    struct {
        const struct ph_opt *opt;
        const char *value; /* NULL for a flag */
    } given[PH_OPTS_GIVEN_MAX];
    size_t given_cnt;
    const char *operands[PH_OPTS_GIVEN_MAX];
    size_t operand_cnt;
};

/**
 * Parse argv[1..argc-1].
 *
 * @tables  option tables that hold for this command, ended by NULL; borrowed by `out`
 * @why     a sentence for the user: what is wrong and what to do
 * Returns  PH_ERR_MALFORMED  unknown option, missing value, value for a flag
 *          PH_ERR_LIMIT      more than PH_OPTS_GIVEN_MAX options or operands
 */
PH_CHECKED enum ph_err ph_opts_parse(const struct ph_opt *const *tables, int argc, char **argv,
                                     struct ph_opts *out, char why[static 256]);

/* Last value given for an option; NULL without one. */
const char *ph_opts_get(const struct ph_opts *opts, const char *name);
/* True if the option was given at least once. */
bool ph_opts_has(const struct ph_opts *opts, const char *name);
/* Step through the values of an option that may repeat: *at starts at 0. NULL after the last. */
const char *ph_opts_next(const struct ph_opts *opts, const char *name, size_t *at);

/* A decimal number in min..max without sign or blanks. PH_ERR_MALFORMED otherwise. */
PH_CHECKED enum ph_err ph_opts_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

#endif
