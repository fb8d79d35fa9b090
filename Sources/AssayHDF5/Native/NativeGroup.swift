import AssayBase

/// A group of a file that is read without libhdf5.
final class NativeGroup: HDF5GroupInput {
  let name: String
  private let file: NativeFile
  private let parent: NativeGroup?
  private let object: NativeObject
  private var known: [HDF5Link]?

  init(in file: NativeFile, address: UInt64, name: String, parent: NativeGroup?) throws {
    self.file = file
    self.name = name
    self.parent = parent
    object = try NativeObject(in: file, at: address)
    guard object.has(.symbolTable) != object.has(.linkInfo),
      !object.has(.datatype), !object.has(.dataspace), !object.has(.layout)
    else { throw HDF5Unread("\(name) is no group") }
  }

  /// Made on demand: it stands in messages only.
  var path: String { parent.map { $0.path(of: name) } ?? "/" }

  /// Where an old group has its links.
  func symbolTable() throws -> NativeSymbolTable? {
    try object.only(.symbolTable).map(NativeSymbolTable.init)
  }

  /// The links by name, each of which is there once.
  func links() throws -> [HDF5Link] {
    if let known { return known }
    var links: [NativeLink]
    if let table = try symbolTable() {
      // In order, or else libhdf5 would not find them all.
      guard !object.has(.link) else { throw HDF5Unread("a group with two sorts of links") }
      links = try table.links(in: file)
    } else {
      links = try object.all(.link).map(NativeLink.init(message:))
      if let dense = try NativeLinkInfo(object.one(.linkInfo)).storage {
        guard links.isEmpty else { throw HDF5Unread("a group with two sorts of links") }
        links = try dense.links(in: file)
      }
      if let info = try object.only(.groupInfo) { try NativeLinkInfo.checkGroup(info) }
      links.sort { $0.name.precedes($1.name) }
    }
    for (one, next) in zip(links, links.dropFirst()) where !one.name.precedes(next.name) {
      throw HDF5Unread("a name that is there twice, or not in its place")
    }
    let made = try links.map { try $0.made() }
    known = made
    return made
  }

  private func link(named name: String) throws -> HDF5Link? {
    try links().first { $0.name.isSame(as: name) }
  }

  func contains(_ name: String) throws -> Bool { try link(named: name) != nil }

  func group(at link: HDF5Link) throws -> any HDF5GroupInput {
    try NativeGroup(in: file, address: link.address, name: link.name, parent: self)
  }

  func dataset(at link: HDF5Link) throws -> HDF5Dataset {
    try NativeDataset(in: file, at: link.address).describe()
  }

  func text(of name: String) throws -> String {
    guard let link = try link(named: name) else { throw HDF5Unread("\(name) is missing") }
    return try NativeDataset(in: file, at: link.address).text()
  }

  func text(ofAttribute name: String) throws -> String? {
    try NativeAttributes(of: object).text(name)
  }

  func integers(ofAttribute name: String) throws -> [Int]? {
    try NativeAttributes(of: object).integers(name)
  }
}
