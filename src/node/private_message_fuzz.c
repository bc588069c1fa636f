/* A binary HTTP message of any bytes: the head made of it parses as one HTTP/1.1 head with the same
 * number of lines, or is refused. */

#include "node/private_message.h"

#include "base/own.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t block[PH_PRIVATE_HEAD_MAX];
    struct ph_buf head PH_OWNED(ph_buf_clear) = PH_BUF(PH_PRIVATE_HEAD_MAX);
    struct ph_bhttp_request request;
    struct ph_http_head parsed;
    struct ph_http_refusal no;
    bool is_tls;

    if (ph_bhttp_request_parse((struct ph_bytes){data, len}, &request) != PH_OK ||
        ph_private_head(&request, &head, &is_tls) != PH_OK)
        return 0;
    if (ph_http_head_end(ph_buf_view(&head), 0) != head.len)
        abort();
    if (ph_http_head_parse(ph_buf_view(&head), block, &parsed, &no) &&
        (!ph_bytes_equal(parsed.method, request.method) ||
         !ph_bytes_equal(parsed.target, request.path)))
        abort();
    return 0;
}
