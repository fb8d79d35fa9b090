/// The native reader's one answer to what it does not know.
///
/// It is made for the files that Assay itself writes, and reads them by the letter. Whatever else
/// it meets may be a file of another program or a damaged one, and it does not try to tell which:
/// libhdf5 then reads the whole file from its start, and its answer holds. So no file has two
/// answers, and what is said of a damaged one is said by libhdf5.
package struct HDF5Unread: Error, CustomStringConvertible {
  /// What was met, for tests and debuggers.
  package let description: String

  package init(_ description: String) { self.description = description }
}
