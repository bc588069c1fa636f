#ifndef PH_NODE_CRON_H
#define PH_NODE_CRON_H

/* Five-field cron expressions in UTC: minute hour day-of-month month day-of-week. Numbers, "*",
 * lists, ranges, steps. As POSIX has it, when both day fields are restricted either may match. Day
 * of week 0..7, 0 and 7 are Sunday.
 *
 * Layer: node. Spec: POSIX.1-2017 crontab. Tests: cron_test.c, cron_fuzz.c.
 */

#include "base/bytes.h"

struct ph_cron {
    char text[65]; /* as written */
    uint64_t minutes;
    uint32_t hours, days, months, weekdays; /* bit n: n matches */
    bool any_day, any_weekday;
};

/* PH_ERR_MALFORMED. */
PH_CHECKED enum ph_err ph_cron_parse(struct ph_bytes text, struct ph_cron *out);
/* First matching minute after `after_s` (Unix seconds); PH_ERR_NOT_FOUND: none within five years.
 */
PH_CHECKED enum ph_err ph_cron_next(const struct ph_cron *cron, int64_t after_s, int64_t *out_s);

#endif
