#include "http/egress.h"

#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

static bool parse(const char *text, struct ph_egress_rule *rule)
{
    char why[128] = "";
    enum ph_err err = ph_egress_rule_parse(ph_bytes_str(text), rule, why);

    CHECK(err == PH_OK || (err == PH_ERR_MALFORMED && why[0]));
    return err == PH_OK;
}

TEST(rules_are_parsed)
{
    struct ph_egress_rule r;

    CHECK(parse("https://API.Example.org", &r));
    CHECK(r.https && !r.any_subdomain && r.port == 443 && strcmp(r.host, "api.example.org") == 0);
    CHECK(parse("http://*.example.org:8080", &r));
    CHECK(!r.https && r.any_subdomain && r.port == 8080 && strcmp(r.host, "example.org") == 0);
    CHECK(parse("https://[2606:4700::1111]:8443", &r));
    CHECK(r.port == 8443 && strcmp(r.host, "[2606:4700::1111]") == 0);
    CHECK(parse("https://xn--bcher-kva.example", &r));
    CHECK(parse("http://localhost", &r) && r.port == 80);
}

TEST(rules_that_say_too_much_or_nothing_are_refused)
{
    static const char *const bad[] = {
        "",
        "*",
        "https://",
        "https://*",
        "https://*.",
        "https://*.org",
        "https://*.*.example.org",
        "https://a*.example.org",
        "https://api.*.org",
        "api.example.org",
        "ftp://example.org",
        "HTTPS://example.org",
        "https://example.org/",
        "https://example.org/path",
        "https://user@example.org",
        "https://example.org.",
        "https://.example.org",
        "https://a..b",
        "https://example.org:",
        "https://example.org:0",
        "https://example.org:65536",
        "https://example.org:+1",
        "https://example.org:80:80",
        "https://[::1",
        "https://[::g]",
        "https://*.[::1]",
        "https://[fe80::1%25eth0]",
        "https://b\303\274cher.example",
        "https://exa mple.org",
        " https://example.org",
        "https://example.org\n",
    };
    struct ph_egress_rule r;

    for (size_t i = 0; i < PH_LEN(bad); i++)
        if (parse(bad[i], &r))
            fail_msg("accepted: %s", bad[i]);
}

TEST(hosts_and_labels_up_to_their_limits_pass)
{
    for (int extra = 0; extra < 2; extra++) {
        char text[400] = "https://";
        struct ph_egress_rule r;
        char why[128];
        memset(text + 8, 'a', 63 + (size_t)extra);
        strcpy(text + 71 + extra, ".org");
        CHECK((ph_egress_rule_parse(ph_bytes_str(text), &r, why) == PH_OK) == (extra == 0));
        /* 253 characters: four labels of 60 and more */
        size_t len = 253 + (size_t)extra;
        for (size_t i = 0; i < len; i++)
            text[8 + i] = i % 60 == 59 ? '.' : 'b';
        text[8 + len] = 0;
        CHECK((ph_egress_rule_parse(ph_bytes_str(text), &r, why) == PH_OK) == (extra == 0));
    }
}

TEST(a_rule_matches_its_scheme_host_and_port_only)
{
    static const struct {
        const char *rule;
        bool https;
        const char *host;
        uint16_t port;
        bool want;
    } cases[] = {
        {"https://a.org", true, "a.org", 443, true},
        {"https://a.org", true, "A.ORG", 443, true},
        {"https://a.org", false, "a.org", 443, false},
        {"https://a.org", true, "a.org", 8443, false},
        {"https://a.org", true, "b.a.org", 443, false},
        {"https://a.org", true, "xa.org", 443, false},
        {"https://a.org", true, "a.org.evil.net", 443, false},
        {"https://a.org", true, "", 443, false},
        {"https://*.a.org", true, "b.a.org", 443, true},
        {"https://*.a.org", true, "c.b.a.org", 443, true},
        {"https://*.a.org", true, "a.org", 443, false},
        {"https://*.a.org", true, ".a.org", 443, false},
        {"https://*.a.org", true, "xa.org", 443, false},
        {"http://[::1]:90", false, "[::1]", 90, true},
    };

    for (size_t i = 0; i < PH_LEN(cases); i++) {
        struct ph_egress_rule r;
        CHECK(parse(cases[i].rule, &r));
        if (ph_egress_rule_matches(&r, cases[i].https, ph_bytes_str(cases[i].host),
                                   cases[i].port) != cases[i].want)
            fail_msg("%s and %s", cases[i].rule, cases[i].host);
    }
    CHECK(!ph_egress_rule_matches(&(struct ph_egress_rule){0}, false, ph_bytes_str(""), 0));
}

static bool is_public(const char *ip)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, ip, &in.sin_addr) == 1)
        return ph_egress_address_public((const struct sockaddr *)&in);
    CHECK(inet_pton(AF_INET6, ip, &in6.sin6_addr) == 1);
    return ph_egress_address_public((const struct sockaddr *)&in6);
}

/* First and last address of each refused range, and their neighbours outside. */
static const char *const refused[] = {
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.255",
    "168.63.129.16",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.1",
    "192.31.196.1",
    "192.52.193.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "192.175.48.1",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.0",
    "239.255.255.255",
    "240.0.0.0",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:0:0",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", /* IPv4-translated */
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001::1", /* Teredo */
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "2001:db8::1",
    "2002:7f00:1::", /* 6to4 */
    "2002:808:808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "3fff:fff:ffff::1",
    "4000::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ffff::1",
    "1fff::1",
};
static const char *const allowed[] = {
    "1.0.0.0",        "1.1.1.1",         "9.255.255.255",        "11.0.0.0",
    "100.63.255.255", "100.128.0.0",     "126.255.255.255",      "128.0.0.0",
    "168.63.129.15",  "168.63.129.17",   "169.253.255.255",      "169.255.0.0",
    "172.15.255.255", "172.32.0.0",      "191.255.255.255",      "192.0.1.0",
    "192.0.3.0",      "192.167.255.255", "192.169.0.0",          "198.17.255.255",
    "198.20.0.0",     "198.51.99.255",   "198.51.101.0",         "203.0.112.255",
    "203.0.114.0",    "223.255.255.255", "::ffff:8.8.8.8",       "64:ff9b::8.8.8.8",
    "2000::1",        "2001:200::1",     "2001:4860:4860::8888", "2001:db7:ffff::1",
    "2001:db9::1",    "2003::1",         "2606:4700::1111",      "2620:4f:7fff::1",
    "3ffe:ffff::1",   "3fff:1000::1",
};

TEST(only_public_addresses_may_be_reached)
{
    for (size_t i = 0; i < PH_LEN(refused); i++)
        if (is_public(refused[i]))
            fail_msg("allowed: %s", refused[i]);
    for (size_t i = 0; i < PH_LEN(allowed); i++)
        if (!is_public(allowed[i]))
            fail_msg("refused: %s", allowed[i]);
}

TEST(other_families_and_scoped_addresses_are_refused)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_scope_id = 1};
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    CHECK(!ph_egress_address_public((const struct sockaddr *)&un));
    CHECK(!ph_egress_address_public(&none));
    CHECK(inet_pton(AF_INET6, "2606:4700::1111", &in6.sin6_addr) == 1);
    CHECK(!ph_egress_address_public((const struct sockaddr *)&in6));
}

PH_TEST_MAIN(CASE(rules_are_parsed), CASE(rules_that_say_too_much_or_nothing_are_refused),
             CASE(hosts_and_labels_up_to_their_limits_pass),
             CASE(a_rule_matches_its_scheme_host_and_port_only),
             CASE(only_public_addresses_may_be_reached),
             CASE(other_families_and_scoped_addresses_are_refused))
