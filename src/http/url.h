#ifndef PH_HTTP_URL_H
#define PH_HTTP_URL_H

/* URLs of outgoing requests, taken apart by the same parser that connects (libcurl's), so that what
 * was checked is what is fetched. Numeric forms of IPv4 ("0x7f.1", "2130706433") come out dotted.
 *
 * Layer: http. Tests: url_test.c. Fuzz: url_fuzz.c.
 */

#include "http/egress.h"

enum { PH_HTTP_URL_MAX = 8192 };

struct ph_http_url {
    bool https;
    uint16_t port;
    char host[PH_EGRESS_HOST_MAX + 1]; /* lower case, no trailing dot; IPv6 in brackets */
    char text[PH_HTTP_URL_MAX + 1];    /* whole, normalised, without fragment */
};

/* http or https, a host, no user or password, no character outside printable ASCII, at most 8 KiB.
 * PH_ERR_MALFORMED: *why (static) says what. PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_http_url_parse(struct ph_bytes text, struct ph_http_url *out,
                                         const char **why);
/* A Location field against the URL that gave it. As above. */
PH_CHECKED enum ph_err ph_http_url_join(const struct ph_http_url *base, struct ph_bytes location,
                                        struct ph_http_url *out, const char **why);
/* Scheme, host and port agree. */
bool ph_http_url_same_origin(const struct ph_http_url *a, const struct ph_http_url *b);

#endif
