#include "runtime/text_pages.h"

#include "base/test.h"
#include "runtime/jsc_priv.h"

#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* The engine's library itself: nothing of it has run when the copy is made. */

static const uintptr_t inside = (uintptr_t)JSContextGroupCreate;

/* Code of the library, from the loader's list. */
struct code {
    const char *at;
    size_t len;
};

static int find_code(struct dl_phdr_info *library, size_t size, void *ctx)
{
    struct code *out = ctx;

    (void)size;
    for (size_t i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &library->dlpi_phdr[i];
        const uintptr_t from = library->dlpi_addr + h->p_vaddr;
        if (h->p_type == PT_LOAD && inside - from < h->p_memsz) {
            *out = (struct code){(const char *)from, h->p_memsz};
            return 1;
        }
    }
    return 0;
}

/* The line of /proc/self/maps for an address: its permissions, and whether a file is behind it. */
static void mapping_of(uintptr_t address, char permissions[static 5], bool *out_file)
{
    char line[512], *at = line;
    FILE *f = fopen("/proc/self/maps", "r");
    bool found = false;

    CHECK(f);
    while (!found && fgets(line, sizeof(line), f)) {
        const uintptr_t from = strtoul(line, &at, 16);
        found = address >= from && address < strtoul(at + 1, &at, 16);
    }
    (void)fclose(f);
    CHECK(found && strlen(at) > 5);
    memcpy(permissions, at + 1, 4);
    permissions[4] = '\0';
    *out_file = strchr(at, '/') != NULL;
}

static bool evaluates(void)
{
    const JSGlobalContextRef ctx = JSGlobalContextCreate(NULL);
    const JSStringRef text = JSStringCreateWithUTF8CString("[1, 2, 3].map((n) => n * 2).join()");
    const JSValueRef value = JSEvaluateScript(ctx, text, NULL, NULL, 1, NULL);
    const JSStringRef got = value ? JSValueToStringCopy(ctx, value, NULL) : NULL;
    return got && JSStringIsEqualToUTF8CString(got, "2,4,6");
}

static bool child_evaluates(void)
{
    int status = -1;
    const pid_t pid = fork();

    if (pid == 0)
        _exit(evaluates() ? 0 : 1);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

TEST(an_address_in_no_library_is_left_alone)
{
    int here = 0;
    CHECK(!ph_text_pages_copy((uintptr_t)&here));
    CHECK(!ph_text_pages_copy(0));
}

TEST(the_copy_has_the_same_bytes_in_the_same_place_and_cannot_be_written)
{
    struct code code = {NULL, 0};
    char permissions[5];
    bool has_file;

    CHECK(dl_iterate_phdr(find_code, &code) == 1);
    char *before = malloc(code.len);
    CHECK(before);
    memcpy(before, code.at, code.len);
    mapping_of(inside, permissions, &has_file);
    CHECK(strcmp(permissions, "r-xp") == 0 && has_file);

    const bool copied = ph_text_pages_copy(inside);
    mapping_of(inside, permissions, &has_file);
    CHECK(strcmp(permissions, "r-xp") == 0);
    CHECK(memcmp(before, code.at, code.len) == 0);
    free(before);
    CHECK(child_evaluates());
    if (!copied)
        SKIP_BECAUSE("the host gives no huge pages");
    CHECK(!has_file);
}

PH_TEST_MAIN(CASE(an_address_in_no_library_is_left_alone),
             CASE(the_copy_has_the_same_bytes_in_the_same_place_and_cannot_be_written))
