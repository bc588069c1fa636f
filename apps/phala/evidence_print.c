#include "evidence_print.h"

#include "base/clock.h"
#include "printable.h"

#include <stdio.h>

enum { SHOWN_DEPTH = 12 }; /* containers inside each other; ph_evidence_show makes 6 */

static void print_text(const char *text)
{
    char line[1024];

    (void)snprintf(line, sizeof(line), "%s", text ? text : "");
    ph_printable_str(line);
    (void)fputs(line, stdout);
    if (text && strlen(text) >= sizeof(line))
        (void)fputs("…", stdout);
}

static void print_scalar(const json_t *value)
{
    if (json_is_string(value))
        print_text(json_string_value(value));
    else if (json_is_integer(value))
        (void)printf("%lld", (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        (void)printf("%s", json_is_true(value) ? "yes" : "no");
    else
        (void)printf("none");
}

static const char *str_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

/* An entry of "fields": one field of the evidence, with its place in the bytes where it has one. */
static void print_field(const json_t *f)
{
    const json_t *offset = json_object_get(f, "offset"), *value = json_object_get(f, "value");

    if (offset)
        (void)printf("%6lld %5lld  %-10s ", (long long)json_integer_value(offset),
                     (long long)json_integer_value(json_object_get(f, "length")),
                     str_of(f, "part"));
    else
        (void)printf("%6lld  ", (long long)json_integer_value(json_object_get(f, "id")));
    (void)printf("%-22s %s\n                          ", str_of(f, "name"), str_of(f, "meaning"));
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++) {
            (void)printf("%s", i > 0 ? " " : "");
            print_scalar(json_array_get(value, i));
        }
    } else {
        print_scalar(value);
    }
    (void)printf("\n");
}

/* One container being printed; the next member to print. */
struct frame {
    const json_t *value;
    void *iter;   /* of an object */
    size_t index; /* of an array */
};

static void print_member(const char *key, const json_t *value, size_t depth)
{
    const int indent = (int)(2 * (depth - 1));
    const bool container = json_is_object(value) || json_is_array(value);

    (void)printf("%*s%-18s%s", indent, "", key, container ? "\n" : " ");
    if (container)
        return;
    print_scalar(value);
    (void)printf("\n");
}

static bool is_field(const json_t *value)
{
    return json_object_get(value, "name") && json_object_get(value, "value");
}

/* The next member of the innermost container; false when it has no more. */
static bool step(struct frame *f, const char **key, const json_t **value)
{
    json_t *object = (json_t *)(uintptr_t)f->value; /* jansson iterates over mutable ones only */

    if (json_is_array(f->value)) {
        *key = "-";
        *value = json_array_get(f->value, f->index++);
        return *value != NULL;
    }
    f->iter = f->index++ == 0 ? json_object_iter(object) : json_object_iter_next(object, f->iter);
    if (!f->iter)
        return false;
    *key = json_object_iter_key(f->iter);
    *value = json_object_iter_value(f->iter);
    return true;
}

void ph_print_shown(const json_t *doc)
{
    struct frame stack[SHOWN_DEPTH] = {{.value = doc}};
    size_t depth = 1;
    const json_t *value;
    const char *key;

    (void)printf(
        "These are claims of whoever made the file: `phala evidence verify` judges them.\n");
    while (depth > 0) {
        if (!step(&stack[depth - 1], &key, &value)) {
            depth--;
            continue;
        }
        if (is_field(value)) {
            print_field(value);
            continue;
        }
        print_member(key, value, depth);
        if ((json_is_object(value) || json_is_array(value)) && depth < SHOWN_DEPTH)
            stack[depth++] = (struct frame){.value = value};
    }
}

static void print_bytes(const json_t *bytes, const char *quote)
{
    if (!json_is_object(bytes))
        return;
    const json_t *offset = json_object_get(bytes, "offset");
    const long long len = (long long)json_integer_value(json_object_get(bytes, "length"));
    if (offset)
        (void)printf("       %s[%lld..%lld]", quote, (long long)json_integer_value(offset),
                     (long long)json_integer_value(offset) + len);
    else
        (void)printf("       %s, %lld bytes", str_of(bytes, "in"), len);
    (void)printf(" %s%s\n", str_of(bytes, "head"), len > 32 ? "…" : "");
}

void ph_print_trace(const json_t *trace, const char *quote)
{
    const char *at = "";
    for (size_t i = 0; i < json_array_size(trace); i++) {
        const json_t *c = json_array_get(trace, i);
        const char *s = str_of(c, "step");
        if (strcmp(s, at) != 0)
            (void)printf("%s\n", s);
        at = s;
        (void)printf("  %s %s (%s)\n", str_of(c, "result"), str_of(c, "holds"), str_of(c, "check"));
        print_bytes(json_object_get(c, "bytes"), quote);
    }
}

static void print_accepted(const struct ph_verdict *v)
{
    const bool gpus = v->claims.tee == PH_TEE_NVIDIA || v->claims.has_gpus;

    if (v->claims.has_events)
        (void)printf("event log    %u events replay to the registers; the digests of %u hide what "
                     "was measured\n",
                     v->claims.events.event_cnt, v->claims.events.unrecomputable_cnt);
    if (gpus && !v->claims.nvidia.measured)
        (void)printf("The GPUs' measurements were not compared with manifests.\n");
    if ((gpus && !v->claims.nvidia.revocation_checked) ||
        (v->claims.tee == PH_TEE_SNP && !v->claims.snp.revocation_checked))
        (void)printf("Revocation was not checked.\n");
    if (!v->claims.report_data_checked)
        (void)printf(gpus ? "No nonce was demanded: replayed evidence passes.\n"
                          : "Report data was not checked: a replayed quote passes.\n");
}

void ph_print_verdict(const struct ph_verdict *v)
{
    char time[21];

    (void)printf("%s%s\n", v->accepted ? "ACCEPTED" : "REJECTED",
                 v->insecure_simulator ? " INSECURE-SIMULATOR" : "");
    (void)printf("%s\n", v->sentence);
    (void)printf("status       %s\n", ph_tcb_status_name(v->status));
    if (!v->accepted)
        (void)printf("step         %s\nreason       %s\n", ph_step_name(v->step), v->reason);
    for (size_t i = 0; i < v->advisory_cnt; i++)
        (void)printf("advisory     %s\n", v->advisories[i]);
    if (v->tcb_date_s != 0) {
        ph_time_format_rfc3339(v->tcb_date_s, time);
        (void)printf("tcb date     %.10s\n", time);
    }
    if (v->valid_until_s != 0) {
        ph_time_format_rfc3339(v->valid_until_s, time);
        (void)printf("valid until  %s\n", time);
    }
    if (v->accepted)
        print_accepted(v);
    if (!v->measurements_demanded)
        (void)printf("No measurement was demanded: any code on this kind of machine passes.\n");
}
