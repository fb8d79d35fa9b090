// Counts what a process asks of its file system, and does something to it at one such moment.
//
// Preloaded. MOMENTS names a file whose first 8 bytes count, also over a kill. At number MOMENTS_AT
// the process MOMENTS_DO
//   kill   dies before the call,
//   torn   dies after it, or with half of its bytes written,
//   full   has no room any more: half of this write fits, and from then on only what is written over,
//   fail   gets EIO, this once.
// A moment is a call that makes, changes, names or synchronizes a file or folder.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum act { NONE, KILL, TORN, FULL, FAIL };
static _Atomic long own_count;
static _Atomic long *count = &own_count;
static long at = -1;
static enum act act;

// Sets the moment anew: what a process that was forked asks for.
void moments_arm(long number, int what) {
  *count = 0;
  act = what;
  at = number;
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("MOMENTS"), *number = getenv("MOMENTS_AT"), *what = getenv("MOMENTS_DO");
  if (path) {
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file >= 0 && ftruncate(file, 8) == 0) {
      void *place = mmap(0, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
      if (place != MAP_FAILED) count = place;
    }
    if (file >= 0) close(file);
    *count = 0;
  }
  static const char *names[] = {"none", "kill", "torn", "full", "fail"};
  for (int i = 0; what && i < 5; i++) if (!strcmp(what, names[i])) act = i;
  if (number) at = atol(number);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// What happens at this moment.
static enum act moment(void) {
  long number = ++*count;
  if (at < 0 || number < at || (number > at && act != FULL)) return NONE;
  if (act == KILL) die();
  return act;
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int is_regular(int file) {
  struct stat status;
  return file > 2 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

// A call that needs room for what it makes.
#define GROWS(call) \
  switch (moment()) { \
  case FULL: errno = ENOSPC; return -1; \
  case FAIL: errno = EIO; return -1; \
  case TORN: (void)!(call); die(); \
  default: return call; \
  }
// A call that a full disk does not keep from its work.
#define SHRINKS(call) \
  switch (moment()) { \
  case FAIL: errno = EIO; return -1; \
  case TORN: (void)!(call); die(); \
  default: return call; \
  }
// Whether bytes are written over others, for which a full disk has room.
static int is_over(int file, off_t place, size_t size) {
  off_t own = lseek(file, 0, SEEK_CUR), hole = lseek(file, place, SEEK_HOLE);
  lseek(file, own, SEEK_SET);
  return hole >= 0 && hole - place >= (off_t)size;
}

// A call that writes so many bytes of a file; `half` writes fewer.
#define WRITES(call, half, over) \
  if (!is_regular(file)) return call; \
  enum act now = moment(); \
  switch (now == FULL && over ? NONE : now) { \
  case FULL: \
    if (*count == at) return half; \
    errno = ENOSPC; \
    return -1; \
  case FAIL: errno = EIO; return -1; \
  case TORN: (void)!(half); die(); \
  default: return call; \
  }

ssize_t write(int file, const void *bytes, size_t size) {
  REAL(write);
  WRITES(real(file, bytes, size), real(file, bytes, (size + 1) / 2), 0)
}
ssize_t pwrite(int file, const void *bytes, size_t size, off_t place) {
  REAL(pwrite);
  WRITES(real(file, bytes, size, place), real(file, bytes, (size + 1) / 2, place),
         is_over(file, place, size))
}
ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t place) {
  REAL(pwrite64);
  WRITES(real(file, bytes, size, place), real(file, bytes, (size + 1) / 2, place),
         is_over(file, place, size))
}
ssize_t writev(int file, const struct iovec *parts, int number) {
  REAL(writev);
  WRITES(real(file, parts, number), real(file, parts, (number + 1) / 2), 0)
}

#define OPENS(name, call) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | __O_TMPFILE)) { \
    va_list rest; \
    va_start(rest, flags); \
    mode = va_arg(rest, mode_t); \
    va_end(rest); \
  } \
  REAL(name); \
  if (!(flags & O_CREAT)) return call; \
  GROWS(call)
int open(const char *path, int flags, ...) { OPENS(open, real(path, flags, mode)) }
int open64(const char *path, int flags, ...) { OPENS(open64, real(path, flags, mode)) }
int openat(int folder, const char *path, int flags, ...) {
  OPENS(openat, real(folder, path, flags, mode))
}
int openat64(int folder, const char *path, int flags, ...) {
  OPENS(openat64, real(folder, path, flags, mode))
}

int rename(const char *from, const char *to) { REAL(rename); GROWS(real(from, to)) }
int renameat(int one, const char *from, int other, const char *to) {
  REAL(renameat);
  GROWS(real(one, from, other, to))
}
int link(const char *from, const char *to) { REAL(link); GROWS(real(from, to)) }
int linkat(int one, const char *from, int other, const char *to, int flags) {
  REAL(linkat);
  GROWS(real(one, from, other, to, flags))
}
int mkdir(const char *path, mode_t mode) { REAL(mkdir); GROWS(real(path, mode)) }
int mkdirat(int folder, const char *path, mode_t mode) { REAL(mkdirat); GROWS(real(folder, path, mode)) }
int ftruncate(int file, off_t size) { REAL(ftruncate); GROWS(real(file, size)) }
int ftruncate64(int file, off64_t size) { REAL(ftruncate64); GROWS(real(file, size)) }
int unlink(const char *path) { REAL(unlink); SHRINKS(real(path)) }
int unlinkat(int folder, const char *path, int flags) { REAL(unlinkat); SHRINKS(real(folder, path, flags)) }
int rmdir(const char *path) { REAL(rmdir); SHRINKS(real(path)) }
int fsync(int file) { REAL(fsync); SHRINKS(real(file)) }
int fdatasync(int file) { REAL(fdatasync); SHRINKS(real(file)) }
