import Foundation

/// Archives of stored members, put together byte by byte; their checksums are 0, which says nothing.
enum ZipBytes {
  static func archive(_ members: [(name: String, data: Data)]) -> Data {
    var archive = Data()
    var directory = Data()
    for (name, data) in members {
      let start = archive.count
      let sizes = words(0, data.count, data.count) + halves(name.utf8.count, 0)
      archive += words(0x0403_4B50) + halves(20, 0, 0, 0, 0) + sizes + Data(name.utf8) + data
      directory +=
        words(0x0201_4B50) + halves(20, 20, 0, 0, 0, 0) + sizes + halves(0, 0, 0) + words(0, start)
        + Data(name.utf8)
    }
    return archive + directory + words(0x0605_4B50) + halves(0, 0, members.count, members.count)
      + words(directory.count, archive.count) + halves(0)
  }

  private static func words(_ values: Int...) -> Data {
    values.reduce(Data()) { $0 + withUnsafeBytes(of: UInt32($1).littleEndian) { Data($0) } }
  }

  private static func halves(_ values: Int...) -> Data {
    values.reduce(Data()) { $0 + withUnsafeBytes(of: UInt16($1).littleEndian) { Data($0) } }
  }
}
