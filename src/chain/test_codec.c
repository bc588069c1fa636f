/* The codecs as a filter, for tests against other implementations: a line in, a line out.
 *
 *   keccak HEX
 *   rlp HEX                        read and written again
 *   make CHAIN NONCE PRIORITY MAX_FEE GAS TO|- WEI DATA   -> unsigned form, digest
 *   sign SECRET UNSIGNED           -> signed form, hash
 *   open SIGNED                    -> sender, chain, nonce, fees, gas, to, wei, data
 *   mixed HEX | mixed_result HEX   arguments of Sample.mixed, its answer: read and written again
 *   seen TOPIC TOPIC TOPIC DATA    -> who, what, amount, data
 *
 * What is refused gives "refused CLASS".
 */

#include "abi_sample.h"

#include "base/hex.h"
#include "base/own.h"
#include "chain/rlp.h"
#include "chain/rpc_wire.h"
#include "chain/tx.h"
#include "crypto/hash.h"
#include "crypto/init.h"

#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_LEN = 1 << 20, WORDS = 10 };

static void put_hex(struct ph_bytes bytes, const char *behind)
{
    char *text PH_OWNED(ph_freep) = malloc(2 * bytes.len + 1);

    if (!text)
        return;
    ph_hex_encode(bytes, text);
    printf("0x%s%s", text, behind);
}

static enum ph_err bytes_of(const char *word, struct ph_buf *out)
{
    return word ? ph_rpc_data_of(ph_bytes_str(word), out) : PH_ERR_MALFORMED;
}

static enum ph_err fixed_of(const char *word, uint8_t *out, size_t len)
{
    return word ? ph_hex_decode(ph_bytes_str(word), out, len) : PH_ERR_MALFORMED;
}

static uint64_t number(const char *word)
{
    return word ? strtoull(word, NULL, 10) : 0;
}

static enum ph_err keccak(char **words)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    uint8_t digest[32];

    PH_TRY(bytes_of(words[1], &in));
    ph_keccak256(ph_buf_view(&in), digest);
    put_hex(PH_BYTES_OF(digest), "\n");
    return PH_OK;
}

/* Tests nest a few levels. */
static enum ph_err rewrite(struct ph_bytes in, struct ph_buf *out)
{
    struct ph_reader r = {in};
    struct ph_rlp_item item;

    while (r.rest.len > 0) {
        struct ph_buf inner PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
        PH_TRY(ph_rlp_read(&r, &item));
        if (!item.is_list) {
            PH_TRY(ph_rlp_put_string(out, item.payload));
            continue;
        }
        PH_TRY(rewrite(item.payload, &inner));
        PH_TRY(ph_rlp_put_list(out, ph_buf_view(&inner)));
    }
    return PH_OK;
}

static enum ph_err rlp(char **words)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);

    PH_TRY(bytes_of(words[1], &in));
    PH_TRY(rewrite(ph_buf_view(&in), &out));
    put_hex(ph_buf_view(&out), "\n");
    return PH_OK;
}

static enum ph_err make(char **words)
{
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_tx tx = {.chain_id = number(words[1]),
                       .nonce = number(words[2]),
                       .max_priority_fee = number(words[3]),
                       .max_fee = number(words[4]),
                       .gas = number(words[5])};
    struct ph_hash32 digest;

    tx.creates = words[6] && strcmp(words[6], "-") == 0;
    if (!tx.creates)
        PH_TRY(fixed_of(words[6], tx.to.b, sizeof(tx.to.b)));
    PH_TRY(bytes_of(words[8], &data));
    PH_TRY(ph_u256_parse_decimal(ph_bytes_str(words[7]), &tx.value));
    tx.data = ph_buf_view(&data);
    PH_TRY(ph_tx_encode(&tx, &out));
    ph_tx_digest(ph_buf_view(&out), &digest);
    put_hex(ph_buf_view(&out), " ");
    put_hex(PH_BYTES_OF(digest.b), "\n");
    return PH_OK;
}

static enum ph_err sign(char **words)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    uint8_t secret[32], sig[PH_ETH_SIG_LEN];
    struct ph_hash32 hash;

    PH_TRY(fixed_of(words[1], secret, sizeof(secret)));
    PH_TRY(bytes_of(words[2], &in));
    ph_tx_digest(ph_buf_view(&in), &hash);
    PH_TRY(ph_eth_sign(secret, &hash, sig));
    PH_TRY(ph_tx_sign_with(ph_buf_view(&in), sig, &out));
    ph_tx_hash(ph_buf_view(&out), &hash);
    put_hex(ph_buf_view(&out), " ");
    put_hex(PH_BYTES_OF(hash.b), "\n");
    return PH_OK;
}

static enum ph_err open_signed(char **words)
{
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    char wei[PH_U256_DECIMAL_LEN];
    struct ph_eth_address sender;
    struct ph_tx tx;

    PH_TRY(bytes_of(words[1], &in));
    PH_TRY(ph_tx_parse_signed(ph_buf_view(&in), &tx, &sender));
    ph_u256_format_decimal(&tx.value, wei);
    put_hex(PH_BYTES_OF(sender.b), " ");
    printf("%llu %llu %llu %llu %llu ", (unsigned long long)tx.chain_id,
           (unsigned long long)tx.nonce, (unsigned long long)tx.max_priority_fee,
           (unsigned long long)tx.max_fee, (unsigned long long)tx.gas);
    put_hex((struct ph_bytes){tx.to.b, tx.creates ? 0 : sizeof(tx.to.b)}, " ");
    printf("%s ", wei);
    put_hex(tx.data, "\n");
    return PH_OK;
}

static enum ph_err again(const struct ph_abi_type *type, const char *word)
{
    static _Alignas(16) uint8_t room[1 << 20], value[1 << 16];
    struct ph_buf in PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_buf out PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};

    PH_TRY(bytes_of(word, &in));
    PH_TRY(ph_abi_decode(type, ph_buf_view(&in), &mem, value));
    PH_TRY(ph_abi_encode(type, value, &out));
    put_hex(ph_buf_view(&out), "\n");
    return PH_OK;
}

static enum ph_err mixed(char **words)
{
    return again(ph_abi_sample_mixed.in, words[1]);
}

static enum ph_err mixed_result(char **words)
{
    return again(ph_abi_sample_mixed.out, words[1]);
}

static enum ph_err seen(char **words)
{
    static _Alignas(16) uint8_t room[1 << 16];
    struct ph_buf data PH_OWNED(ph_buf_clear) = PH_BUF(LINE_MAX_LEN);
    struct ph_abi_mem mem = {.ptr = room, .len = sizeof(room)};
    struct ph_abi_sample_seen_event event;
    struct ph_hash32 topics[3];
    char amount[PH_U256_DECIMAL_LEN];

    for (size_t i = 0; i < PH_LEN(topics); i++)
        PH_TRY(fixed_of(words[1 + i], topics[i].b, 32));
    PH_TRY(bytes_of(words[4], &data));
    PH_TRY(ph_abi_decode_event(&ph_abi_sample_seen_event, topics, 3, ph_buf_view(&data), &mem,
                               &event));
    ph_u256_format_decimal(&event.amount, amount);
    put_hex(PH_BYTES_OF(event.who.b), " ");
    put_hex(PH_BYTES_OF(event.what.b), " ");
    printf("%s ", amount);
    put_hex(event.data, "\n");
    return PH_OK;
}

static const struct {
    const char *name;
    enum ph_err (*run)(char **words);
} commands[] = {
    {"keccak", keccak},
    {"rlp", rlp},
    {"make", make},
    {"sign", sign},
    {"open", open_signed},
    {"mixed", mixed},
    {"mixed_result", mixed_result},
    {"seen", seen},
};

static enum ph_err do_line(char *line)
{
    char *words[WORDS] = {NULL}, *save = NULL;
    size_t cnt = 0;

    for (char *w = strtok_r(line, " \n", &save); w && cnt < WORDS - 1;
         w = strtok_r(NULL, " \n", &save))
        words[cnt++] = w;
    for (size_t i = 0; cnt > 0 && i < PH_LEN(commands); i++)
        if (strcmp(words[0], commands[i].name) == 0)
            return commands[i].run(words);
    return PH_ERR_UNSUPPORTED;
}

int main(void)
{
    static char line[2 * LINE_MAX_LEN];

    ph_crypto_init();
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    while (fgets(line, sizeof(line), stdin)) {
        const enum ph_err err = do_line(line);
        if (err != PH_OK)
            printf("refused %s\n", ph_err_name(err));
    }
    return 0;
}
