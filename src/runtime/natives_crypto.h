#ifndef PH_RUNTIME_NATIVES_CRYPTO_H
#define PH_RUNTIME_NATIVES_CRYPTO_H

/* The native under crypto.subtle: crypto(op, …) as NATIVES.md lists it, over crypto/pkey.h.
 *
 * Layer: runtime. Spec: W3C Web Cryptography API Level 2. Tests: tests/webapi/crypto*.js.
 */

#include <JavaScriptCore/JavaScript.h>

/* Set crypto on `natives`. Key handles are objects of a class of their own; their C memory is freed
 * when the engine collects them. */
void ph_natives_crypto_install(JSContextRef ctx, JSObjectRef natives);

#endif
