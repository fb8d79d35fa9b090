#if SystemLibraries
internal import AssayBase

/// A group of a file that libhdf5 reads.
///
/// The root is asked for one thing after the other. What is below comes with the first group of it
/// that is listed: a request for each of many groups would take longer than reading them.
final class HDF5ForeignGroup: HDF5GroupInput {
  private let names: [String]
  private let file: HDF5ForeignFile
  private var listing: HDF5Listing?
  private var places: NameMap<Int> = [:]

  /// As many levels as the schema has below a step.
  private static let levels = 3

  init(_ names: [String], of file: HDF5ForeignFile, listing: HDF5Listing?) {
    self.names = names
    self.file = file
    self.listing = listing
  }

  var path: String { "/" + names.joined(separator: "/") }
  var name: String { names.last ?? "" }

  private func listed() throws -> HDF5Listing {
    if let listing { return listing }
    let listing = try file.listing(
      of: names, levels: names.isEmpty ? 0 : HDF5ForeignGroup.levels)
    self.listing = listing
    return listing
  }

  func links() throws -> [HDF5Link] {
    let entries = try listed().links.get()
    for (place, entry) in entries.enumerated() { places[entry.link.name] = place }
    return entries.map(\.link)
  }

  func contains(_ name: String) throws -> Bool { try file.contains(name, in: names) }

  /// What a link leads to, as far as it was listed.
  private func object(at link: HDF5Link) -> HDF5Listing.Object {
    guard let place = places[link.name], case .success(let entries) = listing?.links else {
      return .unknown
    }
    return entries[place].object
  }

  func group(at link: HDF5Link) throws -> any HDF5GroupInput {
    switch object(at: link) {
    case .group(let listing): HDF5ForeignGroup(names + [link.name], of: file, listing: listing)
    case .unknown: HDF5ForeignGroup(names + [link.name], of: file, listing: nil)
    case .closed(let error): throw error
    case .dataset:
      throw HDF5Error.unexpected(
        name: path(of: link.name), found: "not a group", expected: "a group")
    }
  }

  func dataset(at link: HDF5Link) throws -> HDF5Dataset {
    switch object(at: link) {
    case .dataset(let description): try description.get()
    case .unknown: try file.dataset(names + [link.name])
    case .closed(let error): throw error
    case .group:
      throw HDF5Error.unexpected(
        name: path(of: link.name), found: "not a dataset", expected: "a dataset")
    }
  }

  func text(of name: String) throws -> String { try file.text(names + [name]) }

  func text(ofAttribute name: String) throws -> String? {
    if let listing, let place = file.listedAttributes.firstIndex(of: name) {
      return try listing.attributes[place].get()
    }
    return try file.text(ofAttribute: name, of: names)
  }

  func integers(ofAttribute name: String) throws -> [Int]? {
    try file.integers(ofAttribute: name, of: names)
  }
}
#endif
