#include "runtime/text_pages.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_COLLAPSE /* Linux 6.1 */
#define MADV_COLLAPSE 25
#endif

static const uintptr_t PAGE = 4096, HUGE = 2 << 20;

/* [from, to) of a mapping, and how it is protected. */
struct piece {
    uintptr_t from, to;
    int protection;
};

/* As far into a huge page as the original, so that its whole huge pages stay whole. NULL: no. */
static char *make_room(size_t len, uintptr_t like, char **out_region, size_t *out_len)
{
    const size_t all = len + 2 * HUGE;
    char *region = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (region == MAP_FAILED)
        return NULL;
    *out_region = region;
    *out_len = all;
    const uintptr_t start = ((uintptr_t)region + HUGE - 1) / HUGE * HUGE;
    return region + (start + like % HUGE - (uintptr_t)region);
}

/* Make sure that the whole huge pages of the copy are huge. */
static bool is_huge(char *copy, size_t len)
{
    const uintptr_t at = (uintptr_t)copy, from = (at + HUGE - 1) / HUGE * HUGE,
                    to = (at + len) / HUGE * HUGE;
    return from >= to || madvise(copy + (from - at), to - from, MADV_COLLAPSE) == 0;
}

static bool copy_piece(const struct piece *p)
{
    char *region, *original = (char *)p->from;
    size_t region_len;
    const size_t len = p->to - p->from;
    char *copy = make_room(len, p->from, &region, &region_len);

    if (!copy)
        return false;
    (void)madvise(region, region_len, MADV_HUGEPAGE);
    memcpy(copy, original, len);
    const bool moved = is_huge(copy, len) && mprotect(copy, len, p->protection) == 0 &&
                       mremap(copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, original) == original;
    /* What is left: the alignment around it, or all. The hole that a move leaves is no error. */
    (void)munmap(region, region_len);
    return moved;
}

/* Code, and the constants behind it. What is before it (symbols, relocations) was of use to the
 * dynamic linker. */
static bool copy_library(const struct dl_phdr_info *library)
{
    bool code = false, all = true;

    for (size_t i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &library->dlpi_phdr[i];
        const uintptr_t from = library->dlpi_addr + h->p_vaddr;
        const bool loaded = h->p_type == PT_LOAD;

        code |= loaded && (h->p_flags & PF_X);
        if (!loaded || !code || (h->p_flags & PF_W) || !(h->p_flags & PF_R))
            continue;
        const struct piece piece = {from / PAGE * PAGE,
                                    (from + h->p_memsz + PAGE - 1) / PAGE * PAGE,
                                    PROT_READ | (h->p_flags & PF_X ? PROT_EXEC : 0)};
        all = copy_piece(&piece) && all;
    }
    return code && all;
}

struct search {
    uintptr_t address;
    bool copied;
};

static int visit(struct dl_phdr_info *library, size_t size, void *ctx)
{
    struct search *search = ctx;

    (void)size;
    for (size_t i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *h = &library->dlpi_phdr[i];
        const uintptr_t from = library->dlpi_addr + h->p_vaddr;
        if (h->p_type != PT_LOAD || search->address < from || search->address - from >= h->p_memsz)
            continue;
        search->copied = copy_library(library);
        return 1;
    }
    return 0;
}

bool ph_text_pages_copy(uintptr_t address)
{
    struct search search = {.address = address};

    (void)dl_iterate_phdr(visit, &search);
    return search.copied;
}
