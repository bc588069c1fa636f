#ifndef PH_HTTP_EGRESS_H
#define PH_HTTP_EGRESS_H

/* Where a phat may connect to: the rules of its manifest, and which addresses are public. Pure.
 *
 * Refused addresses, IPv4 and IPv6 (also v4-mapped, 6to4, Teredo, NAT64 forms of them):
 * unspecified, loopback, link-local, private (RFC 1918, ULA), CGNAT 100.64/10, 169.254.169.254 and
 * other metadata services, multicast, broadcast, documentation, benchmarking, reserved. [IANA
 * IPv4 and IPv6 special-purpose address registries]
 *
 * Layer: http. Tests: egress_test.c. Fuzz: egress_fuzz.c.
 */

#include "base/bytes.h"

enum { PH_EGRESS_HOST_MAX = 253 };

/* One line of a manifest's egress list: scheme, host, port (default of the scheme): as in
 * "https://api.example.org" or "http://example.org:8080". The host is exact, or has "*." in front
 * for one or more labels. No path. */
struct ph_egress_rule {
    bool https;
    bool any_subdomain;
    char host[PH_EGRESS_HOST_MAX + 1]; /* lower-case, no trailing dot; IDNs in A-label form; IPv6 in
                                          brackets, as written */
    uint16_t port;
};
/* PH_ERR_MALFORMED: why (128 bytes) says what. A single "*" as host is refused, and so is "*." in
 * front of a single label. */
PH_CHECKED enum ph_err ph_egress_rule_parse(struct ph_bytes text, struct ph_egress_rule *out,
                                            char why[static 128]);
/* `host` in any case, without trailing dot. */
bool ph_egress_rule_matches(const struct ph_egress_rule *rule, bool https, struct ph_bytes host,
                            uint16_t port);

/* True if the sockaddr is one that a phat may reach. Families other than IPv4 and IPv6 are not. */
struct sockaddr;
bool ph_egress_address_public(const struct sockaddr *address);

#endif
