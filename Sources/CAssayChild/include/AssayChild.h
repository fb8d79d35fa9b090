// A program that is started again as a child of itself, to do there what may crash.
#ifndef ASSAY_CHILD_H
#define ASSAY_CHILD_H

#include <stdint.h>
#include <sys/types.h>

// Where a child finds its socket and the file.
#define ASSAY_CHILD_SOCKET 3
#define ASSAY_CHILD_FILE 4

// Two connected sockets that no other child inherits. Returns 0 or an error number.
int assay_child_sockets(int ends[2]);

// Whether this program, started again, comes to serve: what has this code is the program itself,
// and no library that it loads later.
int assay_child_can_serve(void);

// Starts a child with two descriptors and nothing else that is open here.
//
// program: its path, or NULL for this program, which then serves instead of what its main does.
// arguments: of another program, up to NULL. file: -1 for none. Returns 0 or an error number.
int assay_child_start(
    const char *program, char *const arguments[], int socket, int file, pid_t *child);

// In a child: forbids core files, files that grow and further processes, and bounds the address
// space to `more` bytes beyond what it takes now.
void assay_child_bound(uint64_t more);

// In a child: lets no further file be opened.
void assay_child_bound_files(void);

// In a child: ends it by SIGXCPU after so many seconds of processor time from now on.
void assay_child_bound_time(uint64_t seconds);

#endif
