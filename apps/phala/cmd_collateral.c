/* phala collateral */

#include "collateral_fetch.h"
#include "evidence_files.h"

#include "attest/amd/snp_vek.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"

#include <stdio.h>
#include <stdlib.h>

#define PCS "https://api.trustedservices.intel.com"
#define ROOT_CRL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
#define KDS "https://kdsintf.amd.com"
#define RIM_SERVICE "https://rim.attestation.nvidia.com"
#define OCSP_SERVICE "https://ocsp.ndis.nvidia.com"

static const struct ph_opt collateral_opts[] = {
    {"dir", 'd', "DIR", "cache to take from and to keep in; made if it is not there"},
    {"bundle", 'b', "FILE", "write FILE's evidence with all of it as one bundle"},
    {"fmspc", 0, "HEX", "Intel: platform family, 12 digits, in place of an evidence file"},
    {"pck-ca", 0, "CA", "Intel: platform or processor, with --fmspc"},
    {"tee", 0, "TEE", "Intel: tdx (the default) or sgx, with --fmspc"},
    {"update", 0, "WHICH", "Intel: standard (the default) or early TCB data"},
    {"product", 0, "NAME", "AMD: Milan, Genoa or Turin, with --hwid and --tcb"},
    {"hwid", 0, "HEX", "AMD: chip id, 128 digits; of Turin 16"},
    {"tcb", 0, "A.B.C.D", "AMD: bootloader.tee.snp.microcode, of Turin with .fmc after it"},
    {"cert", 0, "FILE", "AMD: the VLEK; NVIDIA: the chain of a raw report"},
    {"rim-id", 0, "ID", "NVIDIA: a manifest by name; may be repeated"},
    {"pcs", 0, "URL", "Intel's service, or a caching one (PCCS); default " PCS},
    {"root-crl", 0, "URL", "Intel: the root's revocation list"},
    {"kds", 0, "URL", "AMD's service; default " KDS},
    {"rim-service", 0, "URL", "NVIDIA's manifests; default " RIM_SERVICE},
    {"ocsp-service", 0, "URL", "NVIDIA's OCSP; default " OCSP_SERVICE},
    {"ca", 0, "FILE", "PEM authority to trust for TLS besides the system's"},
    {"policy", 0, "FILE", "evidence policy that names a simulator's root, for development"},
    {"at", 0, "TIME", "check and keep as of this moment; default: now"},
    {"timeout", 0, "SECONDS", "for each request; default 30"},
    {0},
};
static const struct ph_opt *const tables[] = {collateral_opts, ph_opts_common, NULL};

static const char *value(const struct ph_cli *cli, const char *name, const char *otherwise)
{
    const char *given = ph_opts_get(&cli->opts, name);
    return given ? given : otherwise;
}

/* A base URL without slashes at its end, in the caller's storage. */
static int read_url(const struct ph_cli *cli, const char *option, const char *otherwise,
                    char out[static 512])
{
    const char *url = value(cli, option, otherwise);
    size_t len = strlen(url);

    if (!ph_collateral_url_ok(url) || len >= 512 || strpbrk(url, " \t\r\n?#") != NULL)
        return ph_fail_usage(cli, "--%s: \"%.200s\" is no https (or http) URL without a query",
                             option, url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    (void)snprintf(out, 512, "%.*s", (int)len, url);
    return PH_EXIT_OK;
}

/* Storage of one run; on the heap. */
struct run {
    struct ph_fetch fetch;
    struct ph_evidence_files files;
    struct ph_policy policy;
    struct ph_attest_roots roots;
    struct ph_buf kept[PH_FETCH_DOCS_MAX];
    struct ph_needs needs;
    char pcs[512], root_crl[512], kds[512], rim[512], ocsp[512];
    json_t *removed;
};

static void free_run(struct run **run)
{
    struct run *r = *run;
    if (!r)
        return;
    ph_evidence_files_clear(&r->files);
    for (size_t i = 0; i < r->fetch.kept_cnt; i++)
        ph_buf_clear(&r->kept[i]);
    ph_cache_close(r->fetch.cache);
    json_decref(r->fetch.items);
    json_decref(r->removed);
    free(r);
}

static int read_services(const struct ph_cli *cli, struct run *r)
{
    const char *update = value(cli, "update", "standard");
    uint64_t timeout_s = 30;

    int rc = read_url(cli, "pcs", PCS, r->pcs);
    /* A caching service has the root's list beside the others. */
    if (rc == PH_EXIT_OK &&
        (ph_opts_has(&cli->opts, "root-crl") || !ph_opts_has(&cli->opts, "pcs")))
        rc = read_url(cli, "root-crl", ROOT_CRL, r->root_crl);
    if (rc == PH_EXIT_OK)
        rc = read_url(cli, "kds", KDS, r->kds);
    if (rc == PH_EXIT_OK)
        rc = read_url(cli, "rim-service", RIM_SERVICE, r->rim);
    if (rc == PH_EXIT_OK)
        rc = read_url(cli, "ocsp-service", OCSP_SERVICE, r->ocsp);
    if (rc != PH_EXIT_OK)
        return rc;
    if (strcmp(update, "standard") != 0 && strcmp(update, "early") != 0)
        return ph_fail_usage(cli, "--update: \"%.40s\" is neither standard nor early", update);
    if (ph_opts_has(&cli->opts, "timeout") &&
        ph_opts_number(ph_opts_get(&cli->opts, "timeout"), 1, 3600, &timeout_s) != PH_OK)
        return ph_fail_usage(cli, "--timeout: expected 1 to 3600 seconds");
    r->fetch.services = (struct ph_services){
        .pcs = r->pcs,
        .root_crl = r->root_crl[0] != '\0' ? r->root_crl : NULL,
        .kds = r->kds,
        .rim = r->rim,
        .ocsp = r->ocsp,
        .update = update,
        .ca_file = ph_opts_get(&cli->opts, "ca"),
        .timeout_s = (long)timeout_s,
    };
    return PH_EXIT_OK;
}

static int read_by(const struct ph_cli *cli, struct run *r)
{
    const char *at = ph_opts_get(&cli->opts, "at"), *policy = ph_opts_get(&cli->opts, "policy");
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(0);
    struct ph_json_why why = {""};
    int64_t now_s = ph_clock_wall_ms() / 1000;

    if (at && strcmp(at, "now") != 0 && ph_time_parse_rfc3339(ph_bytes_str(at), &now_s) != PH_OK)
        return ph_fail_usage(cli, "--at: expected a time like 2025-06-19T10:32:27Z, or now");
    if (policy && (ph_evidence_file_read(policy, PH_POLICY_JSON_MAX, &text, &why) != PH_OK ||
                   ph_policy_parse(ph_buf_view(&text), &r->policy, &why) != PH_OK)) {
        (void)ph_fail(cli, "policy-malformed", policy, NULL, "%s", why.text);
        return PH_EXIT_USAGE;
    }
    r->roots = ph_attest_roots_production();
    r->fetch.by = (struct ph_check_by){&r->roots, &r->policy, now_s};
    return PH_EXIT_OK;
}

static int explicit_intel(const struct ph_cli *cli, struct ph_collateral_key *key)
{
    const char *ca = value(cli, "pck-ca", ""), *tee = value(cli, "tee", "tdx");

    if (ph_hex_decode(ph_bytes_str(value(cli, "fmspc", "")), key->fmspc, sizeof(key->fmspc)) !=
        PH_OK)
        return ph_fail_usage(cli, "--fmspc: expected 12 hexadecimal digits");
    if (strcmp(ca, "platform") != 0 && strcmp(ca, "processor") != 0)
        return ph_fail_usage(cli, "--pck-ca: say platform or processor");
    if (strcmp(tee, "tdx") != 0 && strcmp(tee, "sgx") != 0)
        return ph_fail_usage(cli, "--tee: say tdx or sgx");
    key->platform_ca = strcmp(ca, "platform") == 0;
    key->tee = strcmp(tee, "tdx") == 0 ? PH_TEE_TDX : PH_TEE_SGX;
    return PH_EXIT_OK;
}

static int read_tcb(const struct ph_cli *cli, struct ph_snp_need *need)
{
    const bool turin = need->product == PH_SNP_TURIN;
    uint8_t *const part[] = {&need->tcb.bootloader, &need->tcb.tee, &need->tcb.snp,
                             &need->tcb.microcode, &need->tcb.fmc};
    const size_t cnt = turin ? 5 : 4;
    const char *text = value(cli, "tcb", "");
    size_t n = 0;

    for (; n < cnt; n++) {
        const size_t len = strcspn(text, ".");
        char digits[8];
        uint64_t v;
        (void)snprintf(digits, sizeof(digits), "%.*s", (int)(len < 7 ? len : 7), text);
        if (ph_opts_number(digits, 0, 255, &v) != PH_OK)
            break;
        *part[n] = (uint8_t)v;
        text += len;
        text += *text == '.' && n + 1 < cnt;
    }
    if (n != cnt || *text != '\0')
        return ph_fail_usage(cli, "--tcb: expected %zu numbers of 0 to 255 with dots between", cnt);
    return PH_EXIT_OK;
}

static int explicit_snp(const struct ph_cli *cli, struct ph_snp_need *need)
{
    const char *hwid = value(cli, "hwid", "");

    need->product = ph_snp_product_of_name(ph_bytes_str(value(cli, "product", "")));
    if (need->product == PH_SNP_UNKNOWN)
        return ph_fail_usage(cli, "--product: say Milan, Genoa or Turin");
    need->chip_id_len = need->product == PH_SNP_TURIN ? 8 : 64;
    if (ph_hex_decode(ph_bytes_str(hwid), need->chip_id, need->chip_id_len) != PH_OK)
        return ph_fail_usage(cli, "--hwid: expected %zu hexadecimal digits", 2 * need->chip_id_len);
    return read_tcb(cli, need);
}

/* What the command line names, in place of evidence. */
static int explicit_needs(const struct ph_cli *cli, struct ph_needs *needs)
{
    const char *id;
    size_t at = 0;
    int rc = PH_EXIT_OK;

    needs->has_intel = ph_opts_has(&cli->opts, "fmspc");
    needs->has_snp = ph_opts_has(&cli->opts, "hwid") || ph_opts_has(&cli->opts, "product");
    if (needs->has_intel)
        rc = explicit_intel(cli, &needs->intel);
    if (rc == PH_EXIT_OK && needs->has_snp)
        rc = explicit_snp(cli, &needs->snp);
    while (rc == PH_EXIT_OK && (id = ph_opts_next(&cli->opts, "rim-id", &at)) != NULL) {
        if (!ph_is_file_name(id) || needs->rim_cnt == PH_EVIDENCE_RIMS_MAX)
            return ph_fail_usage(cli,
                                 "--rim-id: \"%.130s\" is no manifest's name, or one of more "
                                 "than 16",
                                 id);
        (void)snprintf(needs->rim[needs->rim_cnt++], PH_SPDM_RIM_ID_LEN, "%s", id);
    }
    if (rc == PH_EXIT_OK && !needs->has_intel && !needs->has_snp && needs->rim_cnt == 0)
        return ph_fail_usage(cli, "say for what: FILE, --fmspc, --hwid or --rim-id");
    return rc;
}

static int read_needs(const struct ph_cli *cli, struct run *r)
{
    struct ph_json_why why = {"out of memory"};

    if (cli->opts.operand_cnt < 2)
        return explicit_needs(cli, &r->needs);
    if (ph_opts_has(&cli->opts, "fmspc") || ph_opts_has(&cli->opts, "hwid") ||
        ph_opts_has(&cli->opts, "product") || ph_opts_has(&cli->opts, "rim-id"))
        return ph_fail_usage(cli, "FILE says what is needed: leave out --fmspc, --hwid, --product "
                                  "and --rim-id");
    const struct ph_evidence_sources from = {.file = cli->opts.operands[1],
                                             .cert = ph_opts_get(&cli->opts, "cert")};
    if (ph_evidence_files_load(&r->files, &from, &why) != PH_OK ||
        ph_needs_of(&r->files.evidence, &r->needs, &why) != PH_OK) {
        (void)ph_fail(cli, "bad-evidence", cli->opts.operands[1], "check the file", "%s", why.text);
        return PH_EXIT_USAGE;
    }
    r->fetch.evidence = r->files.evidence;
    r->fetch.evidence.nvidia.rim_cnt = 0;
    r->fetch.evidence.nvidia.ocsp_cnt = 0;
    return PH_EXIT_OK;
}

static int fetch_all(struct run *r)
{
    struct ph_fetch *f = &r->fetch;
    int rc = PH_EXIT_OK;

    if (r->needs.has_intel)
        rc = ph_fetch_intel(f, &r->needs.intel);
    if (rc == PH_EXIT_OK && r->needs.has_snp)
        rc = ph_fetch_snp(f, &r->needs.snp);
    for (size_t i = 0; i < r->needs.rim_cnt && rc == PH_EXIT_OK; i++)
        rc = ph_fetch_rim(f, r->needs.rim[i]);
    return rc == PH_EXIT_OK ? ph_fetch_ocsp(f) : rc;
}

static int print_items(const struct ph_cli *cli, const struct run *r)
{
    const char *dir = ph_opts_get(&cli->opts, "dir"), *bundle = ph_opts_get(&cli->opts, "bundle");

    if (cli->json)
        return ph_print_json(json_pack("{s:b,s:O,s:O,s:s?,s:s?}", "ok", 1, "items", r->fetch.items,
                                       "removed", r->removed, "dir", dir, "bundle", bundle));
    for (size_t i = 0; i < json_array_size(r->fetch.items); i++) {
        const json_t *item = json_array_get(r->fetch.items, i);
        (void)printf(
            "%-7s %s, valid until %s%s%s\n", json_string_value(json_object_get(item, "source")),
            json_string_value(json_object_get(item, "name")),
            json_string_value(json_object_get(item, "valid_until")),
            json_is_true(json_object_get(item, "revoked")) ? ", REVOKED" : "",
            json_is_true(json_object_get(item, "insecure_simulator")) ? ", INSECURE-SIMULATOR"
                                                                      : "");
    }
    for (size_t i = 0; i < json_array_size(r->removed); i++)
        (void)printf("expired %s\n", json_string_value(json_array_get(r->removed, i)));
    if (json_array_size(r->fetch.items) == 0)
        (void)printf("This evidence needs nothing.\n");
    return PH_EXIT_OK;
}

static int fetch(struct ph_cli *cli, struct run *r)
{
    const char *dir = ph_opts_get(&cli->opts, "dir"), *bundle = ph_opts_get(&cli->opts, "bundle");
    struct ph_json_why why = {"out of memory"};

    int rc = read_services(cli, r);
    if (rc == PH_EXIT_OK)
        rc = read_by(cli, r);
    if (rc == PH_EXIT_OK)
        rc = read_needs(cli, r);
    if (rc != PH_EXIT_OK)
        return rc;
    if (dir && ph_cache_open(dir, &r->fetch.cache, &why) != PH_OK)
        return ph_fail(cli, "cache", dir, NULL, "%s", why.text);
    rc = fetch_all(r);
    /* What came before a refusal is good, and stays. */
    if (r->fetch.cache && ph_cache_finish(r->fetch.cache, r->fetch.by.now_s, r->removed) != PH_OK &&
        rc == PH_EXIT_OK)
        return ph_fail(cli, "cache", dir, "check space and permissions of the folder",
                       "the cache's index could not be written");
    if (rc != PH_EXIT_OK)
        return rc;
    if (bundle &&
        ph_evidence_write_bundle(&r->fetch.evidence, r->fetch.by.now_s, bundle, &why) != PH_OK)
        return ph_fail(cli, "bundle", bundle, NULL, "%s", why.text);
    return print_items(cli, r);
}

static int run(struct ph_cli *cli)
{
    struct run *r PH_OWNED(free_run) = calloc(1, sizeof(*r));

    if (strcmp(cli->opts.operands[0], "fetch") != 0)
        return ph_fail_usage(cli, "say fetch");
    if (!ph_opts_has(&cli->opts, "dir") && !ph_opts_has(&cli->opts, "bundle"))
        return ph_fail_usage(cli, "say where it goes: --dir, --bundle or both");
    if (ph_opts_has(&cli->opts, "bundle") && cli->opts.operand_cnt < 2)
        return ph_fail_usage(cli, "--bundle goes with an evidence FILE");
    if (!r || !(r->fetch.items = json_array()) || !(r->removed = json_array()))
        return ph_fail(cli, "memory", NULL, NULL, "out of memory");
    r->fetch.cli = cli;
    r->fetch.kept = r->kept;
    return fetch(cli, r);
}

const struct ph_cmd ph_cmd_collateral = {
    .name = "collateral",
    .operands = "fetch [FILE]",
    .summary = "Fetch what evidence is judged with",
    .details =
        "FILE is evidence of any kind that `phala evidence` reads: what judging it needs is "
        "fetched\n"
        "from the vendors' services. Or name it: --fmspc; --product, --hwid and --tcb; --rim-id.\n"
        "\n"
        "Each document is checked before it is kept: format, signature up to the vendor's root,\n"
        "subject, validity now. What the cache holds and is still valid is not asked for again;\n"
        "what has expired is removed. `phala evidence verify --collateral DIR` and `phalad\n"
        "--collateral DIR` read the cache. Redirects are refused.",
    .tables = tables,
    .operand_min = 1,
    .operand_max = 2,
    .run = run,
};
