// What ThreadSanitizer does not see of Swift's Mutex on Linux: a lock for which somebody waits is
// taken and given back inside of the library, which is not instrumented. To be preloaded.

#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <stdint.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))
// Synchronization._MutexHandle._lockSlow(UInt32) and ._unlockSlow()
#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Of the sanitizer; other processes have none.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

SWIFT void preloaded_lock(uint32_t thread, SELF void *mutex) __asm__(LOCK);
SWIFT void preloaded_unlock(SELF void *mutex) __asm__(UNLOCK);

SWIFT void preloaded_lock(uint32_t thread, SELF void *mutex) {
  static SWIFT void (*original)(uint32_t thread, SELF void *mutex);
  if (__atomic_load_n(&original, __ATOMIC_RELAXED) == 0) {
    __atomic_store_n(&original, dlsym(RTLD_NEXT, LOCK), __ATOMIC_RELAXED);
  }
  original(thread, mutex);
  if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT void preloaded_unlock(SELF void *mutex) {
  static SWIFT void (*original)(SELF void *mutex);
  if (__atomic_load_n(&original, __ATOMIC_RELAXED) == 0) {
    __atomic_store_n(&original, dlsym(RTLD_NEXT, UNLOCK), __ATOMIC_RELAXED);
  }
  if (__tsan_release) __tsan_release(mutex);
  original(mutex);
}
