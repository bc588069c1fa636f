/* show EVIDENCE: every field, unproved, as JSON. */
#include "file.h"

#include <phala_attest.h>

int main(int argc, char **argv)
{
    struct file *file = file_read(argc == 2 ? argv[1] : NULL);
    struct phala_attest_evidence *evidence = NULL;
    struct phala_attest_why why;
    char *json = NULL;

    if (phala_attest_evidence_open(file->bytes, file->len, &evidence, &why) != PHALA_ATTEST_OK ||
        phala_attest_evidence_show(evidence, &json, &why) != PHALA_ATTEST_OK)
        return puts(why.text), 2;
    puts(json);
    phala_attest_free(json);
    phala_attest_evidence_free(evidence);
    free(file);
    return 0;
}
