/* Passwords: from a file or a terminal, never from the command line, where every process of the
 * machine can read them. Part of owner.h. */

#include "owner.h"

#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <termios.h>

enum ph_err ph_terminal_secret(const char *prompt, char *out, size_t cap, size_t *len)
{
    int tty PH_OWNED(ph_closep) = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios was, quiet;
    if (tty < 0 || tcgetattr(tty, &was) != 0)
        return PH_ERR_IO;
    quiet = was;
    quiet.c_lflag &= (tcflag_t)~ECHO;
    if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
        return PH_ERR_IO;
    (void)dprintf(tty, "%s: ", prompt);
    size_t n = 0;
    enum ph_err err = PH_OK;
    for (;;) {
        char c;
        ssize_t got = read(tty, &c, 1);
        if (got <= 0) {
            err = PH_ERR_IO;
            break;
        }
        if (c == '\n')
            break;
        if (n == cap) {
            err = PH_ERR_LIMIT;
            break;
        }
        out[n++] = c;
    }
    (void)tcsetattr(tty, TCSAFLUSH, &was);
    (void)dprintf(tty, "\n");
    if (err == PH_OK)
        *len = n;
    return err;
}

static int from_file(const struct ph_cli *cli, const char *path, struct ph_password *out)
{
    struct ph_buf text PH_OWNED(ph_buf_clear) = PH_BUF(4096);
    enum ph_err err = ph_file_read(path, &text);
    if (err != PH_OK)
        return ph_fail(cli, "bad-password", path,
                       "name a readable file with the password in its first line",
                       "cannot read the password file: %s", strerror(errno));
    const uint8_t *end = text.len > 0 ? memchr(text.ptr, '\n', text.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - text.ptr) : text.len;
    if (len > 0 && text.ptr[len - 1] == '\r')
        len--;
    int rc = PH_EXIT_OK;
    if (len == 0 || len > 1024) {
        rc = ph_fail(cli, "bad-password", path, "its first line holds the password",
                     "the password has %zu bytes, expected 1 to 1024", len);
    } else {
        memcpy(out->text, text.ptr, len);
        out->len = len;
    }
    if (text.len > 0)
        ph_wipe(text.ptr, text.len);
    return rc;
}

/* Which file, or "" for the terminal. */
static const char *password_file(const struct ph_cli *cli)
{
    const char *file = ph_opts_get(&cli->opts, "password-file");
    if (file == NULL)
        file = getenv("PHALA_PASSWORD_FILE");
    return file != NULL ? file : "";
}

static int from_terminal(const struct ph_cli *cli, const char *prompt, struct ph_password *out)
{
    enum ph_err err = ph_terminal_secret(prompt, out->text, 1024, &out->len);
    if (err != PH_OK)
        return ph_fail(cli, "bad-password", NULL, "run in a terminal, or use --password-file FILE",
                       err == PH_ERR_LIMIT ? "the password has more than 1024 bytes"
                                           : "there is no terminal to ask for the password");
    if (out->len == 0)
        return ph_fail(cli, "bad-password", NULL, NULL, "the password is empty");
    return PH_EXIT_OK;
}

int ph_password_get(const struct ph_cli *cli, const char *prompt, struct ph_password *out)
{
    *out = (struct ph_password){0};
    (void)mlock(out, sizeof(*out));
    const char *file = password_file(cli);
    return file[0] != '\0' ? from_file(cli, file, out) : from_terminal(cli, prompt, out);
}

int ph_password_new(const struct ph_cli *cli, struct ph_password *out)
{
    int rc = ph_password_get(cli, "New password", out);
    if (rc != PH_EXIT_OK || password_file(cli)[0] != '\0')
        return rc;
    struct ph_password again;
    rc = ph_password_get(cli, "Once more", &again);
    if (rc == PH_EXIT_OK && !ph_bytes_equal(ph_password_view(out), ph_password_view(&again)))
        rc = ph_fail(cli, "bad-password", NULL, "try again", "the two passwords differ");
    ph_password_clear(&again);
    return rc;
}

void ph_password_clear(struct ph_password *password)
{
    ph_wipe(password, sizeof(*password));
    (void)munlock(password, sizeof(*password));
}
