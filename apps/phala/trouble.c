#include "trouble.h"

#include <stdarg.h>
#include <stdio.h>

enum ph_err ph_trouble_set(struct ph_trouble *t, enum ph_err err, const char *code,
                           const char *where, const char *todo, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(t->message, sizeof(t->message), fmt, args);
    va_end(args);
    (void)snprintf(t->code, sizeof(t->code), "%s", code);
    (void)snprintf(t->where, sizeof(t->where), "%s", where != NULL ? where : "");
    (void)snprintf(t->todo, sizeof(t->todo), "%s", todo != NULL ? todo : "");
    return err;
}

void ph_trouble_note(struct ph_trouble *t, const char *code, const char *where, const char *message)
{
    (void)snprintf(t->message, sizeof(t->message), "%s", message);
    (void)snprintf(t->code, sizeof(t->code), "%s", code);
    (void)snprintf(t->where, sizeof(t->where), "%s", where);
    t->todo[0] = '\0';
}
