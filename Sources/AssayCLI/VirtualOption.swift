import ArgumentParser

/// Whether virtual datasets are read.
struct VirtualOption: ParsableArguments {
  @Flag(
    name: .customLong("virtual"),
    help: """
      Read virtual datasets of an .h5 file, whose elements are in other files: only in those of its \
      folder and below.
      """)
  var isRead = false
}
