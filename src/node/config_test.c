#include "node/config.h"

#include "base/test.h"

#define PARSE(out, why, ...)                                                                       \
    __extension__({                                                                                \
        char *argv_[] = {(char *)"phalad", __VA_ARGS__, NULL};                                     \
        ph_config_parse((int)PH_LEN(argv_) - 1, argv_, out, why);                                  \
    })

TEST(a_full_command_line_is_understood)
{
    struct ph_config c;
    char why[256] = "";

    CHECK(
        PARSE(&c, why, (char *)"--data", (char *)"/d", (char *)"--listen", (char *)"127.0.0.1:8080",
              (char *)"--tls", (char *)"[::1]:0", (char *)"--listen-phat",
              (char *)"127.0.0.1:8787=00112233445566778899aabbccddeeff00112233", (char *)"--owner",
              (char *)"0x00112233445566778899aabbccddeeff00112233", (char *)"--warm", (char *)"5",
              (char *)"--no-spare", (char *)"--connections-per-address", (char *)"77") == PH_OK);
    CHECK(c.connections == 4096 && c.connections_per_address == 77);
    CHECK(c.listen_cnt == 3 && c.listen[0].port == 8080 && !c.listen[0].tls &&
          !c.listen[0].one_phat);
    assert_string_equal(c.listen[1].address, "::1");
    CHECK(c.listen[1].tls && c.listen[1].port == 0);
    CHECK(c.listen[2].one_phat && c.listen[2].phat.b[1] == 0x11 && c.listen[2].port == 8787);
    CHECK(c.owner_cnt == 1 && c.owners[0].b[19] == 0x33 && !c.open && c.warm == 5 && !c.spare &&
          c.jit);
}

TEST(what_would_serve_nobody_or_everybody_by_accident_is_refused)
{
    struct ph_config c;
    char why[256];

    CHECK(PARSE(&c, why, (char *)"--listen", (char *)"127.0.0.1:1", (char *)"--open") ==
          PH_ERR_MALFORMED);
    CHECK(strstr(why, "--data"));
    CHECK(PARSE(&c, why, (char *)"--data", (char *)"/d", (char *)"--open") == PH_ERR_MALFORMED);
    CHECK(strstr(why, "--listen"));
    CHECK(PARSE(&c, why, (char *)"--data", (char *)"/d", (char *)"--listen",
                (char *)"127.0.0.1:1") == PH_ERR_MALFORMED);
    CHECK(strstr(why, "--owner"));
}

TEST(bad_values_are_named)
{
    struct ph_config c;
    char why[256];
    static const char *const bad[][2] = {
        {"--listen", "127.0.0.1"},
        {"--listen", "127.0.0.1:65536"},
        {"--listen", ":80"},
        {"--listen", "1.2.3.4:x"},
        {"--listen-phat", "127.0.0.1:1"},
        {"--listen-phat", "127.0.0.1:1=00"},
        {"--owner", "0x00"},
        {"--tee", "sgx"},
        {"--require-sandbox", "some"},
        {"--warm", "-1"},
        {"--warm", "65"},
        {"--idle", "0"},
        {"--connections-per-address", "0"},
        {"--connections-per-address", "100001"},
        {"--ready-fd", "5000"},
    };

    for (size_t i = 0; i < PH_LEN(bad); i++) {
        CHECK(PARSE(&c, why, (char *)"--data", (char *)"/d", (char *)"--open",
                    (char *)(uintptr_t)bad[i][0],
                    (char *)(uintptr_t)bad[i][1]) == PH_ERR_MALFORMED);
        CHECK(strstr(why, bad[i][0]) && strstr(why, bad[i][1]));
    }
    CHECK(PARSE(&c, why, (char *)"--nonsense") == PH_ERR_MALFORMED && strstr(why, "--nonsense"));
    CHECK(PARSE(&c, why, (char *)"--data") == PH_ERR_MALFORMED && strstr(why, "--data"));
    CHECK(PARSE(&c, why, (char *)"stray") == PH_ERR_MALFORMED && strstr(why, "stray"));
}

PH_TEST_MAIN(CASE(a_full_command_line_is_understood),
             CASE(what_would_serve_nobody_or_everybody_by_accident_is_refused),
             CASE(bad_values_are_named))
