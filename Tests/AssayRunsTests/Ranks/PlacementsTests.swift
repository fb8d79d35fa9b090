import AssayBase
import AssayRuns
import Foundation
import Testing

/// What a placements file may say, and what is refused.
@Suite struct PlacementsTests {
  private func reason(_ text: String) -> String {
    do {
      _ = try Placements(json: JSONValue(decoding: Data(text.utf8)), source: "p.yml")
      return "nothing was wrong"
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("[]", "expected keys and values"),
    (#"{"mesh": [{"tp": 2}]}"#, "rules is missing"),
    (#"{"rules": [{"module": "m"}]}"#, "mesh is missing"),
    (#"{"mesh": [{"tp": 0}], "rules": [{"module": "m"}]}"#, "mesh: expected a list of axes"),
    (
      #"{"mesh": [{"tp": 2}, {"tp": 2}], "rules": []}"#, "no name of an axis, or stands there twice"
    ),
    (#"{"mesh": [{"slot": 2}], "rules": []}"#, "no name of an axis"),
    (#"{"mesh": [{"a": 60000}, {"b": 60000}], "rules": []}"#, "more than 65536 ranks"),
    (#"{"mesh": [{"tp": 2}], "ranks": [0, 0], "rules": []}"#, "each rank from 0 to 1 once"),
    (#"{"mesh": [{"tp": 2}], "replicas": {"rtol": -1}, "rules": []}"#, "rtol is no number"),
    (#"{"mesh": [{"tp": 2}], "rules": [{"tp": "replicate"}]}"#, "rule 1: module is missing"),
    (#"{"mesh": [{"tp": 2}], "rules": [{"module": "("}]}"#, "rule 1: module:"),
    (#"{"mesh": [{"tp": 2}], "other": 1, "rules": [{"module": "m"}]}"#, "unknown key \"other\""),
  ])
  func aWrongFileIsRefused(text: String, part: String) {
    #expect(reason(text).contains(part), "\(reason(text))")
  }

  @Test(arguments: [
    (#""copy""#, "expected replicate, partial, stage"),
    (#"{"shard": 99}"#, "shard is no axis of a tensor"),
    (#"{"shard": 0, "order": "random"}"#, "the only order is zigzag"),
    (#"{"shard": 0, "parts": [3]}"#, "3 entries are not 2 equal shares"),
    (#"{"shard": 0, "parts": [{"width": 2, "widths": [1, 1]}]}"#, "either width or widths"),
    (#"{"shard": 0, "replicas": 3}"#, "2 ranks are not groups of 3 replicas"),
    (#"{"shard": 0, "widths": [1]}"#, "widths are 2 numbers"),
    (#"{"shard": 0, "indices": [[0], [0]]}"#, "each number from 0 once"),
    (#"{"shard": 0, "widths": [1, 1], "order": "zigzag"}"#, "exclude each other"),
    (#"{"shard": 0, "widths": [1, 1], "width": 2}"#, "tell the width already"),
    (#"{"stage": [[0], [1]]}"#, "module has one group"),
    (#"{"shard": 0, "parts": [2], "padding": 1}"#, "padding goes with one part only"),
    (#"{"shard": 0, "size": 1}"#, "unknown key \"size\""),
    // Their sum is no number.
    (#"{"shard": 0, "parts": [9223372036854775806, 2]}"#, "a part is a width"),
    (#"{"shard": 0, "parts": [{"width": 9223372036854775806}]}"#, "width is no number of entries"),
  ])
  func aWrongPlacementIsRefused(placement: String, part: String) {
    let text =
      #"{"mesh": [{"tp": 2}], "rules": [{"module": "m", "tp": \#(placement)}]}"#
    #expect(reason(text).contains(part), "\(reason(text))")
  }
}
