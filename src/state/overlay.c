#include "state/overlay.h"

#include "base/own.h"

#include <stdlib.h>

static struct ph_overlay_page **slot(struct ph_overlay *o, uint32_t page)
{
    struct ph_overlay_page **at = &o->bucket[page * 2654435761u % PH_OVERLAY_BUCKETS];
    while (*at && (*at)->page != page)
        at = &(*at)->next;
    return at;
}

struct ph_overlay_page *ph_overlay_find(struct ph_overlay *overlay, uint32_t page)
{
    return *slot(overlay, page);
}

enum ph_err ph_overlay_change(struct ph_overlay *overlay, uint32_t page,
                              struct ph_overlay_page **out, bool *fresh)
{
    struct ph_overlay_page **at = slot(overlay, page);

    *fresh = !*at;
    if (!*at) {
        *at = calloc(1, sizeof(**at));
        if (!*at)
            return PH_ERR_NOMEM;
        (*at)->page = page;
        overlay->cnt++;
    }
    if (!(*at)->changed)
        overlay->changed_cnt++;
    (*at)->changed = true;
    *out = *at;
    return PH_OK;
}

/* Go through all pages; those for which `keep` says no are wiped and freed. */
static void sweep(struct ph_overlay *o,
                  bool (*keep)(struct ph_overlay *, struct ph_overlay_page *, uint32_t),
                  uint32_t arg)
{
    for (size_t i = 0; i < PH_OVERLAY_BUCKETS; i++) {
        for (struct ph_overlay_page **at = &o->bucket[i]; *at;) {
            struct ph_overlay_page *page = *at;
            if (keep(o, page, arg)) {
                at = &page->next;
                continue;
            }
            *at = page->next;
            ph_wipe(page, sizeof(*page));
            free(page);
            o->cnt--;
        }
    }
}

static bool inside(struct ph_overlay *o, struct ph_overlay_page *page, uint32_t page_cnt)
{
    if (page->page >= page_cnt && page->changed) {
        page->changed = false;
        o->changed_cnt--;
    }
    return page->page < page_cnt || page->sent;
}

void ph_overlay_cut(struct ph_overlay *overlay, uint32_t page_cnt)
{
    sweep(overlay, inside, page_cnt);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

void ph_overlay_changed(const struct ph_overlay *overlay, uint32_t *pages)
{
    size_t cnt = 0;
    for (size_t i = 0; i < PH_OVERLAY_BUCKETS; i++) {
        for (const struct ph_overlay_page *p = overlay->bucket[i]; p; p = p->next) {
            if (p->changed)
                pages[cnt++] = p->page;
        }
    }
    qsort(pages, cnt, sizeof(*pages), by_number);
}

static bool mark_sent(struct ph_overlay *o, struct ph_overlay_page *page, uint32_t unused)
{
    (void)unused;
    if (page->changed)
        o->changed_cnt--;
    page->sent = page->sent || page->changed;
    page->changed = false;
    return true;
}

void ph_overlay_sent(struct ph_overlay *overlay)
{
    sweep(overlay, mark_sent, 0);
}

static bool is_changed(struct ph_overlay *o, struct ph_overlay_page *page, uint32_t unused)
{
    (void)o;
    (void)unused;
    page->sent = false;
    return page->changed;
}

void ph_overlay_durable(struct ph_overlay *overlay)
{
    sweep(overlay, is_changed, 0);
}

static bool none(struct ph_overlay *o, struct ph_overlay_page *page, uint32_t unused)
{
    (void)o;
    (void)page;
    (void)unused;
    return false;
}

void ph_overlay_clear(struct ph_overlay *overlay)
{
    sweep(overlay, none, 0);
    overlay->changed_cnt = 0;
}
