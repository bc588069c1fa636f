/* phalad: network, HTTP API, routing, egress, storage. Holds no key and runs no phat's code. */

#include "base/log.h"
#include "base/own.h"
#include "node/node.h"
#include "node/routes.h"
#include "node/version.h"

#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* phala-keyd and phala-run lie beside phalad, or beside its directory in the build tree. */
static const char *beside(const char *name, char *out, size_t cap)
{
    char self[4096];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0)
        return name;
    self[n] = '\0';
    const char *dir = dirname(self);
    if ((size_t)snprintf(out, cap, "%s/%s", dir, name) < cap && access(out, X_OK) == 0) {
        struct stat st;
        if (stat(out, &st) == 0 && S_ISREG(st.st_mode))
            return out;
    }
    return (size_t)snprintf(out, cap, "%s/../%s/%s", dir, name, name) < cap ? out : name;
}

int main(int argc, char **argv)
{
    struct ph_config config;
    static struct ph_node node;
    char why[256] = "", keyd[4300], run[4300];

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            for (const char *const *piece = ph_config_usage(); *piece; piece++)
                (void)fputs(*piece, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            (void)puts("phalad " PH_VERSION);
            return 0;
        }
    }
    ph_log_setup("phalad", PH_LOG_INFO);
    if (ph_config_parse(argc, argv, &config, why) != PH_OK) {
        (void)fprintf(stderr, "phalad: %s\n", why);
        return 2;
    }
    if (config.print_routes) {
        struct ph_buf routes PH_OWNED(ph_buf_clear) = PH_BUF(64 * 1024);
        return ph_routes_list(&routes) == PH_OK &&
                       fwrite(routes.ptr, 1, routes.len, stdout) == routes.len
                   ? 0
                   : 1;
    }
    if (!config.keyd_path)
        config.keyd_path = beside("phala-keyd", keyd, sizeof(keyd));
    if (!config.run_path)
        config.run_path = beside("phala-run", run, sizeof(run));
    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)umask(077);

    int status = 1;
    if (ph_node_start(&config, &node) == PH_OK)
        status = ph_node_run(&node);
    ph_node_stop(&node);
    return status;
}
