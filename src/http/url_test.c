#include "http/url.h"

#include "base/test.h"

static const struct {
    const char *text, *host, *whole;
    uint16_t port;
    bool https;
} good[] = {
    {"https://Example.org", "example.org", "https://example.org/", 443, true},
    {"http://example.org:8080/a?b=c#frag", "example.org", "http://example.org:8080/a?b=c", 8080,
     false},
    {"https:///x", "x", "https://x/", 443, true},
    {"HTTPS://example.org./x", "example.org", "https://example.org/x", 443, true},
    {"http://0x7f.1/", "127.0.0.1", "http://127.0.0.1/", 80, false},
    {"http://0x7f000001./", "127.0.0.1", "http://127.0.0.1/", 80, false},
    {"http://2130706433/", "127.0.0.1", "http://127.0.0.1/", 80, false},
    {"http://0177.0.0.1/", "127.0.0.1", "http://127.0.0.1/", 80, false},
    {"http://127.1/", "127.0.0.1", "http://127.0.0.1/", 80, false},
    {"http://[::1]:90/", "[::1]", "http://[::1]:90/", 90, false},
    {"http://[::ffff:127.0.0.1]/", "[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]/", 80, false},
};

TEST(urls_are_taken_apart_and_normalised)
{
    for (size_t i = 0; i < PH_LEN(good); i++) {
        struct ph_http_url u;
        const char *why;
        if (ph_http_url_parse(ph_bytes_str(good[i].text), &u, &why) != PH_OK)
            fail_msg("%s: %s", good[i].text, why);
        if (strcmp(u.host, good[i].host) != 0 || strcmp(u.text, good[i].whole) != 0)
            fail_msg("%s: %s %s", good[i].text, u.host, u.text);
        CHECK(u.port == good[i].port && u.https == good[i].https);
    }
}

static const char *const bad[] = {
    "",
    "/path",
    "example.org",
    "ftp://example.org/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "https://",
    "https://user@example.org/",
    "https://user:pw@example.org/",
    "https://:@example.org/",
    "https://example.org:0/",
    "https://example.org:65536/",
    "https://exam ple.org/",
    "https://example.org/a b",
    "https://example.org/\r\nX: y",
    "https://example.org\\@evil.net/",
    "https://b\303\274cher.example/",
    "https://a%2fb/",
    "https://a%00b/",
    "http://[::1/",
    "http://[fe80::1%25eth0]/",
    "http://[::g]/",
    "http://a.org../",
};

TEST(what_is_no_fetchable_url_is_refused)
{
    struct ph_http_url u;
    const char *why;

    for (size_t i = 0; i < PH_LEN(bad); i++)
        if (ph_http_url_parse(ph_bytes_str(bad[i]), &u, &why) == PH_OK)
            fail_msg("accepted: %s as %s", bad[i], u.text);
    CHECK(ph_http_url_parse(PH_BYTES_LIT("http://a.org/\0x"), &u, &why) == PH_ERR_MALFORMED);
}

TEST(redirects_are_resolved_against_their_page)
{
    static const struct {
        const char *location, *want;
    } cases[] = {
        {"/b", "https://a.org:8443/b"},
        {"c?d", "https://a.org:8443/x/c?d"},
        {"../c", "https://a.org:8443/c"},
        {"//evil.net/p", "https://evil.net/p"},
        {"http://127.0.0.1/", "http://127.0.0.1/"},
        {"http://0x7f000001:99/", "http://127.0.0.1:99/"},
        {"file:///etc/passwd", NULL},
        {"https://u:p@a.org/", NULL},
    };
    struct ph_http_url base, u;
    const char *why;

    CHECK(ph_http_url_parse(PH_BYTES_LIT("https://a.org:8443/x/y?z"), &base, &why) == PH_OK);
    for (size_t i = 0; i < PH_LEN(cases); i++) {
        enum ph_err err = ph_http_url_join(&base, ph_bytes_str(cases[i].location), &u, &why);
        if ((err == PH_OK) != (cases[i].want != NULL) ||
            (err == PH_OK && strcmp(u.text, cases[i].want) != 0))
            fail_msg("%s: %s", cases[i].location, err == PH_OK ? u.text : "refused");
    }
    CHECK(ph_http_url_join(&base, PH_BYTES_LIT("/other"), &u, &why) == PH_OK);
    CHECK(ph_http_url_same_origin(&base, &u));
    CHECK(ph_http_url_join(&base, PH_BYTES_LIT("https://a.org/"), &u, &why) == PH_OK);
    CHECK(!ph_http_url_same_origin(&base, &u));
}

PH_TEST_MAIN(CASE(urls_are_taken_apart_and_normalised), CASE(what_is_no_fetchable_url_is_refused),
             CASE(redirects_are_resolved_against_their_page))
