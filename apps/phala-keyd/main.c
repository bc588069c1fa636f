/* phala-keyd: the only process of a worker that holds keys. Started by phalad with a socket pair's
 * end as descriptor 3; answers one datagram at a time until that closes. docs/keys.md */

#include "lockdown.h"
#include "marks_file.h"
#include "provider.h"
#include "roles.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/own.h"
#include "crypto/init.h"
#include "ipc/messages.h"
#include "keys/secrets.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

enum { CHANNEL = 3, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: phala-keyd --state FILE --seal simulator:FILE|snp|none [--cluster-policy FILE]\n"
    "                  [--network FILE]\n"
    "                  [--join | --restore ADDRESS | --key-owner ADDRESS... "
    "--key-owners-needed N]\n"
    "\n"
    "Holds the keys of a worker and signs for phalad, which starts it with a socket as\n"
    "descriptor 3. Not meant to be started by hand.\n"
    "\n"
    "  --state FILE   the sealed keys; made when absent (not used with --seal none)\n"
    "  --seal simulator:FILE\n"
    "                 INSECURE-SIMULATOR: seal with a key file; whoever reads both files has\n"
    "                 the keys\n"
    "  --seal snp     seal with the key that SEV-SNP derives for this chip and image\n"
    "  --seal none    keys live in memory only and are gone with the process\n"
    "  --cluster-policy FILE\n"
    "                 evidence that other workers must show to be given the cluster's keys, or\n"
    "                 to give them; none: nothing is handed over\n"
    "  --network FILE\n"
    "                 the chain and contracts that transactions and answers are signed for\n"
    "  --join         without a state: make no cluster, wait for the keys of one\n"
    "  --restore ADDRESS\n"
    "                 without a state: wait for a backup's shares of this cluster's keys\n"
    "  --key-owner ADDRESS, --key-owners-needed N\n"
    "                 without a state: who must sign for acts on the keys that are made; for\n"
    "                 good\n";

struct options {
    const char *state;
    const char *policy;
    const char *network;
    bool join;
    struct restore restore;
    struct ph_key_owners owners;
    struct provider provider;
};

static bool address_ok(const char *text, struct ph_eth_address *out)
{
    return ph_hex_decode(ph_bytes_str(text), out->b, sizeof(out->b)) == PH_OK;
}

/* Options about whose the keys are. False: not one, or not a value of it. */
static bool parse_whose(int c, const char *arg, struct options *out)
{
    struct ph_key_owners *owners = &out->owners;

    if (c == 'o')
        return owners->cnt < PH_KEY_OWNERS_MAX && address_ok(arg, &owners->owner[owners->cnt++]);
    if (c == 'n' && arg[0] >= '1' && arg[0] <= '9' && arg[1] == '\0') {
        owners->needed = (uint32_t)(arg[0] - '0');
        return true;
    }
    out->restore.wanted = c == 'r';
    return out->restore.wanted && address_ok(arg, &out->restore.cluster);
}

static int parse_options(int argc, char **argv, struct options *out)
{
    static const struct option longs[] = {{"state", required_argument, NULL, 's'},
                                          {"seal", required_argument, NULL, 'k'},
                                          {"cluster-policy", required_argument, NULL, 'p'},
                                          {"network", required_argument, NULL, 'w'},
                                          {"join", no_argument, NULL, 'j'},
                                          {"restore", required_argument, NULL, 'r'},
                                          {"key-owner", required_argument, NULL, 'o'},
                                          {"key-owners-needed", required_argument, NULL, 'n'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *seal = NULL;

    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 's')
            out->state = optarg;
        else if (c == 'k')
            seal = optarg;
        else if (c == 'p')
            out->policy = optarg;
        else if (c == 'w')
            out->network = optarg;
        else if (c == 'j')
            out->join = true;
        else if (c == 'h' || !parse_whose(c, optarg, out)) {
            (void)fputs(usage, c == 'h' ? stdout : stderr);
            return c == 'h' ? 0 : EXIT_USAGE;
        }
    }
    if (optind != argc || !seal || ph_key_owners_check(&out->owners) != PH_OK ||
        (out->join && out->restore.wanted) || provider_parse(seal, &out->provider) != PH_OK ||
        (!out->state && out->provider.kind != PROVIDER_NONE)) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static bool set_up(struct keyd *keyd, const struct options *options)
{
    char why[PROVIDER_WHY_LEN] = "no memory, or RLIMIT_MEMLOCK is too low to lock keys";

    if (keyring_init(&keyd->ring) != PH_OK ||
        ph_secret_new(PH_SECRETS_SEALED_MAX, &keyd->plain) != PH_OK ||
        provider_load(&options->provider, options->state,
                      options->join || options->restore.wanted ? PROVIDER_WAIT : PROVIDER_FOUND,
                      &options->owners, &keyd->ring, why) != PH_OK ||
        (options->policy && cluster_load_policy(&keyd->cluster, options->policy, why) != PH_OK) ||
        (options->network && chain_load(&keyd->chain, options->network, why) != PH_OK)) {
        ph_log(PH_LOG_ERROR, "keys not available", "why", why, NULL);
        return false;
    }
    if (keyring_derive(&keyd->ring) != PH_OK) {
        ph_log(PH_LOG_ERROR, "keys not available", "why", "derivation failed", NULL);
        return false;
    }
    keyd->provider = options->provider;
    if (marks_file_load(keyd, options->state, why) != PH_OK) {
        ph_log(PH_LOG_ERROR, "keys not available", "why", why, NULL);
        return false;
    }
    keyd->restore = options->restore;
    keyd->flags = provider_flags(&options->provider);
    return true;
}

/* Say who this is, and what does not protect it. */
static void announce(const struct keyd *keyd, const char *missing)
{
    char signer[41], cluster[41];

    ph_hex_encode(PH_BYTES_OF(keyd->ring.signer.b), signer);
    ph_hex_encode(PH_BYTES_OF(keyd->ring.cluster.b), cluster);
    ph_log(PH_LOG_INFO, "ready", "signer", signer, "cluster", cluster, NULL);
    if (keyd->flags & PH_KEYD_INSECURE_SIMULATOR)
        ph_log(PH_LOG_WARN, "INSECURE-SIMULATOR: keys are sealed with a file, not by hardware",
               NULL);
    if (keyd->flags & PH_KEYD_EPHEMERAL)
        ph_log(PH_LOG_WARN, "keys live in memory only and are gone with this process", NULL);
    if (missing)
        ph_log(PH_LOG_WARN, "a sandbox layer is missing on this kernel", "layer", missing, NULL);
}

/* Until the channel closes. False: it broke. */
static bool serve(struct keyd *keyd, uint8_t *in)
{
    struct ph_buf reply PH_OWNED(ph_buf_clear) = PH_BUF(KEYD_DATAGRAM_MAX);

    for (;;) {
        int fd PH_OWNED(ph_closep) = -1;
        size_t len = 0, fd_cnt = 0;
        enum ph_err err = ph_ipc_recv_fds(CHANNEL, in, KEYD_DATAGRAM_MAX, &len, &fd, 1, &fd_cnt);
        if (err == PH_ERR_CLOSED)
            return true;
        if (err == PH_ERR_MALFORMED)
            err = keyd_refuse(&reply, 0, err, "datagram too long, or too many descriptors");
        else if (err == PH_OK)
            err = keyd_answer(keyd, (struct ph_bytes){in, len}, fd, &reply);
        if (err == PH_OK)
            err = ph_ipc_send_fds(CHANNEL, ph_buf_view(&reply), NULL, 0);
        if (err == PH_ERR_CLOSED)
            return true;
        if (err != PH_OK) {
            ph_log(PH_LOG_ERROR, "channel failed", "class", ph_err_name(err), NULL);
            return false;
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t in[KEYD_DATAGRAM_MAX];
    struct options options = {0};
    struct keyd keyd = {0};
    char why[LOCKDOWN_WHY_LEN];
    const char *missing = NULL;

    const int code = parse_options(argc, argv, &options);
    if (code >= 0)
        return code;
    ph_log_setup("phala-keyd", PH_LOG_INFO);
    (void)signal(SIGPIPE, SIG_IGN);
    if (lockdown_memory(why) != PH_OK) {
        ph_log(PH_LOG_ERROR, "cannot protect memory", "why", why, NULL);
        return EXIT_REFUSED;
    }
    ph_crypto_init();
    if (!set_up(&keyd, &options))
        return EXIT_REFUSED;
    if (lockdown_rest(CHANNEL, &missing, why) != PH_OK) {
        ph_log(PH_LOG_ERROR, "cannot give up privileges", "why", why, NULL);
        return EXIT_REFUSED;
    }
    announce(&keyd, missing);
    const bool ok = serve(&keyd, in);
    keyring_clear(&keyd.ring);
    ph_secret_free(keyd.plain);
    /* The call itself: exit handlers, and what sanitizers hang on _exit, are code for which the
     * filter has no calls. */
    (void)syscall(SYS_exit_group, ok ? 0 : EXIT_REFUSED);
    __builtin_unreachable();
}
