#ifndef PH_CLI_WATCH_H
#define PH_CLI_WATCH_H

/* Which folder of a project changed: inotify over the folder and all below it, except node_modules
 * and names that begin with a dot. Editors' temporary files do not count.
 *
 * Tests: watch_test.c.
 */

#include "files.h"

enum { PH_WATCH_DIRS_MAX = 512 };

struct ph_watch {
    int fd; /* readable when something happened; -1 when closed */
    struct {
        int wd;
        char *path;
    } dirs[PH_WATCH_DIRS_MAX];
    size_t dir_cnt;
    bool full; /* there are folders beyond PH_WATCH_DIRS_MAX: they are not watched */
};

/* PH_ERR_IO (errno: EMFILE and ENOSPC are the system's limits of inotify), PH_ERR_NOMEM. */
PH_CHECKED enum ph_err ph_watch_open(const char *dir, struct ph_watch *out);
/* Read what happened; true if any of it can change a bundle. Does not block. */
bool ph_watch_changed(struct ph_watch *watch);
void ph_watch_close(struct ph_watch *watch);

#endif
