#include "least.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static uint8_t *at(const struct least *l, size_t i)
{
    return (uint8_t *)l->at + i * l->size;
}

static bool is_less(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ph_phat_id)) < 0;
}

static void swap(const struct least *l, size_t i, size_t j)
{
    uint8_t kept[LEAST_RECORD_MAX];

    memcpy(kept, at(l, i), l->size);
    memcpy(at(l, i), at(l, j), l->size);
    memcpy(at(l, j), kept, l->size);
}

/* The greatest of the first `cnt` is on top: let record `i` down to where it belongs. */
static void sink(const struct least *l, size_t i, size_t cnt)
{
    for (;;) {
        size_t top = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < cnt; child++)
            if (is_less(at(l, top), at(l, child)))
                top = child;
        if (top == i)
            return;
        swap(l, i, top);
        i = top;
    }
}

void least_add(struct least *least, const void *record)
{
    assert(least->size <= LEAST_RECORD_MAX);
    if (least->cnt == least->cap) {
        if (least->cap == 0 || !is_less(record, least->at))
            return;
        memcpy(least->at, record, least->size);
        sink(least, 0, least->cnt);
        return;
    }
    size_t i = least->cnt++;
    memcpy(at(least, i), record, least->size);
    for (; i > 0 && is_less(at(least, (i - 1) / 2), at(least, i)); i = (i - 1) / 2)
        swap(least, i, (i - 1) / 2);
}

void least_sort(struct least *least)
{
    for (size_t left = least->cnt; left > 1; left--) {
        swap(least, 0, left - 1);
        sink(least, 0, left - 1);
    }
}
