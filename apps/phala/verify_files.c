#include "verify_files.h"

#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"
#include "files.h"

#include <errno.h>
#include <stdio.h>

static const char call_format[] = "phala-call-v1";

static enum ph_err refuse(char why[static PH_VERIFY_WHY_LEN], enum ph_err err, const char *where,
                          const char *what)
{
    (void)snprintf(why, PH_VERIFY_WHY_LEN, "%.200s: %.280s", where, what);
    return err;
}

static enum ph_err read_file(const char *path, size_t max, struct ph_buf *out,
                             char why[static PH_VERIFY_WHY_LEN])
{
    *out = PH_BUF(max);
    const enum ph_err err = ph_file_read(path, out);
    if (err == PH_ERR_LIMIT)
        return refuse(why, err, path, "too long");
    if (err != PH_OK)
        return refuse(why, err, path, strerror(errno));
    return PH_OK;
}

static enum ph_err read_hex(const char *option, const char *text, uint8_t *out, size_t len,
                            bool *has, char why[static PH_VERIFY_WHY_LEN])
{
    if (!text)
        return PH_OK;
    if (ph_hex_decode(ph_bytes_str(text), out, len) != PH_OK) {
        (void)snprintf(why, PH_VERIFY_WHY_LEN, "%s: expected %zu hex digits", option, 2 * len);
        return PH_ERR_MALFORMED;
    }
    *has = true;
    return PH_OK;
}

/* What is hashed as a line holds no line feed, or one receipt would do for several messages. */
static bool is_line(const char *text)
{
    for (; *text != '\0'; text++)
        if (((uint8_t)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return false;
    return true;
}

static enum ph_err need_line(const char *where, const char *text,
                             char why[static PH_VERIFY_WHY_LEN])
{
    return is_line(text) ? PH_OK : refuse(why, PH_ERR_MALFORMED, where, "control characters in it");
}

/* Members of a kept call. */

static enum ph_err text_of(const json_t *object, const char *path, const char *key,
                           const char **out, char why[static PH_VERIFY_WHY_LEN])
{
    const char *text = json_string_value(json_object_get(object, key));

    if (!text || !is_line(text)) {
        (void)snprintf(why, PH_VERIFY_WHY_LEN,
                       "kept call: %s.%s: expected a string without control characters", path, key);
        return PH_ERR_MALFORMED;
    }
    *out = text;
    return PH_OK;
}

static enum ph_err body_of(const json_t *object, const char *path, struct ph_buf *out,
                           char why[static PH_VERIFY_WHY_LEN])
{
    const char *text = NULL;

    PH_TRY(text_of(object, path, "body", &text, why));
    *out = PH_BUF(PH_VERIFY_BODY_MAX);
    if (ph_base64_decode(ph_bytes_str(text), out) != PH_OK) {
        (void)snprintf(why, PH_VERIFY_WHY_LEN, "kept call: %s.body: no base64", path);
        return PH_ERR_MALFORMED;
    }
    return PH_OK;
}

static enum ph_err request_of(const json_t *record, struct ph_verify_input *in,
                              char why[static PH_VERIFY_WHY_LEN])
{
    const json_t *object = json_object_get(record, "request");
    const char *nonce = NULL, *phat = NULL;

    PH_TRY(text_of(object, "request", "method", &in->request.method, why));
    PH_TRY(text_of(object, "request", "target", &in->request.target, why));
    PH_TRY(text_of(object, "request", "content_type", &in->request.content_type, why));
    PH_TRY(text_of(object, "request", "nonce", &nonce, why));
    PH_TRY(read_hex("kept call: request.nonce", nonce, in->nonce.b, 32, &in->has_nonce, why));
    PH_TRY(text_of(record, "call", "phat", &phat, why));
    PH_TRY(read_hex("kept call: phat", phat, in->phat.b, 20, &in->has_phat, why));
    PH_TRY(body_of(object, "request", &in->request.body, why));
    in->request.has = true;
    return PH_OK;
}

static enum ph_err response_of(const json_t *record, struct ph_verify_input *in,
                               char why[static PH_VERIFY_WHY_LEN])
{
    const json_t *object = json_object_get(record, "response");
    const json_int_t status = json_integer_value(json_object_get(object, "status"));

    if (status < 100 || status > 999)
        return refuse(why, PH_ERR_MALFORMED, "kept call", "response.status: expected 100 to 999");
    in->response.status = (uint16_t)status;
    PH_TRY(text_of(object, "response", "content_type", &in->response.content_type, why));
    PH_TRY(text_of(object, "response", "content_encoding", &in->response.content_encoding, why));
    PH_TRY(text_of(object, "response", "location", &in->response.location, why));
    PH_TRY(body_of(object, "response", &in->response.body, why));
    in->response.has = true;
    return PH_OK;
}

/* An embedded document, as text again for its own strict parser. */
static enum ph_err text_again(const json_t *record, const char *key, size_t max, struct ph_buf *out,
                              char why[static PH_VERIFY_WHY_LEN])
{
    const json_t *doc = json_object_get(record, key);

    *out = PH_BUF(max);
    if (!doc)
        return refuse(why, PH_ERR_MALFORMED, "kept call, member missing", key);
    if (ph_json_dump(doc, out) != PH_OK)
        return refuse(why, PH_ERR_LIMIT, "kept call, member too long", key);
    return PH_OK;
}

static enum ph_err load_record(struct ph_verify_input *in, char why[static PH_VERIFY_WHY_LEN])
{
    static const char *const keys[] = {"format",   "worker",  "phat",        "request",
                                       "response", "receipt", "attestation", NULL};
    struct ph_json_why json_why;

    if (ph_json_only_keys(in->record, "", keys, &json_why) != PH_OK)
        return refuse(why, PH_ERR_MALFORMED, "kept call", json_why.text);
    PH_TRY(request_of(in->record, in, why));
    PH_TRY(response_of(in->record, in, why));
    PH_TRY(text_again(in->record, "receipt", PH_RECEIPT_JSON_MAX, &in->receipt_text, why));
    return text_again(in->record, "attestation", PH_ATTESTATION_MAX, &in->attestation_text, why);
}

/* The main file: a kept call if it says so, else it must be a receipt. */
static enum ph_err load_main(const struct ph_verify_opts *opts, struct ph_verify_input *in,
                             char why[static PH_VERIFY_WHY_LEN])
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(0);
    struct ph_json_why json_why;
    char parse_why[128] = "";

    PH_TRY(read_file(opts->file, PH_VERIFY_FILE_MAX, &text, why));
    if (ph_json_load(ph_buf_view(&text), PH_VERIFY_FILE_MAX, &in->record, &json_why) != PH_OK)
        return refuse(why, PH_ERR_MALFORMED, opts->file, json_why.text);
    const char *format = json_string_value(json_object_get(in->record, "format"));
    if (format && strcmp(format, call_format) == 0) {
        PH_TRY(load_record(in, why));
    } else {
        json_decref(PH_TAKE(in->record));
        in->receipt_text = PH_BUF(PH_VERIFY_FILE_MAX);
        PH_TRY(ph_buf_add(&in->receipt_text, ph_buf_view(&text)));
    }
    const enum ph_err err =
        ph_receipt_from_json(ph_buf_view(&in->receipt_text), &in->receipt, parse_why);
    return err == PH_OK ? PH_OK : refuse(why, err, opts->file, parse_why);
}

static enum ph_err load_messages(const struct ph_verify_opts *opts, struct ph_verify_input *in,
                                 char why[static PH_VERIFY_WHY_LEN])
{
    if (opts->request) {
        if (!opts->method || !opts->target)
            return refuse(why, PH_ERR_MALFORMED, "--request",
                          "needs --method and --target, which the hash covers too");
        PH_TRY(need_line("--method", opts->method, why));
        PH_TRY(need_line("--target", opts->target, why));
        PH_TRY(need_line("--request-type", opts->request_type ? opts->request_type : "", why));
        ph_buf_clear(&in->request.body);
        PH_TRY(read_file(opts->request, PH_VERIFY_BODY_MAX, &in->request.body, why));
        in->request.method = opts->method;
        in->request.target = opts->target;
        in->request.content_type = opts->request_type ? opts->request_type : "";
        in->request.has = true;
    }
    if (opts->response) {
        struct ph_receipt_fields fields;
        ph_receipt_leaf_view(&in->receipt.leaf, &fields);
        ph_buf_clear(&in->response.body);
        PH_TRY(read_file(opts->response, PH_VERIFY_BODY_MAX, &in->response.body, why));
        in->response.status = fields.status;
        in->response.content_type = opts->response_type ? opts->response_type : "";
        in->response.content_encoding = opts->response_encoding ? opts->response_encoding : "";
        in->response.location = opts->location ? opts->location : "";
        in->response.has = true;
        PH_TRY(need_line("--response-type", in->response.content_type, why));
        PH_TRY(need_line("--response-encoding", in->response.content_encoding, why));
        PH_TRY(need_line("--location", in->response.location, why));
    }
    return PH_OK;
}

static enum ph_err load_attestation(const struct ph_verify_opts *opts, struct ph_verify_input *in,
                                    char why[static PH_VERIFY_WHY_LEN])
{
    char parse_why[128] = "";

    if (opts->evidence) {
        ph_buf_clear(&in->attestation_text);
        PH_TRY(read_file(opts->evidence, PH_ATTESTATION_MAX, &in->attestation_text, why));
    }
    if (!opts->evidence && !in->record)
        return PH_OK;
    const enum ph_err err =
        ph_attestation_doc_parse(ph_buf_view(&in->attestation_text), &in->attestation, parse_why);
    if (err != PH_OK)
        return refuse(why, err, opts->evidence ? opts->evidence : opts->file, parse_why);
    in->has_attestation = true;
    return PH_OK;
}

enum ph_err ph_verify_input_load(const struct ph_verify_opts *opts, struct ph_verify_input *out,
                                 char why[static PH_VERIFY_WHY_LEN])
{
    (void)snprintf(why, PH_VERIFY_WHY_LEN, "out of memory");
    PH_TRY(load_main(opts, out, why));
    PH_TRY(load_messages(opts, out, why));
    PH_TRY(load_attestation(opts, out, why));
    PH_TRY(read_hex("--bundle-hash", opts->bundle_hash, out->bundle_hash.b, 32,
                    &out->has_bundle_hash, why));
    PH_TRY(read_hex("--phat", opts->phat, out->phat.b, 20, &out->has_phat, why));
    PH_TRY(read_hex("--nonce", opts->nonce, out->nonce.b, 32, &out->has_nonce, why));
    PH_TRY(read_hex("--signer", opts->signer, out->signer.b, 20, &out->has_signer, why));
    why[0] = '\0';
    return PH_OK;
}

void ph_verify_input_clear(struct ph_verify_input *input)
{
    ph_buf_clear(&input->receipt_text);
    ph_buf_clear(&input->attestation_text);
    ph_buf_clear(&input->request.body);
    ph_buf_clear(&input->response.body);
    json_decref(PH_TAKE(input->record));
}
