#if SystemLibraries
internal import CHDF5
import Foundation

/// An open HDF5 file.
package final class HDF5File: Sendable {
  /// What a new file is for.
  package enum Purpose: Sendable {
    /// It grows while a model runs: the earliest format, which opens after a flush and a kill.
    case recording
    /// It is written once: the format of 1.10, whose metadata carry checksums.
    case archive
  }

  /// The path that was given.
  package let path: String
  /// The root group.
  package let root: HDF5Group
  private let handle: Handle

  /// Creates a file where none is.
  ///
  /// - Throws: ``HDF5Error/library(operation:causes:)``.
  package init(creating path: String, for purpose: Purpose) throws {
    let (handle, root) = try Library.call {
      let access = try HDF5File.accessList()
      let status = [
        purpose == .archive
          ? H5Pset_libver_bounds(access.id, H5F_LIBVER_V110, H5F_LIBVER_V110) : 0,
        // Data go straight to the file; a sieve only copies them once more.
        H5Pset_sieve_buf_size(access.id, 0),
        // A child process inherits open files for a moment, and with them a lock that then keeps
        // the finished file from being read. Under a temporary name nobody else opens it anyway.
        purpose == .archive ? H5Pset_file_locking(access.id, false, true) : 0,
        // A reader that maps a large tensor finds its numbers aligned. For small ones libhdf5 would
        // search more gaps with each that it writes.
        H5Pset_alignment(access.id, 1 << 20, 64),
      ]
      try Library.check(status.min() ?? 0, "prepare a file")
      let creation = try Handle(
        H5Pcreate(ch5p_file_create()), .propertyList, "prepare a file")
      // No times inside: the same run gives the same bytes.
      try Library.check(H5Pset_obj_track_times(creation.id, false), "prepare a file")
      if purpose == .recording { try HDF5File.keepRootInOnePiece(creation) }
      let file = try Handle(
        H5Fcreate(path, ch5f_acc_excl(), creation.id, access.id), .file, "create \(path)")
      return (file, try HDF5Group(rootOf: file))
    }
    self.path = path
    self.handle = handle
    self.root = root
  }

  /// Has the root group keep its links in its header, with room for many.
  ///
  /// A link is then added by one write. The tree, heap and table of an old group take several, and
  /// a process killed between them leaves a file that cannot be read. Beyond the room, each further
  /// link makes libhdf5 search all that are there, and more than once.
  private static func keepRootInOnePiece(_ creation: Handle) throws {
    let status = [
      H5Pset_link_creation_order(creation.id, ch5p_crt_order()),
      H5Pset_link_phase_change(creation.id, 65_535, 0),
      H5Pset_est_link_info(creation.id, 4_096, 10),
    ]
    try Library.check(status.min() ?? 0, "prepare a file")
  }

  /// Opens a file for reading, which a stranger may have made: only a child process does that.
  ///
  /// - Parameters:
  ///   - name: The file's name in messages, if not the path.
  ///   - sources: The files in which virtual datasets may have their elements; `nil` refuses them.
  /// - Throws: ``HDF5Error/notHDF5``, ``HDF5Error/library(operation:causes:)``.
  init(reading path: String, named name: String? = nil, sources: HDF5VirtualSources? = nil) throws {
    let (handle, root) = try Library.call {
      guard H5Fis_hdf5(path) > 0 else { throw HDF5Error.notHDF5 }
      let access = try HDF5File.accessList()
      let file = try Handle(
        H5Fopen(path, ch5f_acc_rdonly(), access.id), .file, "open \(name ?? path)")
      return (file, try HDF5Group(rootOf: file, sources: sources))
    }
    self.path = path
    self.handle = handle
    self.root = root
  }

  private static func accessList() throws -> Handle {
    let access = try Handle(
      H5Pcreate(ch5p_file_access()), .propertyList, "prepare to open a file")
    let status = [
      H5Pset_fapl_sec2(access.id),
      // Closing the file closes what is open inside: no handle keeps a renamed golden alive.
      H5Pset_fclose_degree(access.id, H5F_CLOSE_STRONG),
    ]
    try Library.check(status.min() ?? 0, "prepare to open a file")
    return access
  }

  /// Hands everything written so far to the operating system.
  package func flush() throws {
    try Library.call {
      _ = try Library.check(H5Fflush(handle.id, H5F_SCOPE_LOCAL), "flush \(path)")
    }
  }

  /// Closes the file, and everything inside that is still open.
  package func close() throws {
    try Library.call {
      // A process that is just being started has the same open files for a moment, and with them
      // the lock that libhdf5 leaves to the end of the last one.
      let descriptor = duplicate()
      defer {
        if descriptor >= 0 {
          flock(descriptor, LOCK_UN)
          Foundation.close(descriptor)
        }
      }
      try handle.close("close \(path)")
    }
  }

  /// Another number for the file that libhdf5 has open; negative where there is none.
  private func duplicate() -> Int32 {
    var found: UnsafeMutableRawPointer?
    // libhdf5 crashes where it is asked about a file that it failed to close, on a full disk.
    guard handle.isOpen, H5Fget_vfd_handle(handle.id, ch5p_default(), &found) >= 0, let found else {
      return -1
    }
    return fcntl(found.load(as: Int32.self), F_DUPFD_CLOEXEC, 0)
  }
}

extension HDF5File {
  /// Closes the file after a failure, or where nobody can be told of one any more.
  package func abandon() {
    try? close()
  }
}
#endif
