/* quote QUOTE BUNDLE REPORT_DATA TIME: a quote, judged by a bundle's collateral; prints its status. */
#include "file.h"

#include <phala_attest.h>

int main(int argc, char **argv)
{
    struct file *quote = file_read(argv[1]), *bundle = file_read(argv[2]);
    struct file *expected = file_read(argc == 5 && argv[3] ? argv[3] : NULL);
    struct phala_attest_verdict *verdict = NULL;
    const enum phala_attest_error err =
        phala_attest_verify_bytes(quote->bytes, quote->len, bundle->bytes, bundle->len, NULL,
                                  expected->bytes, atoll(argv[4]), &verdict);
    puts(verdict ? phala_attest_verdict_status(verdict) : phala_attest_error_name(err));
    phala_attest_verdict_free(verdict);
    return free(quote), free(bundle), free(expected), err;
}
