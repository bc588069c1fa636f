/* Any bytes as a query and as a body: an object comes out, or nothing; hex members stay within
 * their bound. */

#include "node/guest_params.h"

#include "base/own.h"

#include <stdlib.h>

static void look(const json_t *params)
{
    struct ph_json_why why;
    uint8_t out[64];
    size_t len = 0;

    if (!json_is_object(params))
        abort();
    if (ph_guest_params_hex(params, "report_data", sizeof(out), out, &len, &why) == PH_OK &&
        len > sizeof(out))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    json_t *query PH_OWNED(ph_json_freep) = NULL, *body PH_OWNED(ph_json_freep) = NULL;
    struct ph_json_why why;

    if (ph_guest_params_query((struct ph_bytes){data, len}, &query, &why) == PH_OK) {
        look(query);
        if (json_object_size(query) > PH_GUEST_PARAMS_MAX)
            abort();
    }
    if (ph_guest_params_body((struct ph_bytes){data, len}, &body, &why) == PH_OK)
        look(body);
    return 0;
}
