#ifndef PH_RUNTIME_NATIVES_TEXT_H
#define PH_RUNTIME_NATIVES_TEXT_H

/* Natives of the prelude that need nothing outside the process: UTF-8, base64, randomness, and the
 * evaluation of scripts under their own name (NATIVES.md).
 *
 * Layer: runtime. Spec: WHATWG Encoding §8.1, Infra §7. Tests: webapi_test.c.
 */

#include <JavaScriptCore/JavaScript.h>

/* Set utf8Encode, utf8Decode, base64Encode, base64Decode, random, part and evaluate on `natives`.
 */
void ph_natives_text_install(JSContextRef ctx, JSObjectRef natives);

#endif
