/* Writes a folder of synthetic evidence, with the file names of real sets: for trying the CLI
 * without hardware, and for the corpora of the fuzz targets.
 *
 *   synth_tool DIR TIME [tdx4|tdx5|td15|sgx3]
 *
 * policy.json in the folder names its root, as a simulator's.
 */

#include "attest/evidence_bundle.h"
#include "attest/synth.h"
#include "attest/verify.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>

static _Noreturn void die(const char *what)
{
    (void)fprintf(stderr, "synth_tool: %s\n", what);
    exit(2);
}

static void store(const char *dir, const char *name, struct ph_bytes bytes)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes.ptr, 1, bytes.len, f) != bytes.len || fclose(f) != 0)
        die(path);
}

static void store_policy(const char *dir, const struct ph_synth_pki *pki)
{
    uint8_t root[64], hash[32];
    char hex[65], text[256];

    ph_synth_pki_root(pki, root);
    ph_attest_root_hash(root, hash);
    ph_hex_encode(PH_BYTES_OF(hash), hex);
    (void)snprintf(text, sizeof(text),
                   "{\"statuses\":[\"UpToDate\"],\"measurements\":\"any\","
                   "\"simulator_root_insecure\":\"%s\"}\n",
                   hex);
    store(dir, "policy.json", ph_bytes_str(text));
}

static void make_quote(struct ph_synth *s, const struct ph_synth_pki *pki, const char *kind,
                       struct ph_buf *out)
{
    struct ph_tdx_body td;
    struct ph_tdx15_tail tail = {0};
    struct ph_sgx_body enclave;
    enum ph_err err;

    ph_synth_tdx_body(s, &td);
    ph_synth_sgx_body(s, &enclave);
    memcpy(tail.tee_tcb_svn2, td.tee_tcb_svn, sizeof(tail.tee_tcb_svn2));
    if (!s->tdx)
        err = ph_synth_sgx_quote(s, pki, &enclave, out);
    else
        err = ph_synth_tdx_quote(s, pki, &td, strcmp(kind, "td15") == 0 ? &tail : NULL, out);
    if (err != PH_OK)
        die("no quote");
}

int main(int argc, char **argv)
{
    static const uint8_t seed[32] = "synthetic evidence for anybody";
    struct ph_buf quote PH_OWNED(ph_buf_clear) = PH_BUF(PH_QUOTE_MAX);
    struct ph_buf bundle PH_OWNED(ph_buf_clear) = PH_BUF(PH_EVIDENCE_MAX);
    struct ph_synth_pki *pki PH_OWNED(ph_synth_pki_freep) = NULL;
    struct ph_evidence evidence = {0};
    struct ph_synth s;

    if (argc < 3 || argc > 4 ||
        ph_time_parse_rfc3339(ph_bytes_str(argv[2]), &evidence.time_s) != PH_OK)
        die("usage: synth_tool DIR 2025-06-19T10:32:27Z [tdx4|tdx5|td15|sgx3]");
    const char *kind = argc == 4 ? argv[3] : "tdx4";
    if (ph_synth_defaults(&s, seed, evidence.time_s) != PH_OK)
        die("no keys");
    s.tdx = strcmp(kind, "sgx3") != 0;
    s.quote_version = s.tdx ? (strcmp(kind, "tdx4") == 0 ? 4 : 5) : 3;
    if (ph_synth_pki_new(&s, &pki) != PH_OK)
        die("no PKI");
    make_quote(&s, pki, kind, &quote);
    evidence.quote = ph_buf_view(&quote);
    evidence.collateral = ph_synth_pki_parts(pki);
    if (ph_evidence_encode(&evidence, &bundle) != PH_OK)
        die("no bundle");

    const struct ph_collateral_parts *p = &evidence.collateral;
    store(argv[1], "quote.bin", evidence.quote);
    store(argv[1], "pck_chain.pem", ph_synth_pki_chain_pem(pki));
    store(argv[1], "tcb_info.signed.json", p->tcb_info_json);
    store(argv[1], "tcb_info_chain.pem", p->tcb_info_chain_pem);
    store(argv[1], "qe_identity.signed.json", p->qe_identity_json);
    store(argv[1], "qe_identity_chain.pem", p->qe_identity_chain_pem);
    store(argv[1], "pck_crl.der", p->pck_crl);
    store(argv[1], "root_ca_crl.der", p->root_ca_crl);
    store(argv[1], "bundle.json", ph_buf_view(&bundle));
    store_policy(argv[1], pki);
    return 0;
}
