// A clock that begins at CLOCK_START, in seconds since 1970, and goes CLOCK_PACE times as fast; with a
// negative pace it goes back. Preloaded.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static __int128 first;

int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  if (result || clock != CLOCK_REALTIME) return result;
  __int128 now = (__int128)time->tv_sec * 1000000000 + time->tv_nsec;
  if (!first) first = now;
  const char *start = getenv("CLOCK_START"), *pace = getenv("CLOCK_PACE");
  __int128 told = (__int128)atoll(start ? start : "0") * 1000000000
      + (now - first) * atoll(pace ? pace : "1");
  time->tv_sec = told / 1000000000;
  time->tv_nsec = told % 1000000000;
  if (time->tv_nsec < 0) {
    time->tv_nsec += 1000000000;
    time->tv_sec -= 1;
  }
  return 0;
}

int gettimeofday(struct timeval *value, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  value->tv_sec = now.tv_sec;
  value->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *place) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (place) *place = now.tv_sec;
  return now.tv_sec;
}
