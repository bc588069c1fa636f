/* What wasi-libc's streams would ask of a host: there is nothing to be read or written. snprintf
 * alone is used, but comes linked with what flushes and complains. With these the module imports
 * nothing, as tests/integration/attest_wasm.test.mjs checks.
 *
 * Layer: attest. Source: the names musl's stdio, which wasi-libc is made of, gives them.
 */

#include <stdio.h>

size_t __stdio_write(FILE *file, const unsigned char *bytes, size_t len);
off_t __stdio_seek(FILE *file, off_t offset, int whence);
int __stdio_close(FILE *file);

size_t __stdio_write(FILE *file, const unsigned char *bytes, size_t len)
{
    (void)file, (void)bytes, (void)len;
    return 0;
}

off_t __stdio_seek(FILE *file, off_t offset, int whence)
{
    (void)file, (void)offset, (void)whence;
    return -1;
}

int __stdio_close(FILE *file)
{
    (void)file;
    return -1;
}
