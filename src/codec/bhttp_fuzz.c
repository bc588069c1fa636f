/* Any bytes as a request and as a response: views lie inside, and what was read writes and reads
 * again as the same. */

#include "codec/bhttp.h"

#include <stdlib.h>

static void expect(bool ok)
{
    if (!ok)
        abort();
}

static void copy_fields(struct ph_bytes input, struct ph_bhttp_fields fields, struct ph_buf *out)
{
    struct ph_buf section = PH_BUF(1 << 24);
    struct ph_bhttp_field f;

    while (ph_bhttp_field_next(&fields, &f)) {
        expect(f.name.ptr >= input.ptr && f.name.len <= input.len && f.value.len <= input.len);
        expect(ph_bhttp_put_field(&section, f.name, f.value) == PH_OK);
    }
    expect(fields.lines.len == 0);
    expect(ph_bhttp_put_part(out, ph_buf_view(&section)) == PH_OK);
    ph_buf_clear(&section);
}

static void copy_rest(struct ph_bytes input, const struct ph_bhttp_fields *fields,
                      const struct ph_bhttp_content *content,
                      const struct ph_bhttp_fields *trailers, struct ph_buf *out)
{
    struct ph_buf body = PH_BUF(1 << 24);

    copy_fields(input, *fields, out);
    expect(ph_bhttp_content_add(content, &body) == PH_OK && body.len == content->len);
    expect(ph_bhttp_put_part(out, ph_buf_view(&body)) == PH_OK);
    copy_fields(input, *trailers, out);
    ph_buf_clear(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct ph_bytes input = {data, len};
    struct ph_buf copy = PH_BUF(1 << 24);
    struct ph_bhttp_request req, req2;
    struct ph_bhttp_response resp, resp2;

    if (ph_bhttp_request_parse(input, &req) == PH_OK) {
        expect(ph_bhttp_put_request(&copy, req.method, req.scheme, req.authority, req.path) ==
               PH_OK);
        copy_rest(input, &req.fields, &req.content, &req.trailers, &copy);
        expect(ph_bhttp_request_parse(ph_buf_view(&copy), &req2) == PH_OK &&
               ph_bytes_equal(req.method, req2.method) && ph_bytes_equal(req.path, req2.path) &&
               req.content.len == req2.content.len);
    } else if (ph_bhttp_response_parse(input, &resp) == PH_OK) {
        expect(ph_bhttp_put_response(&copy, resp.status) == PH_OK);
        copy_rest(input, &resp.fields, &resp.content, &resp.trailers, &copy);
        expect(ph_bhttp_response_parse(ph_buf_view(&copy), &resp2) == PH_OK &&
               resp.status == resp2.status && resp.content.len == resp2.content.len);
    }
    ph_buf_clear(&copy);
    return 0;
}
