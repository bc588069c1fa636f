#include "call_private.h"

#include "base/clock.h"
#include "base/own.h"
#include "codec/bhttp.h"
#include "keys/ohttp.h"
#include "secret_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { REQUEST_MAX = 1 << 20 }; /* what a worker takes in one envelope */

static const char date_problem[] = "https://iana.org/assignments/http-problem-types#date";

/* IMF-fixdate, in English whatever the locale: RFC 9110 section 5.6.7. */
static void print_date(int64_t time_s, char out[static 30])
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const time_t at = (time_t)time_s;
    struct tm tm;

    (void)gmtime_r(&at, &tm);
    (void)snprintf(out, 30, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday % 7],
                   tm.tm_mday % 100, months[tm.tm_mon % 12], (tm.tm_year + 1900) % 10000,
                   tm.tm_hour % 100, tm.tm_min % 100, tm.tm_sec % 100);
}

static enum ph_err put_field(struct ph_buf *section, const char *name, struct ph_bytes value)
{
    return ph_bhttp_put_field(section, ph_bytes_str(name), value);
}

/* A header line of the user's; names go in lower case. */
static enum ph_err put_line(struct ph_buf *section, const char *line)
{
    const char *colon = strchr(line, ':');
    char name[128];
    const size_t len = (size_t)(colon - line);

    if (len >= sizeof(name))
        return PH_ERR_LIMIT;
    for (size_t i = 0; i < len; i++)
        name[i] = (char)(line[i] >= 'A' && line[i] <= 'Z' ? line[i] + 32 : line[i]);
    name[len] = '\0';
    /* Date is the envelope's; where it goes is not the caller's to say again. */
    if (strcmp(name, "date") == 0 || strcmp(name, "host") == 0)
        return PH_OK;
    return put_field(section, name, ph_bytes_str(colon + 1 + strspn(colon + 1, " \t")));
}

/* The request inside, dated. */
static enum ph_err encode(const struct ph_api *api, const struct ph_api_call *call, int64_t now_s,
                          struct ph_buf *out)
{
    struct ph_buf fields PH_OWNED(ph_buf_clear) = PH_BUF(REQUEST_MAX);
    const char *authority = strstr(api->url.value, "://");
    char date[30];

    authority = authority ? authority + 3 : api->url.value;
    PH_TRY(ph_bhttp_put_request(out, ph_bytes_str(call->method), PH_BYTES_LIT("https"),
                                ph_bytes_str(authority), ph_bytes_str(call->path)));
    print_date(now_s, date);
    PH_TRY(put_field(&fields, "date", ph_bytes_str(date)));
    if (call->content_type)
        PH_TRY(put_field(&fields, "content-type", ph_bytes_str(call->content_type)));
    for (const char *const *line = call->more_headers; line && *line; line++)
        PH_TRY(put_line(&fields, *line));
    PH_TRY(ph_bhttp_put_part(out, ph_buf_view(&fields)));
    PH_TRY(ph_bhttp_put_part(out, call->body));
    return ph_bhttp_put_part(out, (struct ph_bytes){0});
}

/* What was inside the answer's envelope. */
static enum ph_err decode(struct ph_bytes message, struct ph_http_answer *out)
{
    struct ph_bhttp_response response;
    struct ph_bhttp_field field;

    PH_TRY(ph_bhttp_response_parse(message, &response));
    out->status = response.status;
    while (ph_bhttp_field_next(&response.fields, &field))
        PH_TRY(ph_buf_addf(&out->headers, "%.*s:%.*s\n", (int)field.name.len,
                           (const char *)field.name.ptr, (int)field.value.len,
                           (const char *)field.value.ptr));
    return ph_bhttp_content_add(&response.content, &out->body);
}

/* One envelope: each has a key and a date of its own. */
static int exchange(const struct ph_cli *cli, const struct ph_api *api,
                    const struct ph_api_call *call, struct ph_bytes keys, int64_t now_s,
                    struct ph_http_answer *out)
{
    struct ph_buf plain PH_OWNED(ph_buf_clear) = PH_BUF(REQUEST_MAX);
    struct ph_buf sealed PH_OWNED(ph_buf_clear) = PH_BUF(REQUEST_MAX);
    struct ph_buf opened PH_OWNED(ph_buf_clear) = PH_BUF(PH_HTTP_ANSWER_MAX);
    struct ph_http_answer outer PH_OWNED(ph_http_answer_clear) = PH_HTTP_ANSWER;
    struct ph_ohttp_session session = {0};
    struct ph_bytes type = {0};

    enum ph_err err = encode(api, call, now_s, &plain);
    if (err == PH_OK)
        err = ph_ohttp_seal_request(keys, ph_buf_view(&plain), &sealed, &session);
    if (err != PH_OK)
        return ph_fail(cli, "too-large", call->path, NULL,
                       err == PH_ERR_LIMIT ? "a private call has at most 1 MiB"
                                           : "the call cannot be encrypted to the worker's key");
    int rc = ph_api_do(cli, api,
                       &(struct ph_api_call){.method = "POST",
                                             .path = "/.well-known/ohttp-gateway",
                                             .content_type = "message/ohttp-req",
                                             .body = ph_buf_view(&sealed),
                                             .timeout_s = call->timeout_s},
                       &outer);
    if (rc == PH_EXIT_OK &&
        (outer.status != 200 || ph_http_header(&outer, "content-type", &type) != PH_OK ||
         !ph_bytes_is(type, "message/ohttp-res")))
        rc = ph_api_refused(cli, api, &outer);
    if (rc == PH_EXIT_OK &&
        (ph_ohttp_open_response(&session, ph_buf_view(&outer.body), &opened) != PH_OK ||
         decode(ph_buf_view(&opened), out) != PH_OK))
        rc = ph_fail(cli, "bad-answer", api->url.value, NULL,
                     "the answer was not sealed by the worker for this call");
    ph_wipe(&session, sizeof(session));
    return rc;
}

/* The worker's clock, if it refused the date. */
static bool told_time(const struct ph_http_answer *answer, int64_t *theirs_s, unsigned *wait_s)
{
    struct ph_bytes date, wait;
    struct tm tm = {0};
    char text[32];

    if (answer->status != 400 ||
        !memmem(answer->body.ptr, answer->body.len, date_problem, sizeof(date_problem) - 1) ||
        ph_http_header(answer, "date", &date) != PH_OK || date.len >= sizeof(text))
        return false;
    (void)snprintf(text, sizeof(text), "%.*s", (int)date.len, (const char *)date.ptr);
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return false;
    *theirs_s = (int64_t)timegm(&tm);
    *wait_s = 0;
    if (ph_http_header(answer, "retry-after", &wait) == PH_OK && wait.len == 1 &&
        wait.ptr[0] >= '0' && wait.ptr[0] <= '9')
        *wait_s = wait.ptr[0] - '0';
    return true;
}

int ph_call_private(const struct ph_cli *cli, const struct ph_api *api,
                    const struct ph_api_call *call, struct ph_http_answer *out)
{
    uint8_t keys[PH_OHTTP_KEYS_LEN];
    int64_t theirs_s = 0;
    unsigned wait_s = 0;

    int rc = ph_worker_ohttp_keys(cli, api, keys);
    if (rc == PH_EXIT_OK)
        rc = exchange(cli, api, call, PH_BYTES_OF(keys), ph_clock_wall_ms() / 1000, out);
    if (rc != PH_EXIT_OK || !told_time(out, &theirs_s, &wait_s))
        return rc;
    const int64_t told_ns = ph_clock_mono_ns();
    if (wait_s > 0)
        (void)nanosleep(&(struct timespec){.tv_sec = wait_s}, NULL);
    ph_http_answer_clear(out);
    *out = PH_HTTP_ANSWER;
    /* Rounded up: their second had begun when they told it. */
    theirs_s += (ph_clock_mono_ns() - told_ns) / 1000000000 + 1;
    return exchange(cli, api, call, PH_BYTES_OF(keys), theirs_s, out);
}
