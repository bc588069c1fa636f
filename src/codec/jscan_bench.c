/* Time to scan each file named: build/src/codec/jscan_bench FILE… */

#include "base/clock.h"
#include "codec/jscan.h"

#include <stdio.h>

enum { TOKS = 1 << 16 };
static uint8_t text[1 << 22];
static struct ph_jtok toks[TOKS];

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        FILE *f = fopen(argv[i], "rb");
        if (!f) {
            perror(argv[i]);
            return 1;
        }
        const size_t len = fread(text, 1, sizeof(text), f);
        (void)fclose(f);
        struct ph_jdoc doc = {0};
        enum ph_err err = PH_OK;
        int64_t best = INT64_MAX;
        for (int round = 0; round < 1000; round++) {
            const int64_t start = ph_clock_mono_ns();
            err = ph_jscan((struct ph_bytes){text, len}, toks, TOKS, &doc);
            const int64_t took = ph_clock_mono_ns() - start;
            best = took < best ? took : best;
        }
        printf("%-10s %8zu bytes %6u tokens %9.2f us  %s\n", ph_err_name(err), len, doc.tok_cnt,
               (double)best / 1000, argv[i]);
    }
    return 0;
}
