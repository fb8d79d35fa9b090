import Foundation

/// The files of a small spool, written by hand.
struct SpoolFixture {
  var manifest =
    #"{"configuration":{"formats":["spool"]},"id":"run","#
    + #""provenance":{"tool":"assay_torch","tool_version":"1","#
    + #""created":"then","engine":{"name":"x"}},"schema":"assay.spool/1"}"# + "\n"
  /// [1, -2, 0.5] of float32; 1.5 of bfloat16 at 64; [true, false] at 128.
  var tensors: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 130)
    bytes.replaceSubrange(0..<12, with: [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F])
    bytes.replaceSubrange(64..<66, with: [0xC0, 0x3F])
    bytes[128] = 1
    return bytes
  }()
  var steps = [SpoolFixture.first, SpoolFixture.second, SpoolFixture.end]
    .map { $0 + "\n" }.joined()

  static let stored =
    #"{"slot":"outputs","device":"cpu","dtype":"torch.float32","shape":[3],"offset":0,"bytes":12}"#

  static let first =
    #"{"step":0,"rows":{"layouts":[{"shape":[2],"spans":[[0,0,2]]}]},"completion_order":[1,0],"#
    + #""calls":[{"module":"a","call":0,"#
    + #""inputs":{"type":"tuple","items":[]},"outputs":null,"tensors":["# + stored + ","
    + #"{"slot":"outputs_1","device":"cuda:0","dtype":"torch.bfloat16","shape":[],"offset":64,"#
    + #""bytes":2}]},{"module":"a.b","call":0,"outputs":null,"tensors":["#
    + #"{"slot":"outputs_0","device":"cpu","dtype":"torch.float16","shape":[9,9],"#
    + #""skipped":"too large"},"#
    + #"{"slot":"outputs_1","device":"cpu","not_recorded":"a sparse tensor"}]}]}"#

  static let second =
    #"{"step":3,"completion_order":[0],"calls":[{"module":"a","call":0,"outputs":null,"tensors":["#
    + #"{"slot":"outputs_0","device":"cpu","dtype":"torch.bool","shape":[2],"offset":128,"#
    + #""bytes":2},{"slot":"outputs_1","device":"cpu","dtype":"torch.int64","shape":[0,4],"#
    + #""offset":130,"bytes":0},"#
    + #"{"slot":"outputs_2","device":"cpu","dtype":"torch.float32","shape":[2],"offset":4,"#
    + #""bytes":8}]}]}"#

  static let end =
    #"{"complete":true,"recipe":{"token_ids":[1],"steps":2,"dtype":"float32","devices":["cpu"],"#
    + #""engine":"x"}}"#

  /// A step 0 of one call with one tensor.
  static func step(
    tensor: String = stored, number: String = "0", order: String = "[0]", module: String = "a"
  ) -> String {
    #"{"step":"# + number + #","completion_order":"# + order
      + #","calls":[{"module":"\#(module)","call":0,"tensors":[\#(tensor)]}]}"#
  }

  /// Writes the files into a directory.
  func write(to path: String) throws {
    try Data(manifest.utf8).write(to: URL(filePath: path + "/spool.json"))
    try Data(tensors).write(to: URL(filePath: path + "/tensors.bin"))
    try Data(steps.utf8).write(to: URL(filePath: path + "/steps.jsonl"))
  }
}
