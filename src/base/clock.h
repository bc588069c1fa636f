#ifndef PH_BASE_CLOCK_H
#define PH_BASE_CLOCK_H

/* Calendar text and Unix seconds. Reads no clock except the two functions that say so.
 *
 * Layer: base. Spec: RFC 3339 §5.6; X.680 UTCTime and GeneralizedTime as profiled by RFC 5280
 * §4.1.2.5. Tests: base_test.c.
 */

#include "base/bytes.h"

/* "2025-06-19T10:32:27Z" and no other form -> Unix seconds. PH_ERR_MALFORMED otherwise. */
PH_CHECKED enum ph_err ph_time_parse_rfc3339(struct ph_bytes text, int64_t *out_s);
/* UTCTime "250619103227Z" (50..99 is 19xx) or GeneralizedTime "20250619103227Z". */
PH_CHECKED enum ph_err ph_time_parse_asn1_utc(struct ph_bytes text, int64_t *out_s);
PH_CHECKED enum ph_err ph_time_parse_asn1_generalized(struct ph_bytes text, int64_t *out_s);
/* Writes 20 characters and a NUL; years 0..9999 only, others are clamped. */
void ph_time_format_rfc3339(int64_t s, char out[static 21]);

/* The wall clock, Unix milliseconds; and a clock that never goes back, nanoseconds. */
int64_t ph_clock_wall_ms(void);
int64_t ph_clock_mono_ns(void);

#endif
