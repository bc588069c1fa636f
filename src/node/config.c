#include "node/config.h"

#include "base/hex.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/* In pieces: a literal has at most 4,095 characters. */
static const char *const usage[] = {
    "phalad: the worker of a confidential compute network\n"
    "\n"
    "usage: phalad --data DIR --listen ADDRESS:PORT [options]\n"
    "\n"
    "  --data DIR                     where deployed phats, sealed secrets and receipts are kept\n"
    "  --listen ADDRESS:PORT          HTTP: API, /p/<phat>/… and <phat>.<domain>; port 0 takes "
    "any\n"
    "  --tls ADDRESS:PORT             the same over TLS\n"
    "  --listen-phat ADDRESS:PORT=ID  every path belongs to this phat\n"
    "  --tls-phat ADDRESS:PORT=ID     the same over TLS\n"
    "  --tls-cert FILE                certificate chain for the worker's TLS key, read again "
    "at\n"
    "                                 SIGHUP (default: self-signed, with evidence)\n"
    "  --domain NAME                  phats answer at <id>.NAME\n"
    "  --cluster-url URL              share phats with every worker that has the same --state: "
    "where "
    "callers\n"
    "                                 reach this one, http(s)://HOST[:PORT]\n"
    "  --owner 0xADDRESS              who may deploy; may be repeated\n"
    "  --open                         anyone may deploy\n"
    "  --operator 0xADDRESS           owner of this worker, bound by its evidence\n"
    "  --tee auto|tsm|simulator|simulator-snp\n"
    "                                 where evidence comes from; simulators are INSECURE and say "
    "so\n"
    "  --state URL                    commit log of phats' states: file:DIR (default: "
    "DIR/state-log under\n"
    "                                 --data) or postgresql://USER@HOST/DATABASE\n"
    "  --collateral DIR               collateral for quotes that others ask to verify, and for\n"
    "                                 this machine's own\n"
    "  --os-images FILE               OS images that guests may run to be called valid by /verify\n"
    "  --join https://HOST:PORT       first start: get the keys of that worker's cluster; later: "
    "newer\n"
    "                                 epochs of them\n"
    "  --key-owner 0xADDRESS          first start of a new cluster: who may have its keys rotated "
    "and\n"
    "                                 backed up; may be repeated; without one nobody may, ever\n"
    "  --key-owners-needed N          so many of them must sign (default: all)\n"
    "  --epoch-grace SECONDS          after a rotation, and a start, older epochs of the keys are "
    "kept for\n"
    "                                 so long at least (default 900): for who encrypted to them\n"
    "  --restore 0xCLUSTER            first start: wait for the shares of a backup of that "
    "cluster's keys\n"
    "  --cluster-policy FILE          evidence that workers must show to be given the cluster's "
    "keys, or\n"
    "                                 to give them; without it nothing is handed over\n",
    "  --chain URL                    answer contracts: a node of the chain (http, https, ws, "
    "wss); may be\n"
    "                                 repeated\n"
    "  --network FILE                 with --chain: contracts, and what may be spent\n"
    "  --chain-input URL              with --chain: where inputs are that requests name by "
    "keccak-256 "
    "alone,\n"
    "                                 at URL/0x<hash>; may be repeated\n"
    "  --committee-member URL         who certifies evidence that the chain does not judge; may be "
    "repeated\n"
    "  --chain-quorum N               nodes that must agree (default: more than half)\n"
    "  --confirmations N              blocks that make final (default: what nodes call so)\n"
    "  --guest-agent DIR              dstack's guest agent API for programs beside the worker: "
    "DIR/<phat>.sock\n"
    "  --guest-agent-quotes           its GetQuote too: anyone who may open a socket gets quotes "
    "of "
    "this machine\n"
    "  --ephemeral-keys               accept keys that do not survive a restart (no sealing "
    "hardware)\n"
    "  --keyd PATH, --run PATH        phala-keyd and phala-run (default: beside phalad)\n"
    "  --require-sandbox full         refuse to start unless every sandbox layer is in force\n"
    "  --no-jit                       interpret JavaScript only\n"
    "  --warm N                       instances that wait ready (default 2)\n"
    "  --no-spare                     keep no process that is ready to become an instance\n"
    "  --instances N                  instances that run phats at once (default 256)\n"
    "  --idle SECONDS                 end an instance without calls (default 300)\n"
    "  --grace SECONDS                for calls in flight at shutdown (default 30)\n"
    "  --connections N                HTTP connections at once (default 4096)\n"
    "  --connections-per-address N    of one address, or one IPv6 /64 (default 1024); behind a "
    "proxy\n"
    "                                 as many as --connections\n"
    "  --receipt-bytes N, --receipt-seconds N   how long receipts are kept (default 1 GiB, 7 "
    "days)\n"
    "  --private-host-insecure HOST:PORT        phats may reach this private address "
    "(development)\n"
    "  --extra-ca FILE                further roots for outgoing TLS\n"
    "  --ready-fd N                   write one JSON line there when serving\n"
    "  --print-routes                 list the HTTP routes and exit\n"
    "  --help, --version\n",
    NULL,
};

const char *const *ph_config_usage(void)
{
    return usage;
}

static enum ph_err fail(char *why, const char *option, const char *what)
{
    (void)snprintf(why, 256, "--%s: %s", option, what);
    return PH_ERR_MALFORMED;
}

static enum ph_err parse_u32(const char *text, uint32_t least, uint32_t greatest, uint32_t *out)
{
    char *end;
    const unsigned long long v = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v < least || v > greatest)
        return PH_ERR_MALFORMED;
    *out = (uint32_t)v;
    return PH_OK;
}

/* "127.0.0.1:8080", "[::1]:8080", "/run/phala.sock"; with one_phat "…=<phat id>". */
static enum ph_err parse_listen(const char *text, bool one_phat, bool tls, struct ph_listen *out)
{
    struct ph_listen l = {.tls = tls, .one_phat = one_phat};
    char copy[200], *phat, *port;
    uint32_t number = 0;

    if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
        return PH_ERR_MALFORMED;
    phat = strrchr(copy, '=');
    if (one_phat) {
        if (!phat || ph_hex_decode(ph_bytes_str(phat + 1), l.phat.b, sizeof(l.phat.b)) != PH_OK)
            return PH_ERR_MALFORMED;
        *phat = '\0';
    }
    if (copy[0] != '/') {
        port = strrchr(copy, ':');
        if (!port || parse_u32(port + 1, 0, 65535, &number) != PH_OK)
            return PH_ERR_MALFORMED;
        *port = '\0';
    }
    const char *address = copy;
    size_t len = strlen(copy);
    if (copy[0] == '[' && len > 2 && copy[len - 1] == ']') {
        address = copy + 1;
        copy[len - 1] = '\0';
    }
    if (address[0] == '\0' ||
        (size_t)snprintf(l.address, sizeof(l.address), "%s", address) >= sizeof(l.address))
        return PH_ERR_MALFORMED;
    l.port = (uint16_t)number;
    *out = l;
    return PH_OK;
}

bool ph_url_is_base(struct ph_bytes url)
{
    const size_t scheme = url.len > 8 && memcmp(url.ptr, "https://", 8) == 0  ? 8
                          : url.len > 7 && memcmp(url.ptr, "http://", 7) == 0 ? 7
                                                                              : 0;

    for (size_t i = scheme; i < url.len; i++) {
        const uint8_t c = url.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == ':' || c == '[' || c == ']'))
            return false;
    }
    return scheme > 0 && url.len <= 255;
}

static enum ph_err parse_address(const char *text, struct ph_eth_address *out)
{
    return ph_hex_decode(ph_bytes_str(text), out->b, sizeof(out->b));
}

enum option_id {
    OPT_DATA = 256,
    OPT_LISTEN,
    OPT_TLS,
    OPT_LISTEN_PHAT,
    OPT_TLS_PHAT,
    OPT_TLS_CERT,
    OPT_DOMAIN,
    OPT_CLUSTER_URL,
    OPT_OWNER,
    OPT_OPEN,
    OPT_OPERATOR,
    OPT_TEE,
    OPT_COLLATERAL,
    OPT_JOIN,
    OPT_CLUSTER_POLICY,
    OPT_STATE,
    OPT_OS_IMAGES,
    OPT_GUEST_AGENT,
    OPT_GUEST_QUOTES,
    OPT_EPHEMERAL,
    OPT_KEYD,
    OPT_RUN,
    OPT_SANDBOX,
    OPT_NO_JIT,
    OPT_WARM,
    OPT_NO_SPARE,
    OPT_INSTANCES,
    OPT_IDLE,
    OPT_GRACE,
    OPT_EPOCH_GRACE,
    OPT_CONNECTIONS,
    OPT_PER_ADDRESS,
    OPT_RECEIPT_BYTES,
    OPT_RECEIPT_SECONDS,
    OPT_PRIVATE_HOST,
    OPT_EXTRA_CA,
    OPT_READY_FD,
    OPT_PRINT_ROUTES,
    OPT_KEY_OWNER,
    OPT_KEY_OWNERS_NEEDED,
    OPT_RESTORE,
    OPT_CHAIN,
    OPT_NETWORK,
    OPT_CHAIN_QUORUM,
    OPT_MEMBER,
    OPT_CHAIN_INPUT,
    OPT_CONFIRMATIONS,
};

/* clang-format off */
static const struct option options[] = {
    { "data", 1, NULL, OPT_DATA },             { "listen", 1, NULL, OPT_LISTEN },
    { "tls", 1, NULL, OPT_TLS },               { "listen-phat", 1, NULL, OPT_LISTEN_PHAT },
    { "tls-phat", 1, NULL, OPT_TLS_PHAT },     { "tls-cert", 1, NULL, OPT_TLS_CERT },
    { "cluster-url", 1, NULL, OPT_CLUSTER_URL },
    { "domain", 1, NULL, OPT_DOMAIN },         { "owner", 1, NULL, OPT_OWNER },
    { "open", 0, NULL, OPT_OPEN },             { "operator", 1, NULL, OPT_OPERATOR },
    { "join", 1, NULL, OPT_JOIN },             { "cluster-policy", 1, NULL, OPT_CLUSTER_POLICY },
    { "state", 1, NULL, OPT_STATE },           { "collateral", 1, NULL, OPT_COLLATERAL }, { "os-images", 1, NULL, OPT_OS_IMAGES },
    { "tee", 1, NULL, OPT_TEE },               { "ephemeral-keys", 0, NULL, OPT_EPHEMERAL },
    { "guest-agent", 1, NULL, OPT_GUEST_AGENT }, { "guest-agent-quotes", 0, NULL, OPT_GUEST_QUOTES },
    { "keyd", 1, NULL, OPT_KEYD },             { "run", 1, NULL, OPT_RUN },
    { "require-sandbox", 1, NULL, OPT_SANDBOX }, { "no-jit", 0, NULL, OPT_NO_JIT },
    { "warm", 1, NULL, OPT_WARM },             { "no-spare", 0, NULL, OPT_NO_SPARE },
    { "instances", 1, NULL, OPT_INSTANCES },
    { "idle", 1, NULL, OPT_IDLE },             { "grace", 1, NULL, OPT_GRACE },
    { "epoch-grace", 1, NULL, OPT_EPOCH_GRACE },
    { "connections", 1, NULL, OPT_CONNECTIONS },
    { "connections-per-address", 1, NULL, OPT_PER_ADDRESS },
    { "receipt-bytes", 1, NULL, OPT_RECEIPT_BYTES },
    { "receipt-seconds", 1, NULL, OPT_RECEIPT_SECONDS },
    { "private-host-insecure", 1, NULL, OPT_PRIVATE_HOST },
    { "extra-ca", 1, NULL, OPT_EXTRA_CA },     { "ready-fd", 1, NULL, OPT_READY_FD },
    { "print-routes", 0, NULL, OPT_PRINT_ROUTES },
    { "key-owner", 1, NULL, OPT_KEY_OWNER },   { "key-owners-needed", 1, NULL, OPT_KEY_OWNERS_NEEDED },
    { "restore", 1, NULL, OPT_RESTORE },
    { "chain", 1, NULL, OPT_CHAIN },           { "network", 1, NULL, OPT_NETWORK },
    { "chain-input", 1, NULL, OPT_CHAIN_INPUT },
    { "committee-member", 1, NULL, OPT_MEMBER },
    { "chain-quorum", 1, NULL, OPT_CHAIN_QUORUM }, { "confirmations", 1, NULL, OPT_CONFIRMATIONS },
    { NULL, 0, NULL, 0 },
};
/* clang-format on */

static const char *option_name(int id)
{
    for (const struct option *o = options; o->name; o++)
        if (o->val == id)
            return o->name;
    return "?";
}

static enum ph_err add_listen(struct ph_config *c, const char *arg, bool one_phat, bool tls)
{
    if (c->listen_cnt == PH_CONFIG_LIST_MAX)
        return PH_ERR_LIMIT;
    PH_TRY(parse_listen(arg, one_phat, tls, &c->listen[c->listen_cnt]));
    c->listen_cnt++;
    return PH_OK;
}

static enum ph_err parse_tee(const char *arg, enum ph_tee_choice *out)
{
    static const char *const names[] = {"auto", "tsm", "simulator", "simulator-snp"};

    for (size_t i = 0; i < PH_LEN(names); i++)
        if (strcmp(arg, names[i]) == 0) {
            *out = (enum ph_tee_choice)i;
            return PH_OK;
        }
    return PH_ERR_MALFORMED;
}

static enum ph_err add_key_owner(struct ph_config *c, const char *arg)
{
    if (c->key_owner_cnt == PH_KEY_OWNERS_MAX)
        return PH_ERR_LIMIT;
    c->key_owners[c->key_owner_cnt++] = arg;
    return parse_address(arg, &(struct ph_eth_address){{0}});
}

static enum ph_err apply(struct ph_config *c, int id, const char *arg)
{
    uint32_t n;

    switch (id) {
    case OPT_DATA:
        c->data_dir = arg;
        return PH_OK;
    case OPT_LISTEN:
        return add_listen(c, arg, false, false);
    case OPT_TLS:
        return add_listen(c, arg, false, true);
    case OPT_LISTEN_PHAT:
        return add_listen(c, arg, true, false);
    case OPT_TLS_PHAT:
        return add_listen(c, arg, true, true);
    case OPT_TLS_CERT:
        c->tls_cert_file = arg;
        return PH_OK;
    case OPT_DOMAIN:
        c->domain = arg;
        return PH_OK;
    case OPT_CLUSTER_URL:
        c->cluster_url = arg;
        return ph_url_is_base(ph_bytes_str(arg)) ? PH_OK : PH_ERR_MALFORMED;
    case OPT_OWNER:
        if (c->owner_cnt == PH_CONFIG_LIST_MAX)
            return PH_ERR_LIMIT;
        return parse_address(arg, &c->owners[c->owner_cnt++]);
    case OPT_KEY_OWNER:
        return add_key_owner(c, arg);
    case OPT_KEY_OWNERS_NEEDED:
        return parse_u32(arg, 1, PH_KEY_OWNERS_MAX, &c->key_owners_needed);
    case OPT_EPOCH_GRACE:
        return parse_u32(arg, 0, 30 * 86400, &c->epoch_grace_s);
    case OPT_RESTORE:
        c->restore = arg;
        return parse_address(arg, &(struct ph_eth_address){{0}});
    case OPT_OPEN:
        c->open = true;
        return PH_OK;
    case OPT_OPERATOR:
        return parse_address(arg, &c->operator_);
    case OPT_TEE:
        return parse_tee(arg, &c->tee);
    case OPT_OS_IMAGES:
        c->os_images_file = arg;
        return PH_OK;
    case OPT_STATE:
        c->state_url = arg;
        return PH_OK;
    case OPT_COLLATERAL:
        c->collateral_dir = arg;
        return PH_OK;
    case OPT_JOIN:
        c->join_url = arg;
        return strncmp(arg, "https://", 8) == 0 ? PH_OK : PH_ERR_MALFORMED;
    case OPT_CHAIN:
        if (c->chain_url_cnt == PH_CONFIG_CHAIN_URLS_MAX)
            return PH_ERR_LIMIT;
        c->chain_urls[c->chain_url_cnt++] = arg;
        return PH_OK;
    case OPT_CHAIN_INPUT:
        if (c->chain_input_cnt == PH_CONFIG_CHAIN_INPUTS_MAX)
            return PH_ERR_LIMIT;
        c->chain_inputs[c->chain_input_cnt++] = arg;
        return PH_OK;
    case OPT_NETWORK:
        c->network_file = arg;
        return PH_OK;
    case OPT_MEMBER:
        if (c->member_url_cnt == PH_CONFIG_MEMBERS_MAX)
            return PH_ERR_LIMIT;
        c->member_urls[c->member_url_cnt++] = arg;
        return ph_url_is_base(ph_bytes_str(arg)) ? PH_OK : PH_ERR_MALFORMED;
    case OPT_CHAIN_QUORUM:
        return parse_u32(arg, 1, PH_CONFIG_CHAIN_URLS_MAX, &c->chain_quorum);
    case OPT_CONFIRMATIONS:
        return parse_u32(arg, 1, 1024, &c->chain_confirmations);
    case OPT_CLUSTER_POLICY:
        c->cluster_policy = arg;
        return PH_OK;
    case OPT_GUEST_AGENT: /* a socket's path has at most 107 bytes: sys/un.h */
        c->guest_dir = arg;
        return arg[0] == '/' && strlen(arg) <= PH_CONFIG_GUEST_DIR_MAX ? PH_OK : PH_ERR_MALFORMED;
    case OPT_GUEST_QUOTES:
        c->guest_quotes = true;
        return PH_OK;
    case OPT_EPHEMERAL:
        c->ephemeral_keys = true;
        return PH_OK;
    case OPT_KEYD:
        c->keyd_path = arg;
        return PH_OK;
    case OPT_RUN:
        c->run_path = arg;
        return PH_OK;
    case OPT_SANDBOX:
        c->require_full_sandbox = true;
        return strcmp(arg, "full") == 0 ? PH_OK : PH_ERR_MALFORMED;
    case OPT_NO_JIT:
        c->jit = false;
        return PH_OK;
    case OPT_WARM:
        return parse_u32(arg, 0, 64, &c->warm);
    case OPT_NO_SPARE:
        c->spare = false;
        return PH_OK;
    case OPT_INSTANCES:
        return parse_u32(arg, 1, 10000, &c->instances_max);
    case OPT_IDLE:
        return parse_u32(arg, 1, 86400, &c->idle_s);
    case OPT_GRACE:
        return parse_u32(arg, 0, 3600, &c->grace_s);
    case OPT_CONNECTIONS:
        return parse_u32(arg, 1, 100000, &c->connections);
    case OPT_PER_ADDRESS:
        return parse_u32(arg, 1, 100000, &c->connections_per_address);
    case OPT_RECEIPT_BYTES:
        PH_TRY(parse_u32(arg, 1 << 20, UINT32_MAX, &n));
        c->receipt_keep.bytes = n;
        if (c->receipt_keep.segment_bytes > n / 4)
            c->receipt_keep.segment_bytes = n / 4;
        return PH_OK;
    case OPT_RECEIPT_SECONDS:
        return parse_u32(arg, 60, UINT32_MAX, &c->receipt_keep.seconds);
    case OPT_PRIVATE_HOST:
        if (c->private_host_cnt == PH_CONFIG_LIST_MAX)
            return PH_ERR_LIMIT;
        c->private_hosts_insecure[c->private_host_cnt++] = arg;
        return PH_OK;
    case OPT_EXTRA_CA:
        c->extra_ca_file = arg;
        return PH_OK;
    case OPT_READY_FD:
        PH_TRY(parse_u32(arg, 0, 1023, &n));
        c->ready_fd = (int)n;
        return PH_OK;
    case OPT_PRINT_ROUTES:
        c->print_routes = true;
        return PH_OK;
    default:
        return PH_ERR_MALFORMED;
    }
}

enum ph_err ph_config_parse(int argc, char **argv, struct ph_config *out, char why[static 256])
{
    struct ph_config c = {.warm = 2,
                          .spare = true,
                          .instances_max = 256,
                          .idle_s = 300,
                          .epoch_grace_s = 900,
                          .grace_s = 30,
                          .connections = 4096,
                          .connections_per_address = 1024,
                          .jit = true,
                          .ready_fd = -1,
                          .receipt_keep = ph_receipt_keep_default()};
    int id;

    optind = 0; /* restart: tests parse more than once */
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (id == '?' || id == ':') {
            (void)snprintf(why, 256, "%s: %s; see phalad --help", argv[optind - 1],
                           id == '?' ? "unknown option" : "needs a value");
            return PH_ERR_MALFORMED;
        }
        if (apply(&c, id, optarg) != PH_OK) {
            char what[200];
            (void)snprintf(what, sizeof(what), "cannot use \"%s\"; see phalad --help",
                           optarg ? optarg : "");
            return fail(why, option_name(id), what);
        }
    }
    if (optind != argc) {
        (void)snprintf(why, 256, "%s: not expected; see phalad --help", argv[optind]);
        return PH_ERR_MALFORMED;
    }
    if (!c.print_routes && !c.data_dir)
        return fail(why, "data", "is missing; name the directory for the worker's state");
    if (!c.print_routes && c.listen_cnt == 0)
        return fail(why, "listen", "is missing; for example --listen 127.0.0.1:8080");
    if (!c.print_routes && !c.open && c.owner_cnt == 0)
        return fail(why, "owner", "is missing; name who may deploy, or say --open");
    if (c.key_owners_needed > c.key_owner_cnt)
        return fail(why, "key-owners-needed", "is more than there are --key-owner");
    if (c.key_owners_needed == 0)
        c.key_owners_needed = (uint32_t)c.key_owner_cnt;
    if (c.join_url && c.restore)
        return fail(why, "restore", "cannot be together with --join");
    if ((c.join_url || c.restore) && c.key_owner_cnt > 0)
        return fail(why, "key-owner", "is for the first worker of a new cluster");
    if ((c.chain_url_cnt > 0) != (c.network_file != NULL))
        return fail(why, "chain", "and --network come together");
    if (c.member_url_cnt > 0 && c.chain_url_cnt == 0)
        return fail(why, "committee-member", "needs --chain and --network");
    if (c.chain_quorum > c.chain_url_cnt)
        return fail(why, "chain-quorum", "is more than there are --chain");
    if (c.chain_input_cnt > 0 && c.chain_url_cnt == 0)
        return fail(why, "chain-input", "needs --chain");
    if (c.guest_quotes && !c.guest_dir)
        return fail(why, "guest-agent-quotes", "needs --guest-agent DIR");
    if (c.cluster_url && (!c.state_url || strncmp(c.state_url, "file:", 5) == 0))
        return fail(why, "cluster-url", "needs --state postgresql://…, which the workers share");
    *out = c;
    return PH_OK;
}
