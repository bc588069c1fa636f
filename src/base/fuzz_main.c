/* Runs a fuzz target over files: each argument is a file, or a directory whose files are all run.
 * With libFuzzer (meson option `fuzz`) this file is not linked. A corpus run is a test: it must not
 * crash and must find files. Each file is run whole and cut off after each of its first bytes, and
 * its end is the end of readable memory. */
#include "base/test_guarded.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum { CUTS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void run_bytes(struct ph_bytes bytes)
{
    const struct ph_bytes guarded = ph_guarded(bytes);

    (void)LLVMFuzzerTestOneInput(guarded.ptr, guarded.len);
    ph_guarded_free(guarded);
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    uint8_t *data = NULL;
    size_t len = 0, n;
    do {
        uint8_t *grown = realloc(data, len + 65536);
        if (!grown)
            abort();
        data = grown;
        n = fread(data + len, 1, 65536, f);
        len += n;
    } while (n > 0);
    (void)fclose(f);
    for (size_t cut = 0; cut < CUTS && cut < len; cut++)
        run_bytes((struct ph_bytes){data, cut});
    run_bytes((struct ph_bytes){data, len});
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    size_t runs = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) != 0) {
            perror(argv[i]);
            return 1;
        }
        if (!S_ISDIR(st.st_mode)) {
            if (run_file(argv[i]) != 0)
                return 1;
            runs++;
            continue;
        }
        DIR *dir = opendir(argv[i]);
        if (!dir)
            return 1;
        for (struct dirent *e; (e = readdir(dir));) {
            if (e->d_name[0] == '.')
                continue;
            char path[4096];
            if ((size_t)snprintf(path, sizeof(path), "%s/%s", argv[i], e->d_name) >= sizeof(path) ||
                run_file(path) != 0)
                return 1;
            runs++;
        }
        (void)closedir(dir);
    }
    printf("1..1\n%s 1 - replayed %zu inputs\n", runs > 0 ? "ok" : "not ok", runs);
    return runs > 0 ? 0 : 1;
}
