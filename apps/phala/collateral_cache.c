#include "collateral_cache.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/own.h"
#include "crypto/hash.h"
#include "evidence_needs.h"
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

#define FORMAT "phala-collateral-v1"

enum {
    INDEX_MAX = 8 << 20,  /* bytes */
    OBJECT_MAX = 2 << 20, /* bytes of one content */
    NAME_MAX_LEN = 2 * 192,
    HASH_LEN = 2 * PH_SHA256_LEN,
};

struct ph_cache {
    char dir[2048];
    int lock;
    json_t *entries; /* array of the index */
};

void ph_cache_close(struct ph_cache *cache)
{
    if (!cache)
        return;
    json_decref(cache->entries);
    ph_closep(&cache->lock);
    free(cache);
}

static enum ph_err bad(enum ph_err err, const char *dir, const char *what, struct ph_json_why *why)
{
    (void)snprintf(why->text, sizeof(why->text), "%.160s: %s", dir, what);
    return err;
}

static const char *str_of(const json_t *entry, const char *key)
{
    const char *s = json_string_value(json_object_get(entry, key));
    return s ? s : "";
}

/* "folder/file", both plain names: the index comes from a file that anyone may have edited. */
static bool is_name(const char *name)
{
    char folder[NAME_MAX_LEN];
    const char *slash = strchr(name, '/');

    if (!slash || (size_t)(slash - name) >= sizeof(folder))
        return false;
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - name), name);
    for (const char *c = folder; *c != '\0'; c++) {
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') && *c != '-')
            return false;
    }
    return folder[0] != '\0' && strcmp(folder, "objects") != 0 && ph_is_file_name(slash + 1);
}

static bool is_hash(const char *text)
{
    return strlen(text) == HASH_LEN && strspn(text, "0123456789abcdef") == HASH_LEN;
}

static bool is_entry(const json_t *e)
{
    int64_t until;
    return is_name(str_of(e, "name")) && is_hash(str_of(e, "sha256")) &&
           ph_time_parse_rfc3339(ph_bytes_str(str_of(e, "valid_until")), &until) == PH_OK;
}

static enum ph_err read_index(struct ph_cache *c, struct ph_json_why *why)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(INDEX_MAX);
    json_t *doc PH_OWNED(ph_json_freep) = NULL;
    struct ph_path path;

    if (ph_path_set(&path, "%s/index.json", c->dir) != PH_OK)
        return bad(PH_ERR_LIMIT, c->dir, "too long a path", why);
    const enum ph_err err = ph_file_read(path.s, &text);
    if (err == PH_ERR_NOT_FOUND) {
        c->entries = json_array();
        return c->entries ? PH_OK : PH_ERR_NOMEM;
    }
    if (err != PH_OK)
        return bad(err, path.s, "cannot be read", why);
    if (ph_json_load(ph_buf_view(&text), INDEX_MAX, &doc, why) != PH_OK ||
        strcmp(str_of(doc, "format"), FORMAT) != 0 ||
        !json_is_array(json_object_get(doc, "entries")))
        return bad(PH_ERR_MALFORMED, path.s, "not the index of a collateral cache: remove it", why);
    c->entries = json_incref(json_object_get(doc, "entries"));
    for (size_t i = 0; i < json_array_size(c->entries); i++) {
        if (!is_entry(json_array_get(c->entries, i)))
            return bad(PH_ERR_MALFORMED, path.s, "has an entry that is none: remove it", why);
    }
    return PH_OK;
}

static enum ph_err lock(struct ph_cache *c, struct ph_json_why *why)
{
    struct ph_path path;

    if (ph_path_set(&path, "%s/.lock", c->dir) != PH_OK)
        return bad(PH_ERR_LIMIT, c->dir, "too long a path", why);
    c->lock = open(path.s, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (c->lock < 0)
        return bad(PH_ERR_IO, path.s, "cannot be written", why);
    if (flock(c->lock, LOCK_EX | LOCK_NB) != 0)
        return bad(PH_ERR_CONFLICT, c->dir, "another process writes to this cache", why);
    return PH_OK;
}

enum ph_err ph_cache_open(const char *dir, struct ph_cache **out, struct ph_json_why *why)
{
    struct ph_cache *c PH_OWNED(ph_cache_closep) = calloc(1, sizeof(*c));
    struct ph_path objects;

    if (!c)
        return bad(PH_ERR_NOMEM, dir, "out of memory", why);
    c->lock = -1;
    if ((size_t)snprintf(c->dir, sizeof(c->dir), "%s", dir) >= sizeof(c->dir) ||
        ph_path_set(&objects, "%s/objects", dir) != PH_OK)
        return bad(PH_ERR_LIMIT, dir, "too long a path", why);
    if (ph_dir_make(objects.s) != PH_OK)
        return bad(PH_ERR_IO, dir, "cannot be made or written", why);
    PH_TRY(lock(c, why));
    PH_TRY(read_index(c, why));
    *out = PH_TAKE(c);
    return PH_OK;
}

static json_t *find(const struct ph_cache *c, const char *name, size_t *at)
{
    for (size_t i = 0; i < json_array_size(c->entries); i++) {
        json_t *e = json_array_get(c->entries, i);
        if (strcmp(str_of(e, "name"), name) == 0) {
            *at = i;
            return e;
        }
    }
    return NULL;
}

static void hash_of(struct ph_bytes bytes, char out[static HASH_LEN + 1])
{
    uint8_t hash[PH_SHA256_LEN];
    ph_sha256(bytes, hash);
    ph_hex_encode(PH_BYTES_OF(hash), out);
}

enum ph_err ph_cache_get(const struct ph_cache *cache, const char *name, struct ph_buf *out)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(OBJECT_MAX);
    char hash[HASH_LEN + 1];
    struct ph_path path;
    size_t at;

    const json_t *e = find(cache, name, &at);
    if (!e || ph_path_set(&path, "%s/%s", cache->dir, name) != PH_OK ||
        ph_file_read(path.s, &bytes) != PH_OK)
        return PH_ERR_NOT_FOUND;
    hash_of(ph_buf_view(&bytes), hash);
    return strcmp(hash, str_of(e, "sha256")) == 0 ? ph_buf_add(out, ph_buf_view(&bytes))
                                                  : PH_ERR_NOT_FOUND;
}

/* True if the content is there already, and whole: its links then keep sharing it. */
static bool has_object(const char *path, const char *hash)
{
    struct ph_buf bytes PH_OWNED(ph_buf_clear) = PH_BUF(OBJECT_MAX);
    char is[HASH_LEN + 1];

    if (ph_file_read(path, &bytes) != PH_OK)
        return false;
    hash_of(ph_buf_view(&bytes), is);
    return strcmp(is, hash) == 0;
}

/* A link beside the name, renamed over it: readers see the old content or the new. */
static enum ph_err link_name(const struct ph_cache *c, const char *hash, const char *name)
{
    struct ph_path object, path, folder, fresh;
    struct stat now, before;

    PH_TRY(ph_path_set(&object, "%s/objects/%s", c->dir, hash));
    PH_TRY(ph_path_set(&path, "%s/%s", c->dir, name));
    PH_TRY(ph_path_set(&fresh, "%s.new", path.s));
    PH_TRY(ph_path_set(&folder, "%s/%.*s", c->dir, (int)(strchr(name, '/') - name), name));
    PH_TRY(ph_dir_make(folder.s));
    (void)unlink(fresh.s);
    if (link(object.s, fresh.s) != 0)
        return PH_ERR_IO;
    /* Of two links to one file rename changes nothing, and leaves both. */
    if (stat(fresh.s, &now) == 0 && stat(path.s, &before) == 0 && now.st_ino == before.st_ino)
        return unlink(fresh.s) == 0 ? PH_OK : PH_ERR_IO;
    return rename(fresh.s, path.s) == 0 ? PH_OK : PH_ERR_IO;
}

enum ph_err ph_cache_put(struct ph_cache *cache, const char *name, struct ph_bytes bytes,
                         const char *from, int64_t valid_until_s)
{
    char hash[HASH_LEN + 1], until[21];
    struct ph_path object;
    size_t at;

    if (!is_name(name))
        return PH_ERR_MALFORMED;
    hash_of(bytes, hash);
    PH_TRY(ph_path_set(&object, "%s/objects/%s", cache->dir, hash));
    if (!has_object(object.s, hash))
        PH_TRY(ph_file_write(object.s, bytes, 0644));
    PH_TRY(link_name(cache, hash, name));
    ph_time_format_rfc3339(valid_until_s, until);
    json_t *entry = json_pack("{s:s,s:s,s:s,s:s}", "name", name, "sha256", hash, "from", from,
                              "valid_until", until);
    if (!entry)
        return PH_ERR_NOMEM;
    const int rc = find(cache, name, &at) ? json_array_set_new(cache->entries, at, entry)
                                          : json_array_append_new(cache->entries, entry);
    return rc == 0 ? PH_OK : PH_ERR_NOMEM;
}

static enum ph_err remove_expired(struct ph_cache *c, int64_t now_s, json_t *removed)
{
    struct ph_path path;
    int64_t until;

    for (size_t i = json_array_size(c->entries); i > 0; i--) {
        const json_t *e = json_array_get(c->entries, i - 1);
        if (ph_time_parse_rfc3339(ph_bytes_str(str_of(e, "valid_until")), &until) == PH_OK &&
            now_s < until)
            continue;
        PH_TRY(ph_path_set(&path, "%s/%s", c->dir, str_of(e, "name")));
        if (unlink(path.s) != 0 && errno != ENOENT)
            return PH_ERR_IO;
        if (json_array_append_new(removed, json_string(str_of(e, "name"))) != 0 ||
            json_array_remove(c->entries, i - 1) != 0)
            return PH_ERR_NOMEM;
    }
    return PH_OK;
}

static bool is_named(const struct ph_cache *c, const char *hash)
{
    for (size_t i = 0; i < json_array_size(c->entries); i++) {
        if (strcmp(str_of(json_array_get(c->entries, i), "sha256"), hash) == 0)
            return true;
    }
    return false;
}

static enum ph_err remove_unnamed(const struct ph_cache *c)
{
    struct ph_path path;

    PH_TRY(ph_path_set(&path, "%s/objects", c->dir));
    DIR *dir = opendir(path.s);
    if (!dir)
        return PH_ERR_IO;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (is_hash(e->d_name) && !is_named(c, e->d_name))
            (void)unlinkat(dirfd(dir), e->d_name, 0);
    }
    (void)closedir(dir);
    return PH_OK;
}

enum ph_err ph_cache_finish(struct ph_cache *cache, int64_t now_s, json_t *removed)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(INDEX_MAX);
    struct ph_path path;

    PH_TRY(remove_expired(cache, now_s, removed));
    PH_TRY(remove_unnamed(cache));
    json_t *doc PH_OWNED(ph_json_freep) =
        json_pack("{s:s,s:O}", "format", FORMAT, "entries", cache->entries);
    if (!doc)
        return PH_ERR_NOMEM;
    PH_TRY(ph_json_dump(doc, &text));
    PH_TRY(ph_path_set(&path, "%s/index.json", cache->dir));
    return ph_file_write(path.s, ph_buf_view(&text), 0644);
}
