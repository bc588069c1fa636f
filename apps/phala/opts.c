#include "opts.h"

#include <stdio.h>

static const struct ph_opt *find_long(const struct ph_opt *const *tables, const char *name,
                                      size_t len)
{
    for (; *tables != NULL; tables++)
        for (const struct ph_opt *o = *tables; o->name != NULL; o++)
            if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
                return o;
    return NULL;
}

static const struct ph_opt *find_letter(const struct ph_opt *const *tables, char letter)
{
    for (; *tables != NULL; tables++)
        for (const struct ph_opt *o = *tables; o->name != NULL; o++)
            if (o->letter == letter)
                return o;
    return NULL;
}

/* One option word; *i moves past a value that is a word of its own. */
static enum ph_err parse_option(const struct ph_opt *const *tables, int argc, char **argv, int *i,
                                struct ph_opts *out, char why[static 256])
{
    const char *word = argv[*i], *value = NULL;
    const struct ph_opt *opt;
    if (word[1] == '-') {
        const char *eq = strchr(word, '=');
        size_t len = eq != NULL ? (size_t)(eq - word - 2) : strlen(word + 2);
        opt = find_long(tables, word + 2, len);
        value = eq != NULL ? eq + 1 : NULL;
    } else {
        opt = find_letter(tables, word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
    }
    if (opt == NULL) {
        (void)snprintf(why, 256, "unknown option %.100s; --help lists the options", word);
        return PH_ERR_MALFORMED;
    }
    if (opt->arg == NULL && value != NULL) {
        (void)snprintf(why, 256, "option --%s takes no value, got %.80s", opt->name, word);
        return PH_ERR_MALFORMED;
    }
    if (opt->arg != NULL && value == NULL) {
        if (*i + 1 >= argc) {
            (void)snprintf(why, 256, "option --%s needs a value: --%s %s", opt->name, opt->name,
                           opt->arg);
            return PH_ERR_MALFORMED;
        }
        value = argv[++*i];
    }
    out->given[out->given_cnt].opt = opt;
    out->given[out->given_cnt++].value = value;
    return PH_OK;
}

enum ph_err ph_opts_parse(const struct ph_opt *const *tables, int argc, char **argv,
                          struct ph_opts *out, char why[static 256])
{
    struct ph_opts o = {0};
    bool options = true;
    for (int i = 1; i < argc; i++) {
        if (o.given_cnt == PH_OPTS_GIVEN_MAX || o.operand_cnt == PH_OPTS_GIVEN_MAX) {
            (void)snprintf(why, 256, "more than %d options or operands", PH_OPTS_GIVEN_MAX);
            return PH_ERR_LIMIT;
        }
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            PH_TRY(parse_option(tables, argc, argv, &i, &o, why));
        else
            o.operands[o.operand_cnt++] = argv[i];
    }
    *out = o;
    return PH_OK;
}

const char *ph_opts_next(const struct ph_opts *opts, const char *name, size_t *at)
{
    while (*at < opts->given_cnt) {
        size_t i = (*at)++;
        if (strcmp(opts->given[i].opt->name, name) == 0)
            return opts->given[i].value != NULL ? opts->given[i].value : "";
    }
    return NULL;
}

const char *ph_opts_get(const struct ph_opts *opts, const char *name)
{
    const char *last = NULL, *v;
    for (size_t at = 0; (v = ph_opts_next(opts, name, &at)) != NULL;)
        last = v;
    return last;
}

bool ph_opts_has(const struct ph_opts *opts, const char *name)
{
    return ph_opts_get(opts, name) != NULL;
}

enum ph_err ph_opts_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (*text == '\0')
        return PH_ERR_MALFORMED;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || v > (UINT64_MAX - 9) / 10)
            return PH_ERR_MALFORMED;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    if (v < min || v > max)
        return PH_ERR_MALFORMED;
    *out = v;
    return PH_OK;
}
