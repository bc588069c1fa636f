/* Pages and tree nodes in PostgreSQL. The row of phala_tips is written first: of two writers the
 * second waits for it, and then sees whether it is behind. */

#include "base/own.h"
#include "store/commit_log_pg_priv.h"
#include "store/tip.h"

#include <stdlib.h>

/* Images are random bytes: compressing them is in vain. */
enum ph_err ph_pg_make_pages(PGconn *db, char *why)
{
    static const char look[] =
        "SELECT 1 FROM phala_pages, phala_tips WHERE false AND phala_pages.n = phala_tips.index";
    static const char make[] =
        "BEGIN; CREATE TABLE IF NOT EXISTS phala_pages (phat bytea NOT NULL, n bigint NOT NULL, "
        "image bytea NOT NULL, PRIMARY KEY (phat, n)); "
        "ALTER TABLE phala_pages ALTER COLUMN image SET STORAGE EXTERNAL; "
        "CREATE TABLE IF NOT EXISTS phala_tips (phat bytea PRIMARY KEY, index bigint NOT NULL, "
        "tip bytea NOT NULL); COMMIT";

    if (ph_pg_run(db, look, why) == PH_OK || ph_pg_run(db, make, why) == PH_OK)
        return PH_OK;
    PQclear(PQexec(db, "ROLLBACK"));
    return ph_pg_run(db, look, why); /* another worker made them at the same time */
}

static enum ph_err pages_tip(void *writer, struct ph_state_tip *out, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA};
    struct ph_pg_writer *w = writer;
    struct ph_pg_query q = {0};
    uint64_t base;

    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db, "SELECT tip FROM phala_tips WHERE phat = $1", 1, types, q.values,
                     q.lens, q.formats, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return ph_pg_judge(w, r, why);
    if (PQntuples(r) == 0) {
        *out = (struct ph_state_tip){0};
        return PH_OK;
    }
    struct ph_reader in = {{(const uint8_t *)PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0)}};
    if (ph_tip_read(&in, out, &base) != PH_OK || in.rest.len != 0 || base != 0)
        return ph_commit_fail(PH_ERR_MALFORMED, why, "the row of a phat in phala_tips is damaged");
    return PH_OK;
}

static enum ph_err pages_read(void *writer, uint64_t key, uint8_t *out, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8};
    struct ph_pg_writer *w = writer;
    struct ph_pg_query q = {0};

    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put_number(&q, 1, key);
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db, "SELECT image FROM phala_pages WHERE phat = $1 AND n = $2", 2, types,
                     q.values, q.lens, q.formats, 1);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        return ph_pg_judge(w, r, why);
    if (PQntuples(r) == 0)
        return ph_commit_fail(PH_ERR_NOT_FOUND, why, "a page is missing from phala_pages");
    if (PQgetlength(r, 0, 0) != PH_STATE_PAGE)
        return ph_commit_fail(PH_ERR_MALFORMED, why, "a page in phala_pages has another size");
    memcpy(out, PQgetvalue(r, 0, 0), PH_STATE_PAGE);
    return PH_OK;
}

/* The transaction is lost: the connection is for other things again. */
static enum ph_err undo(struct ph_pg_writer *w, enum ph_err err)
{
    PQclear(PQexec(w->db, "ROLLBACK"));
    free(w->images);
    w->images = NULL;
    return err;
}

static enum ph_err write_tip(struct ph_pg_writer *w, const struct ph_state_tip *tip, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8, PH_PG_BYTEA};
    struct ph_pg_query q = {0};
    uint8_t raw[PH_TIP_LEN];

    ph_tip_encode(tip, 0, raw);
    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put_number(&q, 1, tip->index);
    ph_pg_put(&q, 2, PH_BYTES_OF(raw));
    PGresult *r PH_OWNED(ph_pg_result_freep) = PQexecParams(
        w->db,
        "INSERT INTO phala_tips VALUES ($1, $2, $3) ON CONFLICT (phat) DO UPDATE "
        "SET index = EXCLUDED.index, tip = EXCLUDED.tip WHERE phala_tips.index <= EXCLUDED.index",
        3, types, q.values, q.lens, q.formats, 1);
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        return ph_pg_judge(w, r, why);
    return strcmp(PQcmdTuples(r), "1") == 0
               ? PH_OK
               : ph_commit_fail(PH_ERR_CONFLICT, why,
                                "another worker has written newer pages: this one no longer "
                                "writes the state");
}

static enum ph_err pages_begin(void *writer, const struct ph_state_tip *tip, char *why)
{
    struct ph_pg_writer *w = writer;

    w->images = malloc(sizeof(*w->images));
    if (!w->images)
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    w->images->cnt = 0;
    w->page_cnt = tip->page_cnt;
    enum ph_err err = ph_pg_run(w->db, "BEGIN", why);
    if (err == PH_OK)
        err = write_tip(w, tip, why);
    return err == PH_OK ? PH_OK : undo(w, err);
}

/* An array of one dimension as PostgreSQL's binary format has it (array_recv in its source,
 * src/backend/utils/adt/arrayfuncs.c): dimensions, whether there are NULLs, type, length, first
 * index; then each element behind its length. */
static enum ph_err begin_array(struct ph_buf *out, uint32_t type, size_t cnt)
{
    uint8_t head[20];

    ph_put_u32be(head, 1);
    ph_put_u32be(head + 4, 0);
    ph_put_u32be(head + 8, type);
    ph_put_u32be(head + 12, (uint32_t)cnt);
    ph_put_u32be(head + 16, 1);
    return ph_buf_add(out, PH_BYTES_OF(head));
}

static enum ph_err add_element(struct ph_buf *out, struct ph_bytes element)
{
    uint8_t len[4];

    ph_put_u32be(len, (uint32_t)element.len);
    PH_TRY(ph_buf_add(out, PH_BYTES_OF(len)));
    return ph_buf_add(out, element);
}

static enum ph_err arrays(const struct ph_pg_images *images, struct ph_buf *keys,
                          struct ph_buf *bytes)
{
    uint8_t key[8];

    PH_TRY(begin_array(keys, PH_PG_INT8, images->cnt));
    PH_TRY(begin_array(bytes, PH_PG_BYTEA, images->cnt));
    for (size_t i = 0; i < images->cnt; i++) {
        ph_put_u64be(key, images->key[i]);
        PH_TRY(add_element(keys, PH_BYTES_OF(key)));
        PH_TRY(add_element(bytes, PH_BYTES_OF(images->image[i])));
    }
    return PH_OK;
}

static enum ph_err send_images(struct ph_pg_writer *w, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8S, PH_PG_BYTEAS};
    struct ph_buf keys PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(1 << 20);
    struct ph_pg_query q = {0};

    if (w->images->cnt == 0)
        return PH_OK;
    if (arrays(w->images, &keys, &bytes) != PH_OK)
        return ph_commit_fail(PH_ERR_NOMEM, why, "no memory");
    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put(&q, 1, ph_buf_view(&keys));
    ph_pg_put(&q, 2, ph_buf_view(&bytes));
    PGresult *r PH_OWNED(ph_pg_result_freep) =
        PQexecParams(w->db,
                     "INSERT INTO phala_pages SELECT $1, * FROM unnest($2::bigint[], $3::bytea[]) "
                     "ON CONFLICT (phat, n) DO UPDATE SET image = EXCLUDED.image",
                     3, types, q.values, q.lens, q.formats, 1);
    w->images->cnt = 0;
    return PQresultStatus(r) == PGRES_COMMAND_OK ? PH_OK : ph_pg_judge(w, r, why);
}

static enum ph_err pages_put(void *writer, uint64_t key, const uint8_t *image, char *why)
{
    struct ph_pg_writer *w = writer;
    struct ph_pg_images *images = w->images;

    images->key[images->cnt] = key;
    memcpy(images->image[images->cnt++], image, PH_STATE_PAGE);
    if (images->cnt < PH_PG_IMAGES)
        return PH_OK;
    const enum ph_err err = send_images(w, why);
    return err == PH_OK ? PH_OK : undo(w, err);
}

/* Pages that the database no longer has. */
static enum ph_err drop_behind(struct ph_pg_writer *w, char *why)
{
    static const Oid types[] = {PH_PG_BYTEA, PH_PG_INT8};
    struct ph_pg_query q = {0};

    ph_pg_put(&q, 0, PH_BYTES_OF(w->phat.b));
    ph_pg_put_number(&q, 1, w->page_cnt);
    PGresult *r PH_OWNED(ph_pg_result_freep) = PQexecParams(
        w->db, "DELETE FROM phala_pages WHERE phat = $1 AND n >= $2 AND n < 4294967296", 2, types,
        q.values, q.lens, q.formats, 1);
    return PQresultStatus(r) == PGRES_COMMAND_OK ? PH_OK : ph_pg_judge(w, r, why);
}

static enum ph_err pages_end(void *writer, char *why)
{
    struct ph_pg_writer *w = writer;

    enum ph_err err = send_images(w, why);
    if (err == PH_OK)
        err = drop_behind(w, why);
    if (err == PH_OK)
        err = ph_pg_commit(w, why);
    if (err != PH_OK)
        return undo(w, err);
    free(w->images);
    w->images = NULL;
    return PH_OK;
}

const struct ph_commit_pages_backend ph_commit_pages_pg = {
    .tip = pages_tip,
    .read = pages_read,
    .begin = pages_begin,
    .put = pages_put,
    .end = pages_end,
};
