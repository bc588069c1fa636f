/* Writes the worlds of synth_chain_cases.h and this verifier's verdicts, for the tests of the
 * verifier in contracts/: DIR/<case>.json and DIR/index.json.
 *
 *   synth_chain_tool DIR
 *
 * Bytes are hexadecimal with 0x; certificates are DER; tcb_info and qe_identity are the bytes that
 * are signed; quote ends where its certification data begins. Absent parts are absent.
 */

#include "attest/intel/quote.h"
#include "attest/synth/synth_chain_cases.h"
#include "base/hex.h"
#include "base/own.h"
#include "base/test.h"
#include "codec/base64.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CERTS = 3 };

static void put(FILE *f, const char *key, struct ph_bytes bytes)
{
    char *hex = malloc(2 * bytes.len + 1);
    CHECK(hex);
    ph_hex_encode(bytes, hex);
    (void)fprintf(f, "\"%s\":\"0x%s\",\n", key, hex);
    free(hex);
}

/* The n-th certificate of a PEM chain. */
static void put_cert(FILE *f, const char *key, struct ph_bytes pem, size_t n)
{
    struct ph_reader r = {pem};
    for (size_t i = 0; i < CERTS; i++) {
        struct ph_buf der PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
        CHECK(ph_pem_next(&r, "CERTIFICATE", &der) == PH_OK);
        if (i == n) {
            put(f, key, ph_buf_view(&der));
            return;
        }
    }
}

/* {"<name>":<body>,"signature":"<hex>"}: the body, and the signature. */
static void put_signed(FILE *f, const char *key, const char *name, struct ph_bytes doc)
{
    static const char mid[] = ",\"signature\":\"";
    char sig_key[32];
    uint8_t sig[64];
    const size_t head = strlen(name) + 4, tail = 128 + 2;

    CHECK(doc.len > head + tail + sizeof(mid));
    const size_t body = doc.len - head - tail - (sizeof(mid) - 1);
    CHECK(memcmp(doc.ptr + head + body, mid, sizeof(mid) - 1) == 0);
    CHECK(ph_hex_decode((struct ph_bytes){doc.ptr + doc.len - tail, 128}, sig, 64) == PH_OK);
    put(f, key, (struct ph_bytes){doc.ptr + head, body});
    (void)snprintf(sig_key, sizeof(sig_key), "%s_sig", key);
    put(f, sig_key, (struct ph_bytes){sig, sizeof(sig)});
}

/* Bytes of the quote before its certification data. Edits move nothing, so the unedited quote says
 * where that is. */
static size_t certification_at(const struct world *w)
{
    struct world_made made PH_OWNED(world_made_clear);
    struct world plain = *w;
    struct ph_intel_quote q;
    enum ph_check failed;

    plain.patch_cnt = plain.cut = 0;
    plain.replace = NULL;
    world_build(&plain, &made);
    CHECK(ph_intel_quote_parse(ph_buf_view(&made.quote), &q, &failed) == PH_OK);
    return (size_t)(q.qe_auth.ptr - made.quote.ptr) + q.qe_auth.len;
}

static void put_evidence(FILE *f, const struct world *w)
{
    struct world_made made PH_OWNED(world_made_clear);
    world_build(w, &made);
    const struct ph_collateral_parts *p = &made.parts;
    const struct ph_bytes chain = ph_synth_pki_chain_pem(made.pki);
    const size_t end = certification_at(w);

    put_cert(f, "pck", chain, 0);
    put_cert(f, "ca", chain, 1);
    put_cert(f, "root", chain, 2);
    put_cert(f, "signer", p->tcb_info_chain_pem, 0);
    put_cert(f, "qe_signer", p->qe_identity_chain_pem, 0);
    if (p->tcb_info_json.len > 0)
        put_signed(f, "tcb_info", "tcbInfo", p->tcb_info_json);
    if (p->qe_identity_json.len > 0)
        put_signed(f, "qe_identity", "enclaveIdentity", p->qe_identity_json);
    if (p->root_ca_crl.len > 0)
        put(f, "root_crl", p->root_ca_crl);
    if (p->pck_crl.len > 0)
        put(f, "pck_crl", p->pck_crl);
    put(f, "quote", (struct ph_bytes){made.quote.ptr, made.quote.len < end ? made.quote.len : end});
    put(f, "bind", (struct ph_bytes){w->expected, 32});
}

static void put_case(const char *dir, const char *name, const struct world *w)
{
    static struct ph_verdict v;
    char path[4096];

    (void)snprintf(path, sizeof(path), "%s/%s.json", dir, name);
    FILE *f = fopen(path, "wb");
    CHECK(f);
    (void)fprintf(f, "{");
    put_evidence(f, w);
    const bool accepted = world_judge(w, &v) == PH_OK;
    (void)fprintf(f,
                  "\"now\":%" PRId64 ",\"accepted\":%s,\"reason\":\"%s\",\"status\":%d,"
                  "\"tcb_date\":%" PRId64 ",\"eval_no\":%" PRIu32 ",\"valid_until\":%" PRId64 "}\n",
                  w->now_s, accepted ? "true" : "false", v.reason, (int)v.status, v.tcb_date_s,
                  v.evaluation_number, v.valid_until_s);
    CHECK(fclose(f) == 0);
}

int main(int argc, char **argv)
{
    static struct world w;
    char name[64], path[4096];

    if (argc != 2) {
        (void)fprintf(stderr, "usage: synth_chain_tool DIR\n");
        return 2;
    }
    (void)snprintf(path, sizeof(path), "%s/index.json", argv[1]);
    FILE *index = fopen(path, "wb");
    CHECK(index);
    (void)fprintf(index, "{\"cases\":[");
    for (size_t n = 0; chain_case(n, name, &w); n++) {
        put_case(argv[1], name, &w);
        (void)fprintf(index, "%s\"%s\"", n ? "," : "", name);
    }
    (void)fprintf(index, "]}\n");
    CHECK(fclose(index) == 0);
    return 0;
}
