import AssayTensors
import Testing

@testable import AssayTorch

/// A pickle without its first two bytes, whose characters up to U+00FF stand for bytes.
struct HandMade: ExpressibleByStringLiteral, CustomTestStringConvertible, Sendable {
  var text: String

  init(stringLiteral text: String) {
    self.text = text
  }

  init(_ text: String) {
    self.text = text
  }

  var bytes: [UInt8] {
    [0x80, 2] + text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
  }

  /// Only ASCII, so that no terminal is confused.
  var testDescription: String {
    text.unicodeScalars.map { $0.escaped(asASCII: true) }.joined()
  }
}

/// Pickles put together by hand, each with one thing wrong.
@Suite struct UnpicklerTests {
  private static let rebuild = "ctorch._utils\n_rebuild_tensor_v2\n"
  private static let hooks = "ccollections\nOrderedDict\n)R"

  private func load(_ pickle: HandMade) throws -> TorchValue {
    try Fixture.load(pickle: pickle.bytes)
  }

  private func load(_ text: String) throws -> TorchValue {
    try load(HandMade(text))
  }

  /// A v2 tensor over `data/0`, 16 bytes, with these parts of its pickle.
  private static func tensor(
    storage: String = "FloatStorage", count: String = "K\u{4}", offset: String = "K\u{0}",
    size: String = "K\u{4}\u{85}", strides: String = "K\u{1}\u{85}", metadata: String = ""
  ) -> HandMade {
    HandMade(
      rebuild + "((X\u{7}\u{0}\u{0}\u{0}storagectorch\n\(storage)\nX\u{1}\u{0}\u{0}\u{0}0"
        + "X\u{3}\u{0}\u{0}\u{0}cpu\(count)tQ\(offset)\(size)\(strides)\u{89}\(hooks)\(metadata)tR."
    )
  }

  @Test func handMadeTensorLoads() throws {
    guard case .tensor(let tensor) = try load(Self.tensor()) else {
      Issue.record("no tensor")
      return
    }
    #expect(tensor.hex == "000102030405060708090a0b0c0d0e0f")
  }

  @Test(arguments: [
    tensor(count: "K\u{5}"), tensor(count: "K\u{3}"), tensor(count: "J\u{FF}\u{FF}\u{FF}\u{FF}"),
    tensor(count: "\u{8A}\u{8}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}"),
    tensor(offset: "K\u{1}"), tensor(offset: "J\u{FF}\u{FF}\u{FF}\u{FF}"),
    tensor(offset: "\u{8A}\u{8}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}"),
    tensor(size: "K\u{5}\u{85}"), tensor(size: "J\u{FF}\u{FF}\u{FF}\u{FF}\u{85}"),
    tensor(size: "K\u{4}"), tensor(size: ")"), tensor(strides: "K\u{2}\u{85}"),
    tensor(strides: "J\u{FF}\u{FF}\u{FF}\u{FF}\u{85}"), tensor(strides: "K\u{1}K\u{1}\u{86}"),
    tensor(
      size: "K\u{1}\u{85}",
      strides: "\u{8A}\u{8}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}\u{85}"),
    tensor(metadata: "}X\u{4}\u{0}\u{0}\u{0}conj\u{88}s"),
    tensor(metadata: "}X\u{4}\u{0}\u{0}\u{0}what\u{88}s"),
    tensor(metadata: "K\u{1}"),
  ])
  func badTensorIsMalformed(_ pickle: HandMade) {
    let error = #expect(throws: TorchError.self) { try load(pickle) }
    #expect(error?.caseName == "malformed")
  }

  @Test(
    arguments: [
      "", "N", "NNN", ".", "0.", "1.", "t.", "\u{85}.", "N\u{86}.", "h\u{0}.",
      "j\u{0}\u{0}\u{0}\u{1}.", "a.", "]a.", "NNa.", "]e.", "(e.", "N(e.", "}Ns.", "NNNs.", "}(Nu.",
      "NR.", "N)R.", "NNR.", ")R.", "]]s.", "}]Ns.", "q\u{0}.", "\u{94}.", "R.", "b.", "]Nb.",
      "}}b.", "Q.", "NQ.", "X\u{FF}\u{FF}\u{FF}\u{FF}a.",
      "\u{8D}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}.",
      "\u{8B}\u{FF}\u{FF}\u{FF}\u{FF}.", "\u{8B}\u{FF}\u{FF}\u{FF}\u{7F}.", "\u{8A}\u{FF}.",
      "\u{95}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}N.", "ctorch", "ctorch\nSize",
      "NN\u{93}.",
      "X\u{2}\u{0}\u{0}\u{0}\u{FF}\u{FE}.", "ctorch\nSize\n)R.", "ctorch\nSize\nN\u{85}R.",
      "I1\n.", "}X\u{1}\u{0}\u{0}\u{0}aNX\u{1}\u{0}\u{0}\u{0}aNsNs.", "\u{80}\u{6}N.", "(", "((((.",
      "cbuiltins\nbytes\nN\u{85}R.", "i", "o.", "\u{81}.", "\u{92}.", "\u{8F}N\u{61}.",
      "](N\u{90}.", "(N\u{90}.", "\u{91}.", "\u{97}.",
      "\u{82}\u{1}.", "P0\n.", "ccollections\nOrderedDict\n]N\u{61}\u{85}R.",
      "cbuiltins\nset\nN\u{85}R.", "cbuiltins\ncomplex\nNN\u{86}R.", "cbuiltins\ncomplex\n)R.",
      "ccollections\ndefaultdict\nN\u{85}\u{85}R.", "ccollections\nCounter\n]\u{85}R.",
      "cbuiltins\nint\n)R.", "ctorch\nSize\n)\u{81}.", "cnumpy\nndarray\n)R.",
      "cnumpy\ndtype\nN\u{85}R.", "cnumpy.core.multiarray\n_reconstruct\nNNN\u{87}R.",
      "cnumpy.core.numeric\n_frombuffer\n(NNNNtR.",
      "cnumpy.core.numeric\n_frombuffer\n(NNNU\u{1}KNtR.",
      "cnumpy.core.numeric\n_frombuffer\n(NNNU\u{1}AtR.",
      "ctorch._utils\n_rebuild_device_tensor_from_cpu_tensor\n(NNNNtR.",
      "ctorch_npu.utils.storage\n_rebuild_npu_tensor\n(NNNNNNNtR.",
      "ctorch_npu.npu._format\nFormat\nN\u{85}R.",
      "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n)}tR.",
    ] as [HandMade])
  func brokenPickleIsAnError(_ pickle: HandMade) {
    let error = #expect(throws: TorchError.self) { try load(pickle) }
    #expect(["malformed", "unsupported"].contains(error?.caseName))
  }

  @Test(
    arguments: [
      ("cos\nsystem\n", "os.system"), ("cbuiltins\neval\n", "builtins.eval"),
      ("ctorch.storage\n_load_from_bytes\n", "torch.storage._load_from_bytes"),
      ("ctorch\nload\n", "torch.load"), ("c\n\n", "."),
      ("X\u{2}\u{0}\u{0}\u{0}osX\u{6}\u{0}\u{0}\u{0}system\u{93}", "os.system"),
      ("ctorch\nFloatStorage.__init__\n", "torch.FloatStorage.__init__"),
    ] as [(HandMade, String)])
  func globalOutsideTheListIsForbidden(_ pickle: HandMade, _ name: String) {
    // The global is refused where it is named, called or not.
    let error = #expect(throws: TorchError.self) { try load(pickle.text + "0N.") }
    guard case .forbiddenGlobal(_, name) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// An XLA tensor of float32 over a numpy array with these parts of its state.
  private static func array(
    shape: String = "K\u{2}\u{85}", code: String = "f4", order: String = "<",
    data: String = "B\u{8}\u{0}\u{0}\u{0}\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}",
    dtype: String = "ctorch\nfloat32\n", device: String = "X\u{5}\u{0}\u{0}\u{0}xla:0"
  ) -> HandMade {
    HandMade(
      "ctorch._utils\n_rebuild_xla_tensor\n(cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nNNtR"
        + "(K\u{1}\(shape)cnumpy\ndtype\nU\u{2}\(code)\u{85}R(K\u{3}U\u{1}\(order)tb\u{89}\(data)tb"
        + "\(dtype)\(device)\u{89}tR.")
  }

  @Test func handMadeArrayLoads() throws {
    guard case .tensor(let tensor) = try load(Self.array()) else {
      Issue.record("no tensor")
      return
    }
    #expect(tensor.hex == "0001020304050607" && tensor.device.name == "xla:0")
  }

  @Test(arguments: [
    array(shape: "K\u{3}\u{85}"), array(shape: "K\u{1}\u{85}"), array(shape: "N"),
    array(shape: "J\u{FF}\u{FF}\u{FF}\u{FF}\u{85}"), array(code: "f8", dtype: "ctorch\nfloat64\n"),
    array(data: "N"),
    array(data: "U\u{8}01234567"), array(dtype: "N"), array(device: "N"),
    // A size of 2^47 twice beside a 0: no element, and strides that overflow.
    array(
      shape: "\u{8A}\u{6}\u{0}\u{0}\u{0}\u{0}\u{0}\u{80}q\u{1}h\u{1}K\u{0}\u{87}",
      data: "B\u{0}\u{0}\u{0}\u{0}"),
  ])
  func badArrayIsMalformed(_ pickle: HandMade) {
    let error = #expect(throws: TorchError.self) { try load(pickle) }
    #expect(error?.caseName == "malformed")
  }

  @Test(arguments: [array(code: "O8"), array(code: "U4"), array(order: "?"), array(code: "V8")])
  func arrayOfObjectsIsUnsupported(_ pickle: HandMade) {
    let error = #expect(throws: TorchError.self) { try load(pickle) }
    #expect(error?.caseName == "unsupported")
  }

  /// Each list holds the one before twice: 2^40 values, or 2^19, from a few bytes.
  @Test(arguments: [40, 18])
  func sharedListMayNotUnfoldWithoutEnd(_ depth: Int) {
    var pickle = "]q\u{0}"
    for level in 0..<depth {
      let slot = { (value: Int) in String(UnicodeScalar(UInt8(value))) }
      pickle += "]h\(slot(level))ah\(slot(level))aq\(slot(level + 1))"
    }
    let error = #expect(throws: TorchError.self) { try load(pickle + ".") }
    #expect(error?.caseName == "excessive")
  }

  @Test(arguments: [129, 100_000, 2_000_000])
  func deepNestingIsRefused(_ depth: Int) {
    let pickle = "N" + String(repeating: "\u{85}", count: depth) + "."
    let error = #expect(throws: TorchError.self) { try load(pickle) }
    #expect(error?.caseName == "excessive")
  }

  @Test func nestingUpToTheLimitIsRead() throws {
    let value = try load("N" + String(repeating: "\u{85}", count: 128) + ".")
    #expect(
      value.rendered == String(repeating: "(", count: 128) + "None"
        + String(repeating: ")", count: 128))
  }

  /// Each of six kinds of steps counts: 2^21 are allowed, and only all of them are a few more.
  @Test func endlessPickleIsRefused() {
    let steps = "(]\u{85}q\u{0}\u{94}K\u{1}"
    let pickle = "N" + String(repeating: steps, count: (1 << 21) / 6) + "NN."
    let error = #expect(throws: TorchError.self) { try load(pickle) }
    #expect(error?.caseName == "excessive")
  }

  @Test func pairsThatAreCopiedAgainAndAgainCount() {
    let pairs = "](" + String(repeating: "NN\u{86}", count: 1000) + "eq\u{0}0"
    let copies = String(repeating: "ccollections\nOrderedDict\nh\u{0}\u{85}R0", count: 3000)
    let error = #expect(throws: TorchError.self) { try load(pairs + copies + "N.") }
    #expect(error?.caseName == "excessive")
  }

  @Test(
    arguments: [
      ("\u{8A}\u{0}.", "0"), ("\u{8A}\u{1}\u{FF}.", "-1"), ("\u{8A}\u{2}\u{FF}\u{0}.", "255"),
      ("\u{8B}\u{1}\u{0}\u{0}\u{0}\u{80}.", "-128"), ("J\u{FE}\u{FF}\u{FF}\u{FF}.", "-2"),
      ("G\u{3F}\u{F8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}.", "1.5"), ("U\u{2}hi.", "\"hi\""),
      ("ctorch\ndevice\nX\u{4}\u{0}\u{0}\u{0}cudaK\u{1}\u{86}R.", "\"cuda:1\""),
      ("ctorch\nbfloat16\n.", "\"torch.bfloat16\""), ("(NN1N.", "None"),
      ("B\u{1}\u{0}\u{0}\u{0}z.", "b7a"), ("\u{8F}(K\u{1}N\u{90}.", "set(1, None)"),
      ("(K\u{1}\u{91}.", "set(1)"), ("ccollections\nCounter\n)R.", "{}"),
      (
        "\u{8B}\u{9}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{1}.",
        "18446744073709551616"
      ),
    ] as [(HandMade, String)])
  func plainValueIsRead(_ pickle: HandMade, _ expected: String) throws {
    #expect(try load(pickle).rendered == expected)
  }
}
