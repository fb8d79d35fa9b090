internal import AssayTensors
import Foundation

/// What can go wrong with an HDF5 file.
package enum HDF5Error: Error, Equatable, Sendable {
  /// libhdf5 refused; its own words, from the outermost function to the cause.
  case library(operation: String, causes: [String])
  /// The file is not what libhdf5 reads.
  case notHDF5
  /// A link that leads into another file, or nowhere.
  case foreignLink(name: String, kind: String, remedy: String)
  /// Something of the file is not as the schema has it.
  case unexpected(name: String, found: String, expected: String)
  /// A name or text that libhdf5 cannot take.
  case unusableText(String)
  /// A tensor's type is none of the table.
  case unknownType(name: String, found: String)
  /// A tensor is of a dtype that Assay does not know.
  case unsupportedDType(name: String, dtype: String)
  /// A dataset's bytes are kept in a way that is refused.
  case refusedStorage(name: String, reason: String)
  /// The file was closed, or a write failed before.
  case closed
  /// The process in which libhdf5 reads ended or had to be ended.
  case childFailed(operation: String, ending: HDF5ChildEnding)
  /// What another module says.
  case other(String)
}

extension HDF5Error: CustomStringConvertible {
  package var description: String {
    switch self {
    case .library(let operation, let causes):
      "libhdf5 could not \(operation)"
        + (HDF5Error.summary(of: causes).map { ": \($0)" } ?? "")
    case .notHDF5:
      "the HDF5 signature is missing"
    case .foreignLink(let name, let kind, let remedy):
      "\(name) is \(kind); \(remedy)"
    case .unexpected(let name, let found, let expected):
      "\(name) is \(found), expected \(expected)"
    case .unusableText(let text):
      "\"\(text)\" cannot stand in an HDF5 file: it is empty or holds a NUL"
    case .unknownType(let name, let found):
      "\(name) is stored as \(found), which is the type of no dtype"
    case .unsupportedDType(let name, let dtype):
      "\(name): \(DType.unsupported(dtype))"
    case .refusedStorage(let name, let reason):
      "\(name): \(reason)"
    case .closed:
      "the file is closed"
    case .childFailed(let operation, let ending):
      ending.sentence(whileIt: operation)
    case .other(let text):
      text
    }
  }
}

extension HDF5Error {
  /// What the operating system said, if that was it; else how the failure began and its cause.
  private static func summary(of causes: [String]) -> String? {
    let marker = "error message = '"
    for cause in causes {
      if let start = cause.range(of: marker)?.upperBound,
        let end = cause[start...].firstIndex(of: "'")
      {
        return String(cause[start..<end])
      }
    }
    guard let first = causes.first, let last = causes.last else { return nil }
    return first == last ? first : "\(first): \(last)"
  }
}
