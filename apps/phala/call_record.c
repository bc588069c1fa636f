#include "call_record.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "crypto/aead.h"

#include <stdio.h>
#include <time.h>

enum { RECEIPT_WAIT_MS = 5000, RECEIPT_EVERY_MS = 5, EVIDENCE_MAX = 2 << 20 };

static bool is_receipt_id(struct ph_bytes id)
{
    if (id.len == 0 || id.len > 64)
        return false;
    for (size_t i = 0; i < id.len; i++)
        if (strchr("0123456789abcdef-s", id.ptr[i]) == NULL || id.ptr[i] == '\0')
            return false;
    return true;
}

int ph_receipt_fetch(const struct ph_cli *cli, const struct ph_api *api, struct ph_bytes id,
                     json_t **out)
{
    char path[128];
    struct ph_json_why why;
    if (!is_receipt_id(id))
        return ph_fail(cli, "bad-answer", api->url.value, NULL, "the receipt's id is malformed");
    (void)snprintf(path, sizeof(path), "/v1/receipts/%.*s", (int)id.len, (const char *)id.ptr);
    int64_t deadline = ph_clock_mono_ns() + (int64_t)RECEIPT_WAIT_MS * 1000000;
    for (;;) {
        struct ph_http_answer answer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
        int rc = ph_api_do(cli, api, &(struct ph_api_call){.method = "GET", .path = path}, &answer);
        if (rc != PH_EXIT_OK)
            return rc;
        if (answer.status == 200) {
            if (ph_json_load(ph_buf_view(&answer.body), 1 << 20, out, &why) == PH_OK)
                return PH_EXIT_OK;
            return ph_fail(cli, "bad-answer", path, NULL, "the receipt is no JSON: %s", why.text);
        }
        if (answer.status != 202 || ph_clock_mono_ns() > deadline)
            return ph_api_refused(cli, api, &answer);
        (void)nanosleep(&(struct timespec){.tv_nsec = RECEIPT_EVERY_MS * 1000000L}, NULL);
    }
}

static json_t *base64_string(struct ph_bytes bytes)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF((size_t)2 * PH_HTTP_ANSWER_MAX);
    if (ph_base64_encode(bytes, &text) != PH_OK)
        return NULL;
    return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
}

static json_t *header_string(const struct ph_http_answer *answer, const char *name)
{
    struct ph_bytes value = {0};
    if (ph_http_header(answer, name, &value) != PH_OK)
        return json_string("");
    return json_stringn((const char *)value.ptr, value.len);
}

/* Evidence over a nonce of our own shows that it was made now. */
static int fetch_attestation(const struct ph_cli *cli, const struct ph_api *api, json_t **out)
{
    uint8_t nonce[32];
    char hex[65], path[128];
    ph_random(nonce, sizeof(nonce));
    ph_hex_encode(PH_BYTES_OF(nonce), hex);
    (void)snprintf(path, sizeof(path), "/v1/attestation?nonce=%s", hex);
    return ph_api_json(cli, api, &(struct ph_api_call){.method = "GET", .path = path}, out);
}

int ph_call_record_make(const struct ph_cli *cli, const struct ph_api *api,
                        const struct ph_call_sent *sent, const struct ph_http_answer *answer,
                        json_t *receipt, json_t **out)
{
    json_t *attestation PH_OWNED(ph_json_freep) = NULL;
    int rc = fetch_attestation(cli, api, &attestation);
    if (rc != PH_EXIT_OK)
        return rc;
    json_t *request = json_pack("{s:s,s:s,s:s,s:s,s:o}", "method", sent->method, "target",
                                sent->path, "content_type", sent->content_type, "nonce",
                                sent->nonce, "body", base64_string(sent->body));
    json_t *response = json_pack("{s:i,s:o,s:o,s:o,s:o}", "status", answer->status, "content_type",
                                 header_string(answer, "content-type"), "content_encoding",
                                 header_string(answer, "content-encoding"), "location",
                                 header_string(answer, "location"), "body",
                                 base64_string(ph_buf_view(&answer->body)));
    json_t *record =
        json_pack("{s:s,s:s,s:s,s:o,s:o,s:O,s:O}", "format", "phala-call-v1", "worker",
                  api->url.value, "phat", sent->target->id, "request", request, "response",
                  response, "receipt", receipt, "attestation", attestation);
    if (record == NULL)
        return ph_fail(cli, "io", NULL, NULL, "cannot keep the call: a header is no UTF-8 text");
    *out = record;
    return PH_EXIT_OK;
}
