/* Names that need no network. */

#include "base/test.h"

#include "http/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

static void resolve(const char *host, struct ph_http_addresses *out)
{
    struct ph_http_resolver *resolver;

    CHECK(ph_http_resolver_open(&resolver) == PH_OK);
    CHECK(ph_http_resolver_ask(resolver, host, 7) == PH_OK);
    struct pollfd p = {.fd = ph_http_resolver_fd(resolver), .events = POLLIN};
    CHECK(poll(&p, 1, -1) == 1);
    CHECK(ph_http_resolver_next(resolver, out) == 7);
    ph_http_resolver_close(resolver);
}

/* The longer ones are in no hosts file. */
TEST(localhost_and_names_under_it_are_the_loopback_without_asking)
{
    static const char *const names[] = {"localhost", "LocalHost", "a.b.localhost", "x.LOCALHOST"};

    for (size_t i = 0; i < PH_LEN(names); i++) {
        struct ph_http_addresses got;
        resolve(names[i], &got);
        CHECK(got.cnt == 2);
        const struct sockaddr_in *four = (const struct sockaddr_in *)&got.at[0];
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&got.at[1];
        CHECK(four->sin_family == AF_INET && four->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        CHECK(six->sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&six->sin6_addr));
    }
}

/* The system is asked for these; it takes numbers for names, and they are not loopback. */
TEST(other_names_are_for_the_system_to_say)
{
    struct ph_http_addresses got;

    resolve("192.0.2.1", &got);
    CHECK(got.cnt == 1 && got.at[0].ss_family == AF_INET &&
          ((const struct sockaddr_in *)&got.at[0])->sin_addr.s_addr == htonl(0xc0000201));
    for (size_t i = 0; i < 2; i++) {
        resolve(i == 0 ? "x.notlocalhost" : "localhost.invalid", &got);
        CHECK(got.cnt == 0 || got.at[0].ss_family != AF_INET ||
              ((const struct sockaddr_in *)&got.at[0])->sin_addr.s_addr != htonl(INADDR_LOOPBACK));
    }
}

PH_TEST_MAIN(CASE(localhost_and_names_under_it_are_the_loopback_without_asking),
             CASE(other_names_are_for_the_system_to_say))
