/* The list of OS images: read strictly, found only when everything is equal. */

#include "node/os_images.h"

#include "base/own.h"
#include "base/test.h"

#include <stdio.h>

#define H32 "1111111111111111111111111111111111111111111111111111111111111111"
#define H48(d) d d d d d d d d d d d d
#define R0 H48("22222222")
#define IMAGE(rest)                                                                                \
    "{\"os_image_hash\":\"" H32                                                                    \
    "\",\"mr_td\":\"" H48("aaaaaaaa") "\",\"rtmr0\":\"" R0 "\",\"rtmr1\":\"" H48(                  \
        "33333333") "\",\"rtmr2\":\"" H48("44444444") "\"" rest "}"

static void freep(struct ph_os_images **images)
{
    ph_os_images_free(*images);
}

static enum ph_err parse(const char *text, struct ph_os_images **out)
{
    struct ph_json_why why = {""};
    const enum ph_err err = ph_os_images_parse(ph_bytes_str(text), out, &why);

    CHECK((err == PH_OK) == (why.text[0] == '\0'));
    return err;
}

TEST(an_image_is_found_when_every_register_is_its_own)
{
    struct ph_os_images *images PH_OWNED(freep) = NULL;
    struct ph_tdx_body td = {.td_attributes = {0}};
    uint8_t hash[32];

    CHECK(parse("{\"images\":[" IMAGE("") "," IMAGE(",\"version\":\"0.5.4\",\"is_dev\":true") "]}",
                &images) == PH_OK);
    memset(hash, 0x11, 32);
    memset(td.mr_td, 0xaa, 48);
    memset(td.rtmr0, 0x22, 48);
    memset(td.rtmr1, 0x33, 48);
    memset(td.rtmr2, 0x44, 48);
    memset(td.rtmr3, 0x55, 48); /* the application's: any */
    const struct ph_os_image *m = ph_os_images_find(images, hash, &td);
    CHECK(m && m->version[0] == '\0' && !m->has_is_dev);
    uint8_t *const fields[] = {hash, td.mr_td, td.rtmr0, td.rtmr1, td.rtmr2};
    for (size_t i = 0; i < PH_LEN(fields); i++) {
        fields[i][31] ^= 1;
        CHECK(!ph_os_images_find(images, hash, &td));
        fields[i][31] ^= 1;
    }
    CHECK(ph_os_images_find(images, hash, &td) == m && !ph_os_images_find(NULL, hash, &td));
}

TEST(what_an_image_is_called_is_kept)
{
    struct ph_os_images *images PH_OWNED(freep) = NULL;
    struct ph_tdx_body td;
    uint8_t hash[32];

    CHECK(parse("{\"images\":[" IMAGE(",\"version\":\"0.5.4\",\"is_dev\":false") "]}", &images) ==
          PH_OK);
    memset(hash, 0x11, 32);
    memset(&td, 0, sizeof(td));
    memset(td.mr_td, 0xaa, 48);
    memset(td.rtmr0, 0x22, 48);
    memset(td.rtmr1, 0x33, 48);
    memset(td.rtmr2, 0x44, 48);
    const struct ph_os_image *m = ph_os_images_find(images, hash, &td);
    CHECK(m && strcmp(m->version, "0.5.4") == 0 && m->has_is_dev && !m->is_dev);
}

TEST(a_list_is_read_strictly)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"images\":{}}",
        "{\"images\":[7]}",
        "{\"images\":[{}]}",
        "{\"images\":[],\"more\":1}",
        "{\"images\":[" IMAGE(",\"rtmr3\":\"00\"") "]}",
        "{\"images\":[" IMAGE(",\"version\":\"\"") "]}",
        "{\"images\":[" IMAGE(",\"is_dev\":1") "]}",
        "{\"images\":[{\"os_image_hash\":\"11\"}]}",
        "{\"images\":[{\"os_image_hash\":\"" H32 "\",\"mr_td\":\"" R0 "\",\"rtmr1\":\"" R0
        "\",\"rtmr2\":\"" R0 "\"}]}",
    };
    struct ph_os_images *images PH_OWNED(freep) = NULL;

    for (size_t i = 0; i < PH_LEN(wrong); i++)
        CHECK(parse(wrong[i], &images) == PH_ERR_MALFORMED && !images);
    CHECK(parse("{\"images\":[]}", &images) == PH_OK);
}

PH_TEST_MAIN(CASE(an_image_is_found_when_every_register_is_its_own),
             CASE(what_an_image_is_called_is_kept), CASE(a_list_is_read_strictly))
