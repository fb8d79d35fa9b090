import AssayBase
import AssayCapture
import AssayCheckpoints
import AssayComparison
import AssayLlama
import AssayRuns
import AssayTensors
import Foundation

extension FuzzTarget {
  /// Texts: configurations, rules, patterns.
  static let texts = [
    FuzzTarget("json") { input in
      let value = try JSONValue(decoding: Data(input))
      // What was read is written so that it reads the same.
      let again = try JSONValue(decoding: value.encoded())
      precondition(again == value, "JSON that reads otherwise after it was written")
    },
    FuzzTarget("capture") { input in
      let text = String(decoding: input, as: UTF8.self)
      let configuration = try CaptureConfiguration(json: text)
      let again = try CaptureConfiguration(configuration.jsonValue)
      precondition(again.jsonValue == configuration.jsonValue, "a configuration that changed")
    },
    FuzzTarget("tolerances") { input in
      let path = Scratch.file(input, named: "tolerances.yml")
      _ = try ToleranceRules(contentsOfFile: path)
    },
    FuzzTarget("mapping") { input in
      _ = try Mapping(contentsOfFile: Scratch.file(input, named: "mapping.yml"))
    },
    FuzzTarget("placements") { input in
      _ = try Placements(contentsOfFile: Scratch.file(input, named: "placements.yml"))
    },
    FuzzTarget("placements-json") { input in
      _ = try Placements(json: try JSONValue(decoding: Data(input)), source: "input")
    },
    // The pattern on the first line, names to match on the others.
    FuzzTarget("pattern") { input in
      // Longer ones take exponential time, as Python's do.
      let lines = String(decoding: input.prefix(64), as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let names = lines.dropFirst().map { String($0.prefix(12)) }
      let pattern = try ModulePattern(lines[0])
      for name in names { _ = pattern.matches(name) }
      let renaming = try ModuleRenaming(lines[0])
      for name in names { _ = renaming.groups(in: name) }
    },
    // tokenizer.json, and a text to tokenize.
    FuzzTarget("tokenizer") { input in
      let files = FileTree(input).files
      let path = Scratch.file(files.first?.bytes ?? [], named: "tokenizer.json")
      let tokenizer = try Tokenizer(contentsOf: path)
      for file in files.dropFirst() {
        let text = String(decoding: file.bytes, as: UTF8.self)
        _ = try tokenizer.decode(tokenizer.encode(text))
      }
    },
    FuzzTarget("model-config") { input in
      _ = Scratch.file(input, named: "config.json")
      _ = try LlamaConfiguration(contentsOf: Scratch.folder)
    },
    FuzzTarget("partial", repair: Repair.lastLineHash) { input in
      let part = try PartialComparison(Data(input), path: "part")
      let again = try PartialComparison(part.data(), path: "part")
      var whole = try PartialComparison(merging: [again], path: "merged")
      try whole.checkShards()
      // As if it were a part of a comparison that is at hand.
      let work = try Seeds.work.get()
      whole.head = work.head
      report(try work.comparison(of: whole))
    },
  ]
}
