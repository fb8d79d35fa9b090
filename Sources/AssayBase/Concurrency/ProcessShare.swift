import Foundation

/// Which part of a machine's cores a process has that runs beside others of its kind.
enum ProcessShare {
  /// The number of cores; `nil` for all, where `mpirun` did not start several processes here.
  static let cores: Int? = {
    let environment = ProcessInfo.processInfo.environment
    guard let count = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap(Int.init), count > 1 else {
      return nil
    }
    // The latter are those that mpirun bound the process to.
    let (all, own) = (
      ProcessInfo.processInfo.processorCount, ProcessInfo.processInfo.activeProcessorCount
    )
    return max(1, min(all / count, own))
  }()
}
