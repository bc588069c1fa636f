#ifndef PH_CLI_OWNER_H
#define PH_CLI_OWNER_H

/* The owner's side of an account: settings, the password, the key while it is needed.
 *
 * Settings come from options, then the environment, then config.json in the configuration folder:
 * {"worker":"https://…","keystore":"/path"}.
 */

#include "cli.h"

#include "base/ids.h"

/* A settled string in the caller's storage. `value` stays empty where nothing names one. */
struct ph_setting {
    char value[PH_PATH_MAX];
};

/* @option  long option name; @env  variable; @member  of config.json.
 * PH_EXIT_OK, or the exit code after telling the user that config.json is broken. */
int ph_setting_get(const struct ph_cli *cli, const char *option, const char *env,
                   const char *member, struct ph_setting *out);

/* An unlocked key. Locked into memory; ph_owner_clear wipes it. */
struct ph_owner {
    uint8_t secret[32];
    struct ph_eth_address address;
};

/* Find the keystore, ask for the password, open it. Tells the user what failed. */
int ph_owner_unlock(const struct ph_cli *cli, struct ph_owner *out);
/* The address alone, without a password, as the keystore names it. */
int ph_owner_address(const struct ph_cli *cli, struct ph_eth_address *out);
void ph_owner_clear(struct ph_owner *owner);

/* A password in memory: wiped by ph_password_clear. */
struct ph_password {
    char text[1026];
    size_t len;
};
/* From --password-file or PHALA_PASSWORD_FILE (first line), else from the terminal without echo. */
int ph_password_get(const struct ph_cli *cli, const char *prompt, struct ph_password *out);
/* The same for a new key: the terminal asks twice. */
int ph_password_new(const struct ph_cli *cli, struct ph_password *out);
void ph_password_clear(struct ph_password *password);
static inline struct ph_bytes ph_password_view(const struct ph_password *password)
{
    return (struct ph_bytes){(const uint8_t *)password->text, password->len};
}

/* 0x and 40 digits, NUL. */
struct ph_address_text {
    char s[43];
};
struct ph_address_text ph_address_text(const struct ph_eth_address *address);

/* Read one line from the terminal with the echo off. PH_ERR_IO: there is none. */
PH_CHECKED enum ph_err ph_terminal_secret(const char *prompt, char *out, size_t cap, size_t *len);

#endif
