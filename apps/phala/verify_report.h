#ifndef PH_CLI_VERIFY_REPORT_H
#define PH_CLI_VERIFY_REPORT_H

/* The steps of `phala verify` as they are taken: one list for people and for --json.
 *
 * Tests: verify_test.c.
 */

#include "base/bytes.h"
#include "codec/json.h"

#include <stdbool.h>

enum ph_step_result { PH_STEP_SKIPPED, PH_STEP_PASSED, PH_STEP_FAILED };

/* A zeroed report is empty; release `steps` with json_decref. */
struct ph_verify_report {
    json_t *steps; /* array of {"check","result","says","bytes":[{"name","hex"}],…} */
    size_t fail_cnt;
    bool no_memory; /* some step could not be written down: the report must not be believed */
};

/* Add a step; yields it to hang bytes on (NULL when out of memory, which the next functions take).
 * @name  stable; @says  what was done and what came out, printf-style */
json_t *ph_report_step(struct ph_verify_report *report, const char *name,
                       enum ph_step_result result, const char *says, ...)
    __attribute__((format(printf, 4, 5)));
/* Bytes that a step looked at or computed; more than 512 are shown by their length and
 * beginning. */
void ph_report_bytes(struct ph_verify_report *report, json_t *step, const char *name,
                     struct ph_bytes bytes);

/* For people, on standard output. @explain  print the checks inside the evidence's steps too */
void ph_report_print(const struct ph_verify_report *report, bool explain);

#endif
