#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "AssayChild.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __APPLE__
#include <dlfcn.h>
#include <mach-o/dyld.h>
#else
#include <link.h>
#endif

extern char **environ;

// Set in the environment of a child.
#define VARIABLE "ASSAY_HDF5_CHILD"

// Answers what comes through the socket until it is closed; written in Swift.
extern void assay_hdf5_serve(void);

// MARK: In the child

// A constructor, because a test runner's or a user's main is not ours.
typedef void (*initializer)(int, char **, char **);

#ifdef __linux__
extern initializer __init_array_start[] __attribute__((weak, visibility("hidden")));
extern initializer __init_array_end[] __attribute__((weak, visibility("hidden")));
#endif

__attribute__((constructor)) static void serve(int count, char **arguments, char **variables) {
  const char *value = getenv(VARIABLE);
  struct stat status;
  if (value == NULL || strcmp(value, "1") != 0) return;
  // Whoever else has the variable set is not a child.
  if (fstat(ASSAY_CHILD_SOCKET, &status) != 0 || !S_ISSOCK(status.st_mode)) return;
#ifdef __linux__
#ifndef __GLIBC__
  // Other C libraries call constructors without arguments.
  count = 0;
  arguments = variables = environ;
#endif
  // What this program would still initialize after us, the Swift runtime if it is linked in.
  initializer *next = __init_array_start;
  while (next < __init_array_end && *next != serve) next++;
  if (next < __init_array_end) {
    for (next++; next < __init_array_end; next++) (*next)(count, arguments, variables);
  }
#endif
  assay_hdf5_serve();
  _exit(0);
}

static void bound(int resource, rlim_t value) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0) return;
  if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max) value = limit.rlim_max;
  limit.rlim_cur = limit.rlim_max = value;
  setrlimit(resource, &limit);
}

void assay_child_bound(uint64_t more) {
  bound(RLIMIT_CORE, 0);
  bound(RLIMIT_FSIZE, 0);
  bound(RLIMIT_NPROC, 0);
#ifdef __linux__
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file != NULL) {
    if (fscanf(file, "%lu", &pages) != 1) pages = 0;
    fclose(file);
  }
  if (pages != 0) bound(RLIMIT_AS, (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more);
#else
  (void)more;  // Darwin ignores the limit
#endif
}

void assay_child_bound_files(void) {
  int next = dup(ASSAY_CHILD_SOCKET);
  if (next < 0) return;
  close(next);
  bound(RLIMIT_NOFILE, (rlim_t)next);
}

void assay_child_bound_time(uint64_t seconds) {
  struct rusage usage;
  struct rlimit limit;
  if (getrusage(RUSAGE_SELF, &usage) != 0 || getrlimit(RLIMIT_CPU, &limit) != 0) return;
  rlim_t value = (rlim_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 2 + (rlim_t)seconds;
  if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max) value = limit.rlim_max;
  if (limit.rlim_cur == value) return;
  // Only the soft one: it moves on with the work.
  limit.rlim_cur = value;
  setrlimit(RLIMIT_CPU, &limit);
}

// MARK: In the parent

int assay_child_sockets(int ends[2]) {
#ifdef __linux__
  return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno;
#else
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return errno;
  for (int i = 0; i < 2; i++) {
    int on = 1;
    fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    setsockopt(ends[i], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
  }
  return 0;
#endif
}

#ifdef __linux__
// The first object is the program.
static int holds_us(struct dl_phdr_info *info, size_t size, void *context) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t offset = (uintptr_t)&serve - (info->dlpi_addr + part->p_vaddr);
    if (part->p_type == PT_LOAD && offset < part->p_memsz) *(int *)context = 1;
  }
  return 1;
}
#endif

int assay_child_can_serve(void) {
#ifdef __linux__
  int found = 0;
  dl_iterate_phdr(holds_us, &found);
  return found && access("/proc/self/exe", R_OK) == 0;
#else
  Dl_info info;
  return dladdr((const void *)&serve, &info) != 0 &&
         info.dli_fbase == (const void *)_dyld_get_image_header(0);
#endif
}

static int own_path(char *path, uint32_t size) {
#ifdef __linux__
  // The same file, whatever its name has come to mean.
  return snprintf(path, size, "/proc/self/exe") > 0;
#else
  return _NSGetExecutablePath(path, &size) == 0;
#endif
}

#ifdef __linux__
// Of glibc 2.34.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int)
    __attribute__((weak));
#endif

// What the child finds open.
static int add_files(posix_spawn_file_actions_t *actions, int socket, int file) {
  int code = 0;
  for (int stream = 0; stream <= 2 && code == 0; stream++) {
    code = posix_spawn_file_actions_addopen(actions, stream, "/dev/null", O_RDWR, 0);
  }
  if (code == 0) code = posix_spawn_file_actions_adddup2(actions, socket, ASSAY_CHILD_SOCKET);
  if (code == 0) {
    code = file < 0
        ? posix_spawn_file_actions_addopen(actions, ASSAY_CHILD_FILE, "/dev/null", O_RDONLY, 0)
        : posix_spawn_file_actions_adddup2(actions, file, ASSAY_CHILD_FILE);
  }
#ifdef __linux__
  int first = ASSAY_CHILD_FILE + 1;
  if (code == 0 && posix_spawn_file_actions_addclosefrom_np != NULL) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
  }
  for (int other = first; other < 1024 && code == 0; other++) {
    code = posix_spawn_file_actions_addclose(actions, other);
  }
#endif
  return code;
}

int assay_child_start(
    const char *program, char *const arguments[], int socket, int file, pid_t *child) {
  char path[4096];
  if (program == NULL && !own_path(path, sizeof path)) return ENAMETOOLONG;

  // Ours come first: the first of two with one name counts.
  size_t count = 0;
  while (environ[count] != NULL) count++;
  char **variables = calloc(count + 4, sizeof *variables);
  if (variables == NULL) return ENOMEM;
  variables[0] = VARIABLE "=1";
  variables[1] = "SWIFT_BACKTRACE=enable=no";
  variables[2] = "OPENBLAS_NUM_THREADS=1";  // it starts them while it is loaded
  memcpy(variables + 3, environ, count * sizeof *variables);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // Of its own group: Ctrl-C is for its parent, with which it ends. No signal is held back or
  // ignored there, whatever is here.
  short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
#ifdef __APPLE__
  flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  posix_spawnattr_setflags(&attributes, flags);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);

  // Out of the way of the numbers that they get in the child.
  int socket_copy = fcntl(socket, F_DUPFD_CLOEXEC, 16);
  int file_copy = file < 0 ? -1 : fcntl(file, F_DUPFD_CLOEXEC, 16);
  int code = socket_copy < 0 || (file >= 0 && file_copy < 0)
      ? errno : add_files(&actions, socket_copy, file_copy);
  if (code == 0) {
    char *const own[] = {"assay-hdf5-child", NULL};
    code = posix_spawn(
        child, program ? program : path, &actions, &attributes, program ? arguments : own,
        variables);
  }
  if (socket_copy >= 0) close(socket_copy);
  if (file_copy >= 0) close(file_copy);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  free(variables);
  return code;
}
