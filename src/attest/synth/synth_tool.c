/* Writes a folder of synthetic evidence, with the file names of real sets: for trying the CLI
 * without hardware, and for the corpora of the fuzz targets.
 *
 *   synth_tool DIR TIME [tdx4|tdx5|td15|sgx3|snp|nvidia]
 *
 * Of SEV-SNP: report.bin (Milan, VCEK), vek_cert.der, cert_chain.pem, crl.der. Of NVIDIA:
 * evidence.json (one Hopper), rim-0.xml (driver), rim-1.xml (VBIOS), ocsp-0.der to ocsp-5.der.
 *
 * policy.json in the folder names its root, as a simulator's.
 */

#include "attest/amd/snp_synth.h"
#include "attest/evidence_bundle.h"
#include "attest/intel/verify.h"
#include "attest/nvidia/test_world.h"
#include "attest/synth/synth.h"
#include "attest/synth/synth_rsa.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "codec/base64.h"

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

static void store_policy(const char *dir, const uint8_t root_hash[static 32])
{
    char hex[65], text[256];

    ph_hex_encode((struct ph_bytes){root_hash, 32}, hex);
    (void)snprintf(text, sizeof(text),
                   "{\"statuses\":[\"UpToDate\"],\"measurements\":\"any\","
                   "\"simulator_root_insecure\":\"%s\"}\n",
                   hex);
    store(dir, "policy.json", ph_bytes_str(text));
}

static void make_snp(const char *dir, int64_t now_s)
{
    struct ph_buf report PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf vek PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf ask PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf ark PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf crl PH_OWNED(ph_buf_clear) = PH_BUF(8192);
    struct ph_buf chain PH_OWNED(ph_buf_clear) = PH_BUF(16384);
    struct ph_synth_snp_keys keys;
    struct ph_synth_snp s;
    uint8_t root[32];

    if (ph_synth_snp_keys_new(&keys) != PH_OK)
        die("no keys");
    ph_synth_snp_defaults(&s, &keys, PH_SNP_MILAN, 3, false, now_s);
    if (ph_synth_snp_report(&s, &report) != PH_OK || ph_synth_snp_vek(&s, &vek) != PH_OK ||
        ph_synth_snp_ask(&s, &ask) != PH_OK || ph_synth_snp_ark(&s, &ark) != PH_OK ||
        ph_synth_snp_crl(&s, &crl) != PH_OK || ph_synth_rsa_pin(keys.ark, root) != PH_OK ||
        ph_pem_encode("CERTIFICATE", ph_buf_view(&ask), &chain) != PH_OK ||
        ph_pem_encode("CERTIFICATE", ph_buf_view(&ark), &chain) != PH_OK)
        die("no report");
    store(dir, "report.bin", ph_buf_view(&report));
    store(dir, "vek_cert.der", ph_buf_view(&vek));
    store(dir, "cert_chain.pem", ph_buf_view(&chain));
    store(dir, "crl.der", ph_buf_view(&crl));
    store_policy(dir, root);
    ph_synth_snp_keys_clear(&keys);
}

/* One root vouches for devices and manifests: a policy names one simulator's root. */
static void share_root(struct nv_world *w)
{
    const uint8_t *secret = w->dev[0].cert[PH_SYNTH_NV_CERTS - 1].secret;

    for (size_t i = 0; i < w->rim_cnt; i++) {
        struct ph_synth_p384_cert *root = &w->rim[i].cert[PH_RIM_CERT_CNT - 1];
        root->secret = root->issuer_secret = secret;
        root[-1].issuer_secret = secret;
    }
}

static void make_nvidia(const char *dir, int64_t now_s)
{
    static struct nv_world w;
    static struct nv_made made;
    uint8_t root[32];
    char name[32];

    nv_world_init(&w, PH_NVIDIA_HOPPER);
    for (size_t i = 0; i < NV_OCSP; i++) {
        ph_synth_ocsp_init(&w.ocsp[i], now_s);
        w.ocsp[i].hash = "2.16.840.1.101.3.4.2.2"; /* SHA-384: what the CLI asks with */
    }
    share_root(&w);
    nv_world_make(&w, &made);
    store(dir, "evidence.json", ph_buf_view(&made.evidence));
    for (size_t i = 0; i < made.rim_cnt; i++) {
        (void)snprintf(name, sizeof(name), "rim-%zu.xml", i);
        store(dir, name, made.rims[i]);
    }
    for (size_t i = 0; i < made.ocsp_cnt; i++) {
        (void)snprintf(name, sizeof(name), "ocsp-%zu.der", i);
        store(dir, name, made.ocsps[i]);
    }
    if (ph_synth_nv_root(root) != PH_OK)
        die("no root");
    store_policy(dir, root);
    nv_made_clear(&made);
    nv_world_clear(&w);
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
        die("usage: synth_tool DIR 2025-06-19T10:32:27Z [tdx4|tdx5|td15|sgx3|snp|nvidia]");
    const char *kind = argc == 4 ? argv[3] : "tdx4";
    if (strcmp(kind, "snp") == 0) {
        make_snp(argv[1], evidence.time_s);
        return 0;
    }
    if (strcmp(kind, "nvidia") == 0) {
        make_nvidia(argv[1], evidence.time_s);
        return 0;
    }
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
    uint8_t root[64], hash[32];
    ph_synth_pki_root(pki, root);
    ph_attest_root_hash(root, hash);
    store_policy(argv[1], hash);
    return 0;
}
