import Foundation

/// Writes a target's sources with every change in them, each behind a number, into a folder.
@main struct Mutation {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    guard arguments.count == 4, let first = arguments.first, let skips = arguments.last else {
      FileHandle.standardError.write(
        Data("usage: Mutation <folder of sources> <folder for changed ones> <list> <skips>\n".utf8))
      exit(2)
    }
    let (source, target) = (first, arguments[arguments.startIndex + 1])
    // The keys of changes that the compiler did not take, one a line.
    let skipped = (try? String(contentsOfFile: skips, encoding: .utf8)) ?? ""
    var schemata = Schemata(skipping: Set(skipped.split(separator: "\n").map(String.init)))
    let files = FileManager.default.enumerator(atPath: source)?.compactMap { $0 as? String } ?? []
    for file in files.filter({ $0.hasSuffix(".swift") }).sorted() {
      let text = try String(contentsOfFile: "\(source)/\(file)", encoding: .utf8)
      let path = "\(target)/\(file)"
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try schemata.changed(text, file: file).write(
        toFile: path, atomically: true, encoding: .utf8)
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let list = try schemata.mutants.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
    try (list.joined(separator: "\n") + "\n").write(
      toFile: arguments[arguments.startIndex + 2], atomically: true, encoding: .utf8)
  }
}
