import Foundation

/// The processes that `mpirun` started together with this one.
enum MPIRanks {
  /// How many there are; 1 where mpirun did not start this process.
  static var count: Int {
    ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"].flatMap(Int.init) ?? 1
  }

  /// Whether this is the one that speaks for all.
  static var isFirst: Bool {
    let environment = ProcessInfo.processInfo.environment
    return environment["OMPI_COMM_WORLD_RANK"].flatMap(Int.init) ?? 0 == 0
  }
}
