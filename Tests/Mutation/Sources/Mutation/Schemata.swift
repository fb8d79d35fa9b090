import SwiftOperators
import SwiftParser
import SwiftSyntax

/// Rewrites sources so that each change is made when its number is chosen at run time.
struct Schemata {
  private(set) var mutants: [Mutant] = []
  private let skipped: Set<String>
  private var repetitions: [String: Int] = [:]

  init(skipping skipped: Set<String>) { self.skipped = skipped }

  mutating func changed(_ text: String, file: String) -> String {
    let tree = Parser.parse(source: text)
    let folded = OperatorTable.standardOperators.foldAll(tree) { _ in }
    let lines = SourceLocationConverter(fileName: file, tree: folded)
    var writer = ChangedSource(file: file, lines: lines, schemata: self)
    let result = writer.text(of: folded)
    self = writer.schemata
    return result
  }

  /// A number for a change; `nil` where the compiler does not take it.
  mutating func number(
    file: String, function: String, line: Int, original: String, change: String
  ) -> Int? {
    let place = "\(file) | \(function) | \(original) | \(change)"
    let repetition = repetitions[place, default: 0]
    repetitions[place] = repetition + 1
    let key = repetition == 0 ? place : "\(place) | \(repetition + 1)"
    guard !skipped.contains(key) else { return nil }
    // 0 is the unchanged program.
    let number = mutants.count + 1
    mutants.append(
      Mutant(
        number: number, file: file, function: function, line: line, original: original,
        change: change, key: key))
    return number
  }
}
