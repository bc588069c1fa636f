/* SQLite's file system: one database, whose pages are those of the state. Journals, temporary
 * tables and sort space live in memory; every other file is refused. */

#include "crypto/aead.h"
#include "state/state_priv.h"

#include <stdio.h>
#include <time.h>

struct file {
    sqlite3_file base;
    struct ph_state *state;
};

static struct ph_state *state_of(sqlite3_file *file)
{
    return ((struct file *)(void *)file)->state;
}

static int code(enum ph_err err, int otherwise)
{
    if (err == PH_OK)
        return SQLITE_OK;
    return err == PH_ERR_NOMEM ? SQLITE_NOMEM : err == PH_ERR_LIMIT ? SQLITE_FULL : otherwise;
}

static int file_close(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

/* SQLite reads whole pages, and parts of the first one. */
static int file_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
    struct ph_state *s = state_of(file);
    uint8_t page[PH_STATE_PAGE], *out = to;

    while (len > 0) {
        const uint64_t n = (uint64_t)at / PH_STATE_PAGE;
        const size_t skip = (size_t)((uint64_t)at % PH_STATE_PAGE);
        size_t part = PH_STATE_PAGE - skip;
        if (part > (size_t)len)
            part = (size_t)len;
        if (n >= s->page_cnt) {
            memset(out, 0, (size_t)len);
            return SQLITE_IOERR_SHORT_READ;
        }
        const enum ph_err err = ph_state_read_page(s, (uint32_t)n, page);
        if (err != PH_OK)
            return code(err, SQLITE_IOERR_READ);
        memcpy(out, page + skip, part);
        out += part;
        at += (sqlite3_int64)part;
        len -= (int)part;
    }
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
    struct ph_state *s = state_of(file);
    const uint8_t *in = from;
    uint8_t *page;

    while (len > 0) {
        const uint64_t n = (uint64_t)at / PH_STATE_PAGE;
        const size_t skip = (size_t)((uint64_t)at % PH_STATE_PAGE);
        size_t part = PH_STATE_PAGE - skip;
        if (part > (size_t)len)
            part = (size_t)len;
        if (n >= PH_STATE_PAGES_MAX)
            return SQLITE_FULL;
        const enum ph_err err = ph_state_change_page(s, (uint32_t)n, part == PH_STATE_PAGE, &page);
        if (err != PH_OK)
            return code(err, SQLITE_IOERR_WRITE);
        memcpy(page + skip, in, part);
        in += part;
        at += (sqlite3_int64)part;
        len -= (int)part;
    }
    return SQLITE_OK;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    ph_state_cut(state_of(file), (uint32_t)(((uint64_t)size + PH_STATE_PAGE - 1) / PH_STATE_PAGE));
    return SQLITE_OK;
}

static int file_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK; /* ph_state_commit is what makes it durable */
}

static int file_size(sqlite3_file *file, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)state_of(file)->page_cnt * PH_STATE_PAGE;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK; /* one connection in one process */
}

static int file_is_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *file)
{
    (void)file;
    return PH_STATE_PAGE;
}

static int file_traits(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_ATOMIC4K | SQLITE_IOCAP_SAFE_APPEND | SQLITE_IOCAP_SEQUENTIAL |
           SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_lock,
    .xCheckReservedLock = file_is_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct file *f = (struct file *)(void *)file;

    f->base.pMethods = NULL;
    if (!name || (flags & SQLITE_OPEN_MAIN_DB) == 0 || strcmp(name, "state") != 0)
        return SQLITE_CANTOPEN;
    f->base.pMethods = &methods;
    f->state = vfs->pAppData;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    (void)name;
    (void)sync;
    return SQLITE_IOERR_DELETE_NOENT;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    (void)vfs;
    (void)name;
    (void)flags;
    *out = 0; /* there is no hot journal: none is ever written */
    return SQLITE_OK;
}

static int vfs_path(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
    (void)vfs;
    return snprintf(out, (size_t)cap, "%s", name) < cap ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_random(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    ph_random(out, (size_t)len);
    return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us; /* nobody to wait for */
}

/* Milliseconds since noon of 24 November 4714 BC. */
static int vfs_now(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    struct timespec t;
    (void)vfs;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    *out = INT64_C(210866760000000) + (sqlite3_int64)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int len, char *out)
{
    (void)vfs;
    (void)len;
    (void)out;
    return 0;
}

/* Pragmas that say or set nothing about how the database is stored. */
static bool pragma_is_allowed(const char *name)
{
    static const char *const allowed[] = {
        "case_sensitive_like", "collation_list",     "compile_options",
        "data_version",        "defer_foreign_keys", "encoding",
        "foreign_key_check",   "foreign_key_list",   "foreign_keys",
        "freelist_count",      "function_list",      "index_info",
        "index_list",          "index_xinfo",        "integrity_check",
        "module_list",         "optimize",           "page_count",
        "pragma_list",         "quick_check",        "recursive_triggers",
        "table_info",          "table_list",         "table_xinfo",
        "user_version",        "incremental_vacuum"};
    for (size_t i = 0; i < PH_LEN(allowed); i++) {
        if (sqlite3_stricmp(allowed[i], name) == 0)
            return true;
    }
    return false;
}

static int authorize(void *ctx, int action, const char *a, const char *b, const char *c,
                     const char *d)
{
    (void)ctx;
    (void)b;
    (void)c;
    (void)d;
    /* VACUUM attaches a nameless database, which lives in memory. */
    if (action == SQLITE_ATTACH && (!a || *a != '\0'))
        return SQLITE_DENY;
    if (action == SQLITE_PRAGMA && !pragma_is_allowed(a))
        return SQLITE_DENY;
    return SQLITE_OK;
}

static int configure(struct ph_state *s)
{
    char text[256];

    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 1);
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_EXPR_DEPTH, 200);
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 64 << 20);
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_WORKER_THREADS, 0);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    (void)snprintf(text, sizeof(text),
                   "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; "
                   "PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY; PRAGMA page_size=4096; "
                   "PRAGMA cache_size=-%u; PRAGMA mmap_size=0; PRAGMA foreign_keys=ON; "
                   "PRAGMA max_page_count=%u",
                   s->limits.cache_bytes / 1024, s->limits.pages);
    int rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
    if (rc == SQLITE_OK) /* reads the header: the first page is checked here */
        rc = sqlite3_exec(s->db, "PRAGMA user_version", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sqlite3_set_authorizer(s->db, authorize, NULL);
}

enum ph_err ph_state_connect(struct ph_state *s)
{
    (void)snprintf(s->vfs_name, sizeof(s->vfs_name), "phala-%p", (void *)s);
    s->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct file),
        .mxPathname = 64,
        .zName = s->vfs_name,
        .pAppData = s,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_path,
        .xRandomness = vfs_random,
        .xSleep = vfs_sleep,
        .xGetLastError = vfs_last_error,
        .xCurrentTimeInt64 = vfs_now,
    };
    int rc = sqlite3_vfs_register(&s->vfs, 0);
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2("state", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                             s->vfs_name);
    if (rc == SQLITE_OK)
        rc = configure(s);
    if (rc == SQLITE_OK)
        return PH_OK;
    if (s->fault != PH_OK)
        return s->fault;
    s->sentence = rc == SQLITE_NOTADB || rc == SQLITE_CORRUPT ? "the state is no SQLite database"
                                                              : "SQLite could not open the state";
    return rc == SQLITE_NOMEM ? PH_ERR_NOMEM : PH_ERR_MALFORMED;
}

void ph_state_disconnect(struct ph_state *s)
{
    if (s->db)
        (void)sqlite3_close_v2(s->db);
    s->db = NULL;
    if (s->vfs_name[0] != '\0')
        (void)sqlite3_vfs_unregister(&s->vfs);
}
