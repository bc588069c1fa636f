/* The head of an answer: whatever the cut, the same verdict once it is whole. */
#include "http/answer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct ph_http_answer answer, again;

    if (ph_http_answer_parse((struct ph_bytes){data, len}, &answer) != PH_OK)
        return 0;
    if (answer.head_len > len || answer.status < 200 ||
        ph_http_answer_parse((struct ph_bytes){data, answer.head_len}, &again) != PH_OK ||
        again.body_len != answer.body_len ||
        ph_http_answer_parse((struct ph_bytes){data, answer.head_len - 1}, &again) != PH_ERR_AGAIN)
        abort();
    return 0;
}
