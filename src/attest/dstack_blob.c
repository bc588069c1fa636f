#include "attest/dstack_blob_priv.h"

#include "attest/eventlog/event_log.h"
#include "base/own.h"

#include <stdio.h>

bool ph_dstack_is_blob(struct ph_bytes bytes)
{
    if (bytes.len < 3)
        return false;
    const uint8_t first = bytes.ptr[0], second = bytes.ptr[1];
    /* A version, a platform, and the length of a quote, which is not empty; or a small map, and the
     * head of its first key, a short text. */
    return (first == 0 && second <= 4 && bytes.ptr[2] != 0) ||
           ((first & 0xf0) == 0x80 && (second & 0xe0) == 0xa0);
}

void ph_dstack_add_event(struct ph_dstack_reading *d, const struct ph_dstack_event *event)
{
    ph_jput_object(&d->log, NULL);
    ph_jput_int(&d->log, "imr", event->imr);
    ph_jput_int(&d->log, "event_type", event->type);
    ph_jput_hex(&d->log, "digest", event->digest);
    ph_jput_text(&d->log, "event", event->name);
    ph_jput_hex(&d->log, "event_payload", event->payload);
    if (event->version > 1)
        ph_jput_int(&d->log, "version", event->version);
    ph_jput_close(&d->log);
    if (event->imr < 4)
        d->registers |= 1u << event->imr;
}

void ph_dstack_blob_clear(struct ph_dstack_blob *blob)
{
    ph_buf_clear(&blob->log);
    ph_buf_clear(&blob->own_quote);
    for (size_t i = 0; i < PH_LEN(blob->own_cert); i++)
        ph_buf_clear(&blob->own_cert[i]);
    *blob = (struct ph_dstack_blob){0};
}

static void reading_clear(struct ph_dstack_reading *d)
{
    ph_dstack_blob_clear(&d->blob);
}

static enum ph_err read_all(struct ph_dstack_reading *d, struct ph_bytes bytes)
{
    if (bytes.len > PH_DSTACK_BLOB_MAX)
        return PH_ERR_LIMIT;
    if (!ph_dstack_is_blob(bytes))
        return PH_ERR_MALFORMED;
    PH_TRY(bytes.ptr[0] == 0 ? ph_dstack_scale(d) : ph_dstack_msgpack(d));
    if (d->r.rest.len != 0 || d->blob.quote.len == 0)
        return PH_ERR_MALFORMED;
    if (d->blob.log.len > 0)
        PH_TRY(ph_jput_end(&d->log));
    d->blob.log_whole = d->registers == 0xf;
    d->blob.log_rtmr3 = (d->registers & 1u << 3) != 0;
    return PH_OK;
}

enum ph_err ph_dstack_blob_open(struct ph_bytes bytes, struct ph_dstack_blob *out,
                                struct ph_json_why *why)
{
    struct ph_dstack_reading d PH_OWNED(reading_clear) = {
        .r = {bytes},
        .blob = {.log = PH_BUF(PH_EVENT_LOG_MAX), .own_quote = PH_BUF(PH_EVIDENCE_MAX)}};

    d.log.out = &d.blob.log;
    for (size_t i = 0; i < PH_LEN(d.blob.own_cert); i++)
        d.blob.own_cert[i] = PH_BUF(PH_EVIDENCE_MAX);
    const enum ph_err err = read_all(&d, bytes);
    if (err != PH_OK) {
        (void)snprintf(why->text, sizeof(why->text), "attestation: %s",
                       err == PH_ERR_UNSUPPORTED
                           ? "of a version or platform that is not judged here (TPM quotes are "
                             "not)"
                       : err == PH_ERR_LIMIT ? "longer than it can be"
                       : err == PH_ERR_NOMEM ? "out of memory"
                                             : "breaks the format of dstack's documents");
        return err;
    }
    *out = d.blob;
    d.blob = (struct ph_dstack_blob){0};
    return PH_OK;
}
