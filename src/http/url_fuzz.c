/* URLs and redirects: what comes out is normal, so that checking and connecting see the same. */
#include "http/url.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct ph_http_url *url)
{
    struct ph_http_url *again = malloc(sizeof(*again));
    const char *why;

    if (!again)
        return;
    assert(url->host[0] && url->port > 0);
    assert(!memchr(url->text, '#', strlen(url->text)));
    enum ph_err err = ph_http_url_parse(ph_bytes_str(url->text), again, &why);
    assert(err == PH_OK && ph_http_url_same_origin(url, again));
    assert(strcmp(url->text, again->text) == 0);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct ph_http_url base, url;
    const char *why;

    if (!base.host[0]) {
        (void)curl_global_init(CURL_GLOBAL_DEFAULT);
        enum ph_err err = ph_http_url_parse(PH_BYTES_LIT("https://a.org:8443/x/y?z"), &base, &why);
        assert(err == PH_OK);
    }
    if (ph_http_url_parse((struct ph_bytes){data, len}, &url, &why) == PH_OK)
        check(&url);
    if (ph_http_url_join(&base, (struct ph_bytes){data, len}, &url, &why) == PH_OK)
        check(&url);
    return 0;
}
