#include "http/egress.h"

#include "http/syntax.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

struct range4 {
    uint32_t base;
    int bits;
};
struct range6 {
    uint8_t base[6];
    int bits;
};

#define IP4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

/* clang-format off */
static const struct range4 refused4[] = {
    {IP4(0, 0, 0, 0), 8},        /* this network, unspecified */
    {IP4(10, 0, 0, 0), 8},       /* private */
    {IP4(100, 64, 0, 0), 10},    /* shared address space (CGNAT); metadata of one cloud */
    {IP4(127, 0, 0, 0), 8},      /* loopback */
    {IP4(168, 63, 129, 16), 32}, /* metadata and agent address of Azure hosts */
    {IP4(169, 254, 0, 0), 16},   /* link-local, metadata */
    {IP4(172, 16, 0, 0), 12},    /* private */
    {IP4(192, 0, 0, 0), 24},     /* IETF protocol assignments; metadata of one cloud */
    {IP4(192, 0, 2, 0), 24},     /* documentation */
    {IP4(192, 31, 196, 0), 24},  /* AS112 */
    {IP4(192, 52, 193, 0), 24},  /* AMT */
    {IP4(192, 88, 99, 0), 24},   /* 6to4 relays, deprecated */
    {IP4(192, 168, 0, 0), 16},   /* private */
    {IP4(192, 175, 48, 0), 24},  /* AS112 */
    {IP4(198, 18, 0, 0), 15},    /* benchmarking */
    {IP4(198, 51, 100, 0), 24},  /* documentation */
    {IP4(203, 0, 113, 0), 24},   /* documentation */
    {IP4(224, 0, 0, 0), 4},      /* multicast */
    {IP4(240, 0, 0, 0), 4},      /* reserved, broadcast */
};
/* Of 2000::/3; everything outside that is refused anyway. */
static const struct range6 refused6[] = {
    {{0x20, 0x01, 0x00, 0x00}, 23},             /* IETF assignments: Teredo, ORCHID, benchmarking */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},             /* documentation */
    {{0x20, 0x02}, 16},                         /* 6to4 */
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48}, /* AS112 */
    {{0x3f, 0xff, 0x00}, 20},                   /* documentation */
};
/* clang-format on */

static bool is_public4(uint32_t ip)
{
    for (size_t i = 0; i < PH_LEN(refused4); i++)
        if ((ip ^ refused4[i].base) >> (32 - refused4[i].bits) == 0)
            return false;
    return true;
}

static bool has_prefix(const uint8_t ip[static 16], const uint8_t *prefix, int bits)
{
    int whole = bits / 8, part = bits % 8;

    if (memcmp(ip, prefix, (size_t)whole) != 0)
        return false;
    return part == 0 || (ip[whole] ^ prefix[whole]) >> (8 - part) == 0;
}

static uint32_t tail4(const uint8_t ip[static 16])
{
    return IP4(ip[12], ip[13], ip[14], ip[15]);
}

static bool is_public6(const uint8_t ip[static 16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t global[1] = {0x20};

    if (has_prefix(ip, mapped, 96) || has_prefix(ip, nat64, 96))
        return is_public4(tail4(ip));
    if (!has_prefix(ip, global, 3))
        return false;
    for (size_t i = 0; i < PH_LEN(refused6); i++)
        if (has_prefix(ip, refused6[i].base, refused6[i].bits))
            return false;
    return true;
}

bool ph_egress_address_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        return in6.sin6_scope_id == 0 && is_public6(in6.sin6_addr.s6_addr);
    }
    return false;
}

#define WHY(msg)                                                                                   \
    do {                                                                                           \
        (void)snprintf(why, 128, "%s", (msg));                                                     \
        return PH_ERR_MALFORMED;                                                                   \
    } while (0)

static bool is_label_char(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Dotted labels of 1 to 63 characters, in lower case already. */
static bool is_host_name(const char *host, size_t *labels)
{
    size_t label = 0;

    *labels = 1;
    for (size_t i = 0; host[i]; i++) {
        if (host[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
            (*labels)++;
        } else if (!is_label_char((uint8_t)host[i]) || ++label > 63) {
            return false;
        }
    }
    return label > 0;
}

static bool is_ip6_literal(const char *host)
{
    struct in6_addr ip;
    char inner[64];
    size_t len = strlen(host);

    if (len < 4 || len - 2 >= sizeof(inner) || host[0] != '[' || host[len - 1] != ']')
        return false;
    memcpy(inner, host + 1, len - 2);
    inner[len - 2] = 0;
    return inet_pton(AF_INET6, inner, &ip) == 1;
}

static enum ph_err parse_port(struct ph_bytes text, uint16_t *port, char why[static 128])
{
    int64_t value;

    if (text.len > 5 || !ph_http_parse_decimal(text, &value) || value < 1 || value > 65535)
        WHY("the port is not a number of 1 to 65535");
    *port = (uint16_t)value;
    return PH_OK;
}

/* Split "host:port" at the colon that is not inside brackets. */
static struct ph_bytes cut_host(struct ph_bytes *rest)
{
    size_t end = 0;

    if (rest->len > 0 && rest->ptr[0] == '[')
        while (end < rest->len && rest->ptr[end] != ']')
            end++;
    while (end < rest->len && rest->ptr[end] != ':')
        end++;
    struct ph_bytes host = {rest->ptr, end};
    *rest = (struct ph_bytes){rest->ptr + end, rest->len - end};
    return host;
}

static enum ph_err parse_host(struct ph_bytes host, struct ph_egress_rule *rule,
                              char why[static 128])
{
    size_t labels;

    if (host.len >= 2 && host.ptr[0] == '*' && host.ptr[1] == '.') {
        rule->any_subdomain = true;
        host = (struct ph_bytes){host.ptr + 2, host.len - 2};
    }
    if (host.len == 0 || host.len > PH_EGRESS_HOST_MAX)
        WHY("the host is empty or longer than 253 characters");
    for (size_t i = 0; i < host.len; i++)
        rule->host[i] = (char)ph_http_lower(host.ptr[i]);
    rule->host[host.len] = 0;
    if (rule->host[0] == '[') {
        if (rule->any_subdomain || !is_ip6_literal(rule->host))
            WHY("the host in brackets is not an IPv6 address");
        return PH_OK;
    }
    if (!is_host_name(rule->host, &labels))
        WHY("the host is not a name of dotted labels (A-labels for IDNs), and \"*\" stands only as "
            "the whole first label");
    if (rule->any_subdomain && labels < 2)
        WHY("\"*.\" needs at least two labels behind it");
    return PH_OK;
}

enum ph_err ph_egress_rule_parse(struct ph_bytes text, struct ph_egress_rule *out,
                                 char why[static 128])
{
    struct ph_egress_rule rule = {0};

    if (text.len > 8 && memcmp(text.ptr, "https://", 8) == 0) {
        rule.https = true;
        text = (struct ph_bytes){text.ptr + 8, text.len - 8};
    } else if (text.len > 7 && memcmp(text.ptr, "http://", 7) == 0) {
        text = (struct ph_bytes){text.ptr + 7, text.len - 7};
    } else {
        WHY("an egress rule begins with https:// or http:// and a host");
    }
    rule.port = rule.https ? 443 : 80;
    struct ph_bytes host = cut_host(&text);
    PH_TRY(parse_host(host, &rule, why));
    if (text.len > 0)
        PH_TRY(parse_port((struct ph_bytes){text.ptr + 1, text.len - 1}, &rule.port, why));
    *out = rule;
    return PH_OK;
}

bool ph_egress_rule_matches(const struct ph_egress_rule *rule, bool https, struct ph_bytes host,
                            uint16_t port)
{
    size_t len = strlen(rule->host);

    if (len == 0 || https != rule->https || port != rule->port || host.len < len)
        return false;
    size_t front = host.len - len;
    if (!ph_http_is_nocase((struct ph_bytes){host.ptr + front, len}, rule->host))
        return false;
    if (!rule->any_subdomain)
        return front == 0;
    return front >= 2 && host.ptr[front - 1] == '.';
}
