/* Egress rules: what parses matches itself and nothing next to it. */
#include "http/egress.h"

#include <assert.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_egress_rule rule, again;
    char why[128] = "", text[320], below[PH_EGRESS_HOST_MAX + 3];

    if (ph_egress_rule_parse((struct ph_bytes){data, len}, &rule, why) != PH_OK) {
        assert(why[0] && memchr(why, 0, sizeof(why)));
        return 0;
    }
    struct ph_bytes host = ph_bytes_str(rule.host);
    assert(host.len > 0 && rule.port > 0);
    assert(ph_egress_rule_matches(&rule, rule.https, host, rule.port) == !rule.any_subdomain);
    assert(!ph_egress_rule_matches(&rule, !rule.https, host, rule.port));
    (void)snprintf(below, sizeof(below), "x.%s", rule.host);
    assert(ph_egress_rule_matches(&rule, rule.https, ph_bytes_str(below), rule.port) ==
           rule.any_subdomain);
    (void)snprintf(text, sizeof(text), "http%s://%s%s:%u", rule.https ? "s" : "",
                   rule.any_subdomain ? "*." : "", rule.host, rule.port);
    enum ph_err err = ph_egress_rule_parse(ph_bytes_str(text), &again, why);
    assert(err == PH_OK && strcmp(again.host, rule.host) == 0 && again.port == rule.port);
    return 0;
}
