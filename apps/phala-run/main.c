/* phala-run: the process in which phats run. Started by phalad as a zygote; see runtime/zygote.h.
 */

#include "runtime/zygote.h"

#include "base/log.h"
#include "prelude.h"

#include <stdio.h>
#include <sys/socket.h>

enum { CONTROL_FD = 3, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: phala-run --zygote [--require-sandbox=full] [--no-spare]\n"
    "Runs phats for phalad, which starts it with a control socket (SOCK_SEQPACKET) as descriptor "
    "3.\n"
    "  --require-sandbox=full  exit with 1 when this host lacks a layer of the sandbox\n"
    "  --no-spare              fork an instance's process only when it is asked for\n";

int main(int argc, char **argv)
{
    bool zygote = false;
    struct ph_zygote_options options = {.spare = true};
    char why[2048];

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--zygote") == 0) {
            zygote = true;
        } else if (strcmp(argv[i], "--require-sandbox=full") == 0) {
            options.require_full = true;
        } else if (strcmp(argv[i], "--no-spare") == 0) {
            options.spare = false;
        } else if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(usage, stdout);
            return 0;
        } else {
            (void)fprintf(stderr, "phala-run: unknown argument %s\n%s", argv[i], usage);
            return EXIT_USAGE;
        }
    }
    int type = 0;
    socklen_t len = sizeof(type);
    if (!zygote || getsockopt(CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
        type != SOCK_SEQPACKET) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    ph_log_setup("phala-run", PH_LOG_INFO);
    const struct ph_prelude_script *script = ph_prelude_script("main");
    const struct ph_engine_prelude prelude = {script->text, script->url};
    if (ph_zygote_serve(CONTROL_FD, prelude, options, why) != PH_OK) {
        ph_log(PH_LOG_ERROR, why, NULL);
        return EXIT_REFUSED;
    }
    return 0;
}
