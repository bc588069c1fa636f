#ifndef PH_RUNTIME_JSC_PRIV_H
#define PH_RUNTIME_JSC_PRIV_H

/* JavaScriptCore's C API, and the functions of it that Debian's library exports but whose headers
 * (JSContextRefPrivate.h, JSBasePrivate.h, JSLockPrivate.h, HeapTimer.h) the package leaves out. */

#include <JavaScriptCore/JavaScript.h>
#include <stdbool.h>

typedef bool (*JSShouldTerminateCallback)(JSContextRef ctx, void *data);
/* CPU time of one entry from C. The callback decides; if it returns false it is asked again only
 * when it set a limit again itself. */
void JSContextGroupSetExecutionTimeLimit(JSContextGroupRef group, double seconds,
                                         JSShouldTerminateCallback callback, void *data);
/* The API lock, recursive. The outermost unlock outside of a native runs pending promise jobs. */
void JSLock(JSContextRef ctx);
void JSUnlock(JSContextRef ctx);
/* `function` is called with (promise, reason) at the end of a turn. */
void JSGlobalContextSetUnhandledRejectionCallback(JSGlobalContextRef ctx, JSObjectRef function,
                                                  JSValueRef *exception);
void JSSynchronousGarbageCollectForDebugging(JSContextRef ctx);
/* Before the first VM: collections only when allocation asks for them, or the caller. */
void JSDisableGCTimer(void);
/* Object with heapSize, extraMemorySize, … in bytes. */
JSObjectRef JSGetMemoryUsageStatistics(JSContextRef ctx);

#endif
