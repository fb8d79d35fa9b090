#ifndef ASSAY_CMPI_SHIM_H
#define ASSAY_CMPI_SHIM_H
#include <mpi.h>
#include <stddef.h>
#include <unistd.h>

// MPI's constants are macros over pointers, which Swift does not import. Every call is made by one
// thread. Errors end all ranks, as is MPI's default.

static inline void assay_mpi_begin(int *rank, int *count) {
  int level;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
  MPI_Comm_rank(MPI_COMM_WORLD, rank);
  MPI_Comm_size(MPI_COMM_WORLD, count);
}

// Whether a message waits, and from whom, of which kind and how many bytes it is.
static inline int assay_mpi_probe(int *source, int *tag, int *count) {
  int found = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &found, &status);
  if (!found) return 0;
  *source = status.MPI_SOURCE;
  *tag = status.MPI_TAG;
  MPI_Get_count(&status, MPI_BYTE, count);
  return 1;
}

static inline void assay_mpi_receive(void *bytes, int count, int source, int tag) {
  MPI_Recv(bytes, count, MPI_BYTE, source, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static inline void assay_mpi_send(const void *bytes, int count, int target, int tag) {
  MPI_Send(bytes, count, MPI_BYTE, target, tag, MPI_COMM_WORLD);
}

// Waits for all ranks; without the sleep each would keep a core busy.
static inline void assay_mpi_end(void) {
  MPI_Request request;
  int done = 0;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  while (MPI_Test(&request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done) usleep(1000);
  MPI_Finalize();
}

static inline void assay_mpi_abort(int status) { MPI_Abort(MPI_COMM_WORLD, status); }
#endif
