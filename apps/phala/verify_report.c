#include "verify_report.h"

#include "base/hex.h"
#include "base/own.h"

#include "printable.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHOWN_MAX = 512, LINE_DIGITS = 64 };

static const char *const results[] = {"SKIP", "PASS", "FAIL"};

json_t *ph_report_step(struct ph_verify_report *report, const char *name,
                       enum ph_step_result result, const char *says, ...)
{
    char text[512];
    va_list args;

    va_start(args, says);
    (void)vsnprintf(text, sizeof(text), says, args);
    va_end(args);
    ph_printable_str(text); /* it quotes what was kept */
    report->fail_cnt += result == PH_STEP_FAILED;
    if (!report->steps)
        report->steps = json_array();
    json_t *step = json_pack("{s:s,s:s,s:s,s:[]}", "check", name, "result", results[result], "says",
                             text, "bytes");
    if (!step || json_array_append_new(report->steps, step) != 0) {
        report->no_memory = true;
        return NULL;
    }
    return step; /* borrowed: the list owns it */
}

void ph_report_bytes(struct ph_verify_report *report, json_t *step, const char *name,
                     struct ph_bytes bytes)
{
    char hex[2 * SHOWN_MAX + 1];
    const size_t shown = bytes.len < SHOWN_MAX ? bytes.len : SHOWN_MAX;

    ph_hex_encode((struct ph_bytes){bytes.ptr, shown}, hex);
    json_t *item =
        json_pack("{s:s,s:I,s:s}", "name", name, "length", (json_int_t)bytes.len, "hex", hex);
    if (!item || !step || json_array_append_new(json_object_get(step, "bytes"), item) != 0)
        report->no_memory = true;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void print_hex(const char *name, const json_t *item)
{
    const char *hex = text_of(item, "hex");
    const long long len = (long long)json_integer_value(json_object_get(item, "length"));
    const size_t digits = strlen(hex);

    (void)printf("      %-14s ", name);
    for (size_t at = 0; at == 0 || at < digits; at += LINE_DIGITS)
        (void)printf("%s%.*s\n", at > 0 ? "                     " : "", LINE_DIGITS, hex + at);
    if ((long long)digits < 2 * len)
        (void)printf("                     … %lld bytes in all\n", len);
}

/* One check of the evidence verifier (attest/verdict_json.h). */
static void print_inner(const json_t *check)
{
    const json_t *bytes = json_object_get(check, "bytes");

    (void)printf("      %s  %s (%s)\n", text_of(check, "result"), text_of(check, "holds"),
                 text_of(check, "check"));
    if (!json_is_object(bytes))
        return;
    const json_t *offset = json_object_get(bytes, "offset");
    const long long len = (long long)json_integer_value(json_object_get(bytes, "length"));
    if (offset)
        (void)printf("            quote[%lld..%lld] ", (long long)json_integer_value(offset),
                     (long long)json_integer_value(offset) + len);
    else
        (void)printf("            %lld bytes of collateral ", len);
    (void)printf("%s%s\n", text_of(bytes, "head"), len > 32 ? "…" : "");
}

void ph_report_print(const struct ph_verify_report *report, bool explain)
{
    for (size_t i = 0; i < json_array_size(report->steps); i++) {
        const json_t *step = json_array_get(report->steps, i);
        const json_t *bytes = json_object_get(step, "bytes");
        const json_t *inner = json_object_get(step, "checks");
        (void)printf("%s  %s\n      %s\n", text_of(step, "result"), text_of(step, "check"),
                     text_of(step, "says"));
        for (size_t b = 0; b < json_array_size(bytes); b++)
            print_hex(text_of(json_array_get(bytes, b), "name"), json_array_get(bytes, b));
        for (size_t c = 0; c < json_array_size(inner); c++) {
            const json_t *check = json_array_get(inner, c);
            if (explain || strcmp(text_of(check, "result"), "FAIL") == 0)
                print_inner(check);
        }
    }
}
