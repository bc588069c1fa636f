#ifndef FILE_H
#define FILE_H

/* For the examples: a whole file of at most 1 MiB, or the end of the program. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct file {
    uint8_t bytes[1 << 20];
    size_t len;
};

static struct file *file_read(const char *path)
{
    struct file *file = (struct file *)calloc(1, sizeof(*file));
    FILE *f = path ? fopen(path, "rb") : NULL;

    if (!file || !f) {
        perror(path ? path : "file name missing");
        exit(2);
    }
    file->len = fread(file->bytes, 1, sizeof(file->bytes), f);
    fclose(f);
    return file;
}

#endif
