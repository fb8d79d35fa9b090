/// What bounds the datasets of a file, whoever describes them.
struct HDF5FileBounds {
  /// The size of the whole file.
  var byteCount: Int
  /// Whether elements may be in other files, whose sizes bound them.
  var readsVirtual = false

  /// Whether so many bytes may come of the file: deflate makes at most 1,032 bytes of one.
  func canHold(_ count: Int) -> Bool {
    count <= HDF5FileBounds.limit(fileByteCount: byteCount) || readsVirtual
  }

  static func limit(fileByteCount: Int) -> Int {
    let (product, overflow) = fileByteCount.multipliedReportingOverflow(by: 1100)
    return overflow || product > .max - 64 << 20 ? .max : product + 64 << 20
  }
}
