#ifndef PH_IPC_MESSAGES_H
#define PH_IPC_MESSAGES_H

/* Every message between our processes, in one table: encoder, decoder, direction check and
 * the documentation come from it.
 *
 * Field kinds: U8 U16 U32 U64 (little-endian), B20 B32 B65 (fixed bytes), BYTES (u32 length, then
 * bytes), REST (all bytes up to the end of the payload; last field only).
 *
 * Header blocks are text: "name: value\n" per field, names lower-case tokens, values without CR, LF
 * and NUL.
 *
 * Layer: ipc. Tests: messages_test.c, messages_fuzz.c.
 */

#include "base/ids.h"
#include "ipc/frame.h"

/* Directions: D phalad, R phala-run instance, Z phala-run zygote, K phala-keyd. */
enum ph_ipc_dir { PH_D2R, PH_R2D, PH_D2Z, PH_Z2D, PH_D2K, PH_K2D };

/* Frame flags. */
enum {
    PH_IPC_END = 1, /* CALL, RESP, FETCH, FETCH_HEAD: the inline body is the whole body, no body
                       and end frames follow */
};

/* M(NAME, number, direction, fields…) with F(KIND, name); M0 has no fields. Numbers are never
 * reused.
 *
 * Instance life: D sends BUNDLE* then START; R answers STARTED or START_FAIL. Then calls, in any
 * number at once: CALL [CALL_BODY]* CALL_END?   ->   RESP [RESP_BODY]* RESP_END?   or RESP_FAIL at
 * any point before the end. CALL_CANCEL (the caller left, or the deadline passed): R drops the
 * call; it may still send RESP_FAIL. Fetches of the phat: FETCH [FETCH_SEND]* FETCH_SEND_END? ->
 * FETCH_HEAD [FETCH_BODY]* FETCH_DONE? or FETCH_FAIL. Flow control: a sender has PH_IPC_WINDOW body
 * bytes in flight per id and direction; CREDIT gives bytes back. Inline bodies count. The four
 * streams of one id are told apart by CREDIT's `stream`.
 */
/* clang-format off */
#define PH_IPC_MESSAGES(M, M0, F)                                                                    \
    /* phalad -> instance */                                                                        \
    M(BUNDLE,        1, PH_D2R, F(REST, data))                  /* next piece of the ustar archive */ \
    M(START,         2, PH_D2R, F(B20, phat) F(B32, bundle_hash) F(U32, cpu_ms) F(U32, wall_ms)      \
                                F(U32, memory_mib) F(U32, subrequests) F(U32, secrets_len)           \
                                F(U8, flags) F(REST, env_json)) /* env: manifest's plain variables */ \
    M(CALL,          3, PH_D2R, F(U8, kind) F(U32, wall_ms) F(BYTES, method) F(BYTES, url)           \
                                F(BYTES, headers) F(REST, body))                                     \
    M(CALL_BODY,     4, PH_D2R, F(REST, data))                                                      \
    M0(CALL_END,      5, PH_D2R)                                                                   \
    M0(CALL_CANCEL,   6, PH_D2R)                                                                   \
    M(FETCH_HEAD,    7, PH_D2R, F(U16, status) F(BYTES, url) F(BYTES, status_text) F(BYTES, headers) F(REST, body)) \
    M(FETCH_BODY,    8, PH_D2R, F(REST, data))                                                      \
    M0(FETCH_DONE,    9, PH_D2R)                                                                   \
    M(FETCH_FAIL,   10, PH_D2R, F(BYTES, code) F(REST, message))                                    \
    M(CREDIT_R,     11, PH_D2R, F(U8, stream) F(U32, bytes))                                        \
    M(STATE,        12, PH_D2R, F(U64, index) F(B32, hash) F(B32, root) F(U32, page_cnt) F(U32, key_epoch) \
                                F(U32, max_pages) F(U32, older_epoch)) /* before the first CALL: newest commit of the phat's state; its key comes over the state channel */ \
    /* instance -> phalad */                                                                        \
    M(READY,        20, PH_R2D, F(REST, sandbox_layers))        /* VM up: comma-separated layers in force */ \
    M(STARTED,      21, PH_R2D, F(U32, handlers))               /* bit 0 fetch, 1 scheduled, 2 chain, 3 event */ \
    M(START_FAIL,   22, PH_R2D, F(REST, message))               /* text with file:line:column lines */ \
    M(RESP,         23, PH_R2D, F(U16, status) F(BYTES, headers) F(REST, body))                     \
    M(RESP_BODY,    24, PH_R2D, F(REST, data))                                                      \
    M0(RESP_END,     25, PH_R2D)                                                                   \
    M(RESP_FAIL,    26, PH_R2D, F(BYTES, code) F(REST, message))                                    \
    M(FETCH,        27, PH_R2D, F(U64, call) F(U8, redirect) F(BYTES, method) F(BYTES, url)          \
                                F(BYTES, headers) F(REST, body))                                     \
    M(FETCH_SEND,   28, PH_R2D, F(REST, data))                                                      \
    M0(FETCH_SEND_END, 29, PH_R2D)                                                                 \
    M0(FETCH_CANCEL, 30, PH_R2D)                                                                   \
    M(LOG,          31, PH_R2D, F(U8, level) F(REST, text))     /* id: the call, 0 outside of one */ \
    M(CREDIT_D,     32, PH_R2D, F(U8, stream) F(U32, bytes))                                        \
    M0(IDLE,         33, PH_R2D)                               /* waitUntil work is done, nothing pending */ \
    M(STATE_FAIL,    34, PH_R2D, F(REST, message))              /* the state cannot be opened, or not be used any more: the instance ends */ \
    M(STATE_AT,      35, PH_R2D, F(U64, index))                 /* answers in the frames from here on depend on commits up to this one, which is durable; grows */ \
    /* phalad <-> zygote: datagrams, one frame each */                                              \
    M(SPAWN,        40, PH_D2Z, F(U32, memory_mib) F(U8, jit))  /* + fds: instance socket, secrets pipe, state channel */ \
    M(SPAWNED,      41, PH_Z2D, F(U32, pid))                    /* + fd: pidfd */ \
    M(SPAWN_FAIL,   42, PH_Z2D, F(REST, message))                                                   \
    M(EXITED,       43, PH_Z2D, F(U32, pid) F(U32, wait_status))                                    \
    M(ZYGOTE_UP,    44, PH_Z2D, F(REST, sandbox_layers))        /* layers this host gives, and which are missing: name=ok|missing:reason,… */ \
    /* phalad <-> keyd: datagrams, one frame each; id echoes */                                     \
    M(STATE_KNOWN,  100, PH_D2K, F(B20, phat))                   /* which commit is the newest that it knows? */ \
    M(STATE_IS,     101, PH_K2D, F(U8, known) F(U64, index))     /* known 0: none, the first log shown is taken */ \
    M(STATE_SKIP,   102, PH_D2K, F(REST, head))                  /* oldest commit left in a log that lost its beginning; answered STATE_ADVANCED */ \
    M(PEER_URL,     103, PH_D2K, F(REST, url))                   /* base URL of a worker of the cluster */ \
    M(PEER_URL_MAC, 104, PH_K2D, F(B32, mac)) \
    M0(KEYD_INFO,    60, PH_D2K)                                                                   \
    M(KEYD_INFO_IS, 61, PH_K2D, F(B20, signer) F(BYTES, signer_pub) F(B20, cluster) F(U32, epoch)    \
                                F(B32, caller_x25519) F(BYTES, tls_pub) F(U8, flags) F(B32, policy)   \
                                F(B32, ohttp_x25519))                                                 \
    M(SIGN_BATCH,   62, PH_D2K, F(B32, root) F(U32, count) F(U64, time_ms))                         \
    M(SIGNED,       63, PH_K2D, F(B65, sig))                                                        \
    M(TLS_SIGN,     64, PH_D2K, F(U16, scheme) F(REST, digest))                                     \
    M(TLS_SIGNED,   65, PH_K2D, F(REST, sig))                                                       \
    M(SECRETS_SEAL, 66, PH_D2K, F(BYTES, request) F(B65, owner_sig) F(REST, envelope))              \
    M(SECRETS_SEALED, 67, PH_K2D, F(REST, sealed))                                                  \
    M(SECRETS_RELEASE, 68, PH_D2K, F(BYTES, request) F(B65, owner_sig) F(REST, sealed)) /* + fd: write end of the instance's pipe */ \
    M(SECRETS_RELEASED, 69, PH_K2D, F(U32, len))                                                    \
    M(KEYD_FAIL,    70, PH_K2D, F(U8, err) F(REST, message))                                        \
    M(STATE_KEY,    71, PH_D2K, F(B20, phat) F(REST, head))     /* newest head in the log, empty: none; + fd: phalad's end of the state channel */ \
    M0(STATE_KEY_SENT, 72, PH_K2D)                                                                 \
    M(STATE_ADVANCE, 73, PH_D2K, F(REST, head))                 /* a commit that is durable */        \
    M0(STATE_ADVANCED, 74, PH_K2D)                                                                 \
    M0(CLUSTER_NONCE, 75, PH_D2K)                              /* hand-over of a cluster's keys: keys/handover.h */ \
    M(CLUSTER_NONCE_IS, 76, PH_K2D, F(B32, nonce))                                                  \
    M(CLUSTER_GIVE, 77, PH_D2K, F(B32, exporter) F(BYTES, certificate) F(REST, join)) /* certificate: the peer's of the connection, DER */                                     \
    M(CLUSTER_GIVEN, 78, PH_K2D, F(B20, joiner) F(BYTES, measurement) F(BYTES, report_data) F(REST, sealed)) \
    M(CLUSTER_ASK, 79, PH_D2K, F(B32, nonce) F(B32, exporter) F(REST, certificate))                                      \
    M(CLUSTER_ASKING, 80, PH_K2D, F(B32, key) F(REST, report_data))                                 \
    M(CLUSTER_TAKE, 81, PH_D2K, F(BYTES, certificate) F(REST, give))                                                      \
    M(CLUSTER_TAKEN, 82, PH_K2D, F(BYTES, measurement) F(REST, state)) /* state: what the state file is to hold; empty: nothing is kept */ \
    M(OHTTP_OPEN,   90, PH_D2K, F(REST, head))                  /* of an encapsulated request: key id, suite, enc */ \
    M(OHTTP_OPENED, 91, PH_K2D, F(BYTES, key) F(BYTES, nonce) F(REST, secret)) /* of that request alone: its AEAD key and nonce, its response's secret */ \
    M(GUEST_KEY,   110, PH_D2K, F(B20, phat) F(U8, alg) F(BYTES, path) F(REST, purpose)) /* alg: enum ph_dstack_alg */ \
    M(GUEST_KEY_IS, 111, PH_K2D, F(B32, key) F(B65, by_app) F(B65, by_cluster)) /* signatures end in 0 or 1 */ \
    M(GUEST_SIGN,  112, PH_D2K, F(B20, phat) F(U8, alg) F(REST, data)) \
    M0(CHAIN_KEY,  140, PH_D2K)                                /* the account that pays for transactions */ \
    M(CHAIN_KEY_IS, 141, PH_K2D, F(B20, sender))                                                    \
    M(TX_SIGN,     142, PH_D2K, F(REST, unsigned_tx))          /* chain/tx.h; judged by chain/tx_policy.h; answered SIGNED */ \
    M(ANSWER_SIGN, 143, PH_D2K, F(U64, request) F(B32, terms) F(B32, code) F(U8, outcome) F(B32, result)) /* chain/anchor.h; answered SIGNED */ \
    M(WORKER_SAYS, 144, PH_D2K, F(U8, word) F(B32, id))        /* chain/consent.h, carried by the account of CHAIN_KEY; answered SIGNED */ \
    M0(WORKER_KEY, 180, PH_D2K)                                /* is a second signing key there? */ \
    M(WORKER_KEY_IS, 181, PH_K2D, F(U8, other_is) F(B20, other)) /* enum ph_worker_key */           \
    M(WORKER_KEY_STEP, 182, PH_D2K, F(U8, step))               /* enum ph_worker_key_step */        \
    M(WORKER_KEY_STATE, 183, PH_K2D, F(REST, state))           /* what the state file is to hold before WORKER_KEY_KEPT; empty: nothing is kept */ \
    M0(WORKER_KEY_KEPT, 184, PH_D2K)                           /* it does: from here on those are the keys */ \
    M0(WORKER_KEY_ADOPTED, 185, PH_K2D)                                                            \
    M(WORKER_KEY_ROTATE, 186, PH_D2K, F(B32, id) F(B32, beacon)) /* to the next key: chain/consent.h; answered SIGNED */ \
    M(CERTIFY,     190, PH_D2K, F(REST, request))              /* a member of a committee: chain/certificate.h */ \
    M(CERTIFIED,   191, PH_K2D, F(B32, evidence_hash) F(REST, certified))                           \
    M(VERDICT,     192, PH_D2K, F(REST, request))              /* a juror */                        \
    M(VERDICT_IS,  193, PH_K2D, F(U8, genuine) F(B32, certificate) F(B65, sig))                     \
    M(GUEST_SIGNED, 113, PH_K2D, F(B65, by_app) F(B65, by_cluster) F(BYTES, sig) F(REST, key)) /* key: public */ \
    M(GUEST_TLS_KEY, 114, PH_D2K, F(B20, phat) F(U8, random) F(REST, path)) /* P-256, of the path unless random */ \
    M(GUEST_TLS_KEY_IS, 115, PH_K2D, F(B32, key) F(REST, pub)) /* key: secret; pub: x || y */ \
    M(GUEST_CERT,  116, PH_D2K, F(B20, phat) F(U8, usage) F(U64, not_before) F(U64, not_after)       \
                                F(BYTES, pub) F(BYTES, subject) F(BYTES, alt_names) F(BYTES, app_info) F(REST, quote)) /* no pub: no leaf; texts end in NUL; app_info: keys/dstack.h, or empty; quote: dstack's, or empty */ \
    M(GUEST_CERT_IS, 117, PH_K2D, F(BYTES, leaf) F(BYTES, app) F(REST, root)) /* DER */ \
    M0(KEYS_STATUS, 120, PH_D2K)                                                                   \
    M(KEYS_STATUS_IS, 121, PH_K2D, F(U8, needed) F(BYTES, owners) F(REST, epochs)) /* 20 bytes each; u32be each, ascending */ \
    M0(KEYS_NONCE, 122, PH_D2K)                                /* for an act of the keys' owners: keys/key_act.h */ \
    M(KEYS_NONCE_IS, 123, PH_K2D, F(B32, nonce))                                                    \
    M(KEYS_ROTATE, 124, PH_D2K, F(B20, cluster) F(U64, expires) F(BYTES, act) F(REST, sigs))        \
    M(KEYS_NEXT, 125, PH_K2D, F(U32, epoch) F(REST, state))    /* what the state file is to hold before KEYS_KEPT; empty: nothing is kept */ \
    M0(KEYS_KEPT, 126, PH_D2K)                                 /* it does: from here on these are the keys */ \
    M0(KEYS_ADOPTED, 127, PH_K2D)                                                                  \
    M(KEYS_RETIRE, 128, PH_D2K, F(U32, before))                /* nothing in storage refers to epochs before this one; answered KEYS_NEXT */ \
    M(KEYS_RETIRE_SIGNED, 136, PH_D2K, F(B20, cluster) F(U64, expires) F(BYTES, act) F(REST, sigs)) /* the same before the newest, as the owners say where storage is shared */ \
    M(KEYS_BACKUP, 129, PH_D2K, F(B20, cluster) F(U64, expires) F(BYTES, act) F(REST, sigs))        \
    M(KEYS_BACKED_UP, 130, PH_K2D, F(REST, backup))            /* keys/escrow.h */                  \
    M(SECRETS_RESEAL, 131, PH_D2K, F(B20, phat) F(REST, sealed)) /* for the newest epoch; answered SECRETS_SEALED */ \
    M0(RESTORE, 132, PH_D2K)                                   /* a worker without keys that was started to get them from a backup */ \
    M(RESTORE_IS, 133, PH_K2D, F(B32, key) F(B20, cluster) F(U8, have) F(U8, needed)) /* needed 0: no share came yet */ \
    M(RESTORE_SHARE, 134, PH_D2K, F(BYTES, backup) F(REST, share))                                  \
    M(RESTORED, 135, PH_K2D, F(U8, have) F(U8, needed) F(REST, state)) /* have == needed: the keys are here; state as in CLUSTER_TAKEN */ \
    M(STATE_MOVE,  150, PH_D2K, F(BYTES, request) F(B65, owner_sig) F(REST, head)) /* export or import: state/move.h. head: of an import */ \
    M(STATE_MOVE_IS, 151, PH_K2D, F(BYTES, wrapped) F(REST, tokens)) /* wrapped: an export's file key, for its owner */ \
    M(STATE_WIPE,  152, PH_D2K, F(BYTES, request) F(B65, owner_sig) F(REST, head)) /* the owner's deletion, and the newest commit */ \
    M(STATE_WIPE_IS, 153, PH_K2D, F(REST, head))                /* a commit that follows it and leaves nothing */ \
    M(WALLET_OPEN, 220, PH_D2K, F(BYTES, request) F(B65, owner_sig) F(BYTES, manifest) F(BYTES, files) F(REST, ledger)) /* the owner's deploy, its phat.json, what its hash is over (codec/bundle.h), what is stored of WALLET_SIGNED; empty: nothing */ \
    M(WALLET_IS,   221, PH_K2D, F(U8, sends) F(B20, address))  /* sends 0: phat.json names another worker */ \
    M(WALLET_SIGN, 222, PH_D2K, F(B20, phat) F(REST, unsigned_tx)) /* judged by chain/wallet_ledger.h */ \
    M(WALLET_SIGNED, 223, PH_K2D, F(B65, sig) F(REST, ledger)) /* ledger: to be stored before the signature is used */ \
    M(SECRETS_KEPT, 160, PH_D2K, F(U8, gone) F(B65, owner_sig) F(REST, request)) /* a set of secrets is stored, or (gone) a deletion: nothing older is released any more */ \
    M(SECRETS_NOTED, 161, PH_K2D, F(REST, state))              /* what the state file is to hold; empty: nothing changed, or nothing is kept */ \
    M0(SECRETS_KNOWN, 162, PH_D2K)                             /* which phats have secrets, as far as it knows? */ \
    M(SECRETS_KNOWN_ARE, 163, PH_K2D, F(REST, phats))          /* ids, 20 bytes each */ \
    M(CODE_RELEASE, 164, PH_D2K, F(U32, epoch) F(BYTES, request) F(B65, owner_sig) F(REST, wrapped)) /* keys/code_key.h; + fd: write end of the instance's pipe */ \
    M0(CODE_RELEASED, 165, PH_K2D)                             /* 32 bytes lie in it */ \
    M(CODE_REWRAP, 166, PH_D2K, F(B20, phat) F(B32, bundle_hash) F(U32, epoch) F(REST, wrapped)) /* for the newest epoch */ \
    M(CODE_REWRAPPED, 167, PH_K2D, F(U32, epoch) F(REST, wrapped)) \
    M0(MARKS_ASK,  170, PH_D2K)                                /* what other workers know of states and secrets: pages of apps/phala-keyd/marks.h */ \
    M(MARKS_ASKING, 171, PH_K2D, F(REST, request))              /* for one of them */ \
    M(MARKS_GIVE,  172, PH_D2K, F(BYTES, after) F(REST, request)) /* such a request; after: empty, or where the page before ended; answered MARKS_PAGE */ \
    M(MARKS_PAGE,  173, PH_K2D, F(U8, last) F(BYTES, next) F(REST, page)) /* next: where it ends */ \
    M(MARKS_TAKE,  174, PH_D2K, F(REST, page))                  /* of the answer to what was asked, in order */ \
    M(MARKS_TAKEN, 175, PH_K2D, F(U8, last) F(BYTES, next) F(REST, forked)) /* forked: a sentence about a state of which two histories are known; empty: none */ \
    M(MARKS_SAVE,  176, PH_D2K, F(REST, after))                 /* what this worker knows, for the file beside the state file; answered MARKS_PAGE */ \
    M0(MARKS_SAVED, 177, PH_D2K)                               /* the pages since the first are on disk */ \
    M(MARKS_NOTED, 178, PH_K2D, F(REST, state))                 /* what the state file is to hold; empty: what it does */
/* clang-format on */

enum { PH_IPC_WINDOW = 256 * 1024 };

/* START flags: the archive is encrypted (codec/code.h), and its key lies in the secrets pipe before
 * the secrets. */
enum { PH_START_ENCRYPTED = 1 };

/* EXITED: exit status of an instance that ended because it found no memory. */
enum { PH_RUN_EXIT_MEMORY = 3 };

/* MARKS_*: bytes of `after` and `next`, of a request, of a page at most; pages at most. */
enum {
    PH_MARKS_PLACE_LEN = 21,
    PH_MARKS_REQUEST_LEN = 60,
    PH_MARKS_PAGE_MAX = 60 * 1024,
    PH_MARKS_PAGES_MAX = 128,
};

/* CREDIT's stream. */
enum ph_ipc_stream {
    PH_STREAM_CALL = 0,  /* request body of a call, D -> R */
    PH_STREAM_RESP = 1,  /* response body of a call, R -> D */
    PH_STREAM_FETCH = 2, /* request body of a fetch, R -> D */
    PH_STREAM_GOT = 3,   /* response body of a fetch, D -> R */
};

/* GUEST_CERT: usage, and limits. */
enum ph_guest_usage { PH_GUEST_SERVER_AUTH = 1, PH_GUEST_CLIENT_AUTH = 2 };
enum { PH_GUEST_NAMES_MAX = 32, PH_GUEST_SUBJECT_MAX = 256 }; /* bytes of each text */

/* KEYD_INFO_IS flags. */
enum ph_keyd_flag {
    PH_KEYD_EPHEMERAL = 1,          /* keys live in memory only: gone with the process */
    PH_KEYD_INSECURE_SIMULATOR = 2, /* sealed by a key file beside the state: no hardware */
};
/* WORKER_KEY_IS: what the second signing key is, if there is one; WORKER_KEY_STEP: make it, let it
 * and the first change places, forget it. */
enum ph_worker_key { PH_WORKER_KEY_NONE, PH_WORKER_KEY_NEXT, PH_WORKER_KEY_PREVIOUS };
enum ph_worker_key_step {
    PH_WORKER_KEY_MAKE = 1,
    PH_WORKER_KEY_SWAP = 2,
    PH_WORKER_KEY_FORGET = 3
};
/* TLS_SIGN scheme: ecdsa_secp256r1_sha256, RFC 8446 §4.2.3; longest DER signature. */
enum { PH_TLS_ECDSA_P256_SHA256 = 0x0403, PH_TLS_SIG_MAX = 72 };

/* EXPORT and IMPORT are answered by the engine itself (runtime/move.h). Body of EXPORT: recipient
 * 32 || wrapped key 80 || u8 what (0: the head alone; 1: the file) || cluster 20 || tokens. Of
 * IMPORT: u8 count of tokens || tokens || import head || sealed pieces. */
enum ph_call_kind {
    PH_CALL_FETCH = 0,
    PH_CALL_SCHEDULED = 1,
    PH_CALL_EXPORT = 2,
    PH_CALL_IMPORT = 3,
    PH_CALL_CHAIN = 4,
};

#define PH_IPC_M_(NAME, number, dir, fields) PH_IPC_##NAME = (number),
#define PH_IPC_M0_(NAME, number, dir) PH_IPC_##NAME = (number),
#define PH_IPC_F_(KIND, name)
enum ph_ipc_msg { PH_IPC_MESSAGES(PH_IPC_M_, PH_IPC_M0_, PH_IPC_F_) };
#undef PH_IPC_M_
#undef PH_IPC_M0_
#undef PH_IPC_F_

/* One struct per message with fields: struct ph_msg_CALL { uint8_t kind; … }. BYTES and REST are
 * views: into the caller's memory when sending, into the frame when parsed. */
#define PH_IPC_C_U8 uint8_t
#define PH_IPC_C_U16 uint16_t
#define PH_IPC_C_U32 uint32_t
#define PH_IPC_C_U64 uint64_t
#define PH_IPC_C_B20 struct ph_phat_id
#define PH_IPC_C_B32 struct ph_hash32
#define PH_IPC_C_B65 struct ph_bytes65
#define PH_IPC_C_BYTES struct ph_bytes
#define PH_IPC_C_REST struct ph_bytes
struct ph_bytes65 {
    uint8_t b[65];
};
#define PH_IPC_M_(NAME, number, dir, fields)                                                       \
    struct ph_msg_##NAME {                                                                         \
        fields                                                                                     \
    };
#define PH_IPC_M0_(NAME, number, dir)
#define PH_IPC_F_(KIND, name) PH_IPC_C_##KIND name;
PH_IPC_MESSAGES(PH_IPC_M_, PH_IPC_M0_, PH_IPC_F_)
#undef PH_IPC_M_
#undef PH_IPC_M0_
#undef PH_IPC_F_

/* Untyped core of the wrappers below; use those. */
PH_CHECKED enum ph_err ph_ipc_put_raw(struct ph_ipc_chan *chan, uint16_t type, uint16_t flags,
                                      uint64_t id, const void *msg);
PH_CHECKED enum ph_err ph_ipc_get_raw(const struct ph_ipc_frame *frame, uint16_t type, void *out);
/* Encode one message as a datagram into `out` (control channels); parse one received datagram. */
PH_CHECKED enum ph_err ph_ipc_encode_raw(struct ph_buf *out, uint16_t type, uint16_t flags,
                                         uint64_t id, const void *msg);
PH_CHECKED enum ph_err ph_ipc_decode(struct ph_bytes datagram, struct ph_ipc_frame *out);

/* Name of a message type ("CALL"), or "?" ; and whether it may travel in this direction. */
const char *ph_ipc_name(uint16_t type);
bool ph_ipc_allowed(uint16_t type, enum ph_ipc_dir dir);

/* For each message: ph_put_CALL(chan, flags, id, &msg) queues it, ph_get_CALL(&frame, &msg) reads
 * it (PH_ERR_MALFORMED: another type, short, or bytes left over), ph_encode_CALL(&buf, flags, id,
 * &msg) makes a datagram. Messages without fields take and give no struct. */
#define PH_IPC_M_(NAME, number, dir, fields)                                                       \
    PH_CHECKED static inline enum ph_err ph_put_##NAME(                                            \
        struct ph_ipc_chan *chan, uint16_t flags, uint64_t id, const struct ph_msg_##NAME *msg)    \
    {                                                                                              \
        return ph_ipc_put_raw(chan, (number), flags, id, msg);                                     \
    }                                                                                              \
    PH_CHECKED static inline enum ph_err ph_get_##NAME(const struct ph_ipc_frame *frame,           \
                                                       struct ph_msg_##NAME *out)                  \
    {                                                                                              \
        return ph_ipc_get_raw(frame, (number), out);                                               \
    }                                                                                              \
    PH_CHECKED static inline enum ph_err ph_encode_##NAME(                                         \
        struct ph_buf *out, uint16_t flags, uint64_t id, const struct ph_msg_##NAME *msg)          \
    {                                                                                              \
        return ph_ipc_encode_raw(out, (number), flags, id, msg);                                   \
    }
#define PH_IPC_M0_(NAME, number, dir)                                                              \
    PH_CHECKED static inline enum ph_err ph_put_##NAME(struct ph_ipc_chan *chan, uint16_t flags,   \
                                                       uint64_t id)                                \
    {                                                                                              \
        return ph_ipc_put_raw(chan, (number), flags, id, NULL);                                    \
    }                                                                                              \
    PH_CHECKED static inline enum ph_err ph_get_##NAME(const struct ph_ipc_frame *frame)           \
    {                                                                                              \
        return ph_ipc_get_raw(frame, (number), NULL);                                              \
    }                                                                                              \
    PH_CHECKED static inline enum ph_err ph_encode_##NAME(struct ph_buf *out, uint16_t flags,      \
                                                          uint64_t id)                             \
    {                                                                                              \
        return ph_ipc_encode_raw(out, (number), flags, id, NULL);                                  \
    }
#define PH_IPC_F_(KIND, name)
PH_IPC_MESSAGES(PH_IPC_M_, PH_IPC_M0_, PH_IPC_F_)
#undef PH_IPC_M_
#undef PH_IPC_M0_
#undef PH_IPC_F_

#endif
