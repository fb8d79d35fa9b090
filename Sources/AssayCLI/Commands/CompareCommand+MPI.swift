import Assay
import Foundation
import Synchronization

#if MPI
import CMPI

extension CompareCommand {
  /// Compares together with the other ranks; the first one reports.
  func runRanked() throws {
    let rank = Rank()
    let comparison: RunComparison
    do {
      let work = try shardedWork(rank.pieceCount)
      guard rank.isFirst else { return try rank.serve(work) }
      let bar = ProgressBar("comparing")
      defer { bar.clear() }
      let parts = try rank.gather(work, progress: bar.update(_:of:))
      rank.end()
      comparison = try work.comparison(
        of: PartialComparison(merging: parts, path: "what the ranks found"))
    } catch {
      rank.fail(AssayCommand.text(of: error))
    }
    try report.tell(comparison)
  }
}

/// This process among those that mpirun started.
///
/// Its methods are called by one thread.
private final class Rank {
  let number: Int
  let count: Int
  private var isOpen = true

  var isFirst: Bool { number == 0 }
  /// Enough pieces that ranks end at about the same time.
  var pieceCount: Int { min(32 * count, PartialComparison.shardLimit) }

  /// What a message is.
  private enum Tag: Int32 {
    /// To the first rank: which comparison a rank is ready for.
    case ready = 1
    /// To the first rank: a part, from a rank that is free again.
    case part
    /// From the first rank: which piece to judge; 0 for none.
    case piece
    /// To the first rank: why a rank cannot go on.
    case failure
  }

  init() {
    var (rank, size): (Int32, Int32) = (0, 1)
    assay_mpi_begin(&rank, &size)
    (number, count) = (Int(rank), Int(size))
  }

  /// Leaves the other ranks, when all have done what they had to.
  func end() {
    isOpen = false
    assay_mpi_end()
  }

  /// Ends all ranks with the status of a failure, of which the first one tells.
  func fail(_ reason: String) -> Never {
    guard isOpen else {
      Console.complain("Error: \(reason)")
      exit(ExitStatus.failure.rawValue)
    }
    if isFirst {
      Console.complain("Error: \(reason)")
      assay_mpi_abort(ExitStatus.failure.rawValue)
    } else {
      send(Data("rank \(number): \(reason)".utf8), to: 0, .failure)
    }
    // The first rank ends this one.
    while true { sleep(1) }
  }

  /// Judges what the first rank hands out.
  func serve(_ work: ShardedWork) throws {
    send(try JSONEncoder().encode(work.head), to: 0, .ready)
    while true {
      let piece = wait().data.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
      guard piece > 0 else { return end() }
      send(try work.part(Int(piece)).data(), to: 0, .part)
    }
  }

  /// Hands out pieces, the largest first, judges some of them, and waits for all.
  func gather(
    _ work: ShardedWork, progress: (Int, Int) -> Void
  ) throws -> [PartialComparison] {
    let pieces = work.shardsBySize
    let queue = Mutex(pieces[...])
    let own = Mutex<Result<[PartialComparison], any Error>>(.success([]))
    let worker = Thread {
      while let piece = queue.withLock({ $0.popFirst() }) {
        let part = Result { try work.part(piece) }
        own.withLock { own in own = Result { try own.get() + [part.get()] } }
      }
    }
    worker.stackSize = 8 << 20
    worker.start()
    var parts: [PartialComparison] = []
    var working = count - 1
    while true {
      let done = try parts.count + own.withLock { try $0.get().count }
      guard working > 0 || done < pieces.count else { break }
      progress(done, pieces.count)
      guard let message = poll() else {
        usleep(1000)
        continue
      }
      switch message.tag {
      case .failure: fail(String(decoding: message.data, as: UTF8.self))
      case .part:
        parts.append(
          try PartialComparison(message.data, path: "the part of rank \(message.source)"))
      case .ready, .piece:
        let head = try JSONDecoder().decode(PartialComparison.Head.self, from: message.data)
        if let reason = head.difference(from: work.head, of: "rank 0") {
          throw ComparisonError.unusablePart(path: "rank \(message.source)", reason: reason)
        }
      }
      let next = queue.withLock { $0.popFirst() } ?? 0
      if next == 0 { working -= 1 }
      send(withUnsafeBytes(of: Int32(next)) { Data($0) }, to: message.source, .piece)
    }
    return try parts + own.withLock { try $0.get() }
  }

  private func wait() -> (source: Int, tag: Tag, data: Data) {
    while true {
      if let message = poll() { return message }
      usleep(1000)
    }
  }

  private func poll() -> (source: Int, tag: Tag, data: Data)? {
    var (source, tag, size): (Int32, Int32, Int32) = (0, 0, 0)
    guard assay_mpi_probe(&source, &tag, &size) != 0 else { return nil }
    guard size >= 0, let known = Tag(rawValue: tag) else { fail("a message cannot be read") }
    var data = Data(count: Int(size))
    data.withUnsafeMutableBytes { assay_mpi_receive($0.baseAddress, size, source, tag) }
    return (Int(source), known, data)
  }

  private func send(_ data: Data, to rank: Int, _ tag: Tag) {
    guard let size = Int32(exactly: data.count) else {
      fail("a part of \(data.count) bytes is too large to send")
    }
    data.withUnsafeBytes { assay_mpi_send($0.baseAddress, size, Int32(rank), tag.rawValue) }
  }
}
#else
extension CompareCommand {
  /// Refuses: each of the processes would compare everything.
  func runRanked() throws {
    // All of them refuse, and one says so.
    guard MPIRanks.isFirst else { throw ExitStatus.failure }
    throw CommandError.noMPI(ranks: MPIRanks.count)
  }
}
#endif
