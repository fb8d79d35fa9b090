#if SystemLibraries
internal import CHDF5

/// One identifier of libhdf5 with its one owner, released with it.
final class Handle: @unchecked Sendable {
  enum Kind { case file, group, dataset, datatype, dataspace, propertyList, attribute, object }

  let id: hid_t
  private let kind: Kind
  private(set) var isOpen = true  // read and written inside `Library.call` only

  /// Takes over an identifier that libhdf5 just gave.
  ///
  /// - Throws: ``HDF5Error/library(operation:causes:)`` for a negative one.
  init(_ id: hid_t, _ kind: Kind, _ operation: @autoclosure () -> String) throws {
    self.id = try Library.check(id, operation())
    self.kind = kind
  }

  deinit {
    Library.call { _ = release() }
  }

  /// Releases the identifier now; a file writes what it still holds back.
  func close(_ operation: @autoclosure () -> String) throws {
    try Library.check(release(), operation())
  }

  private func release() -> herr_t {
    guard isOpen else { return 0 }
    isOpen = false
    return switch kind {
    case .file: H5Fclose(id)
    case .group: H5Gclose(id)
    case .dataset: H5Dclose(id)
    case .datatype: H5Tclose(id)
    case .dataspace: H5Sclose(id)
    case .propertyList: H5Pclose(id)
    case .attribute: H5Aclose(id)
    case .object: H5Oclose(id)
    }
  }
}
#endif
