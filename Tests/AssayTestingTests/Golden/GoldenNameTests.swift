import Testing

@testable import AssayTesting

@Suite struct GoldenNameTests {
  @Test(arguments: ["a", "tiny-llama/prefill", "a b/ü", "v1.2/x.y", "~/a", "%2F"])
  func aNameStaysAsItIs(_ name: String) throws {
    #expect(try GoldenName(name).text == name)
  }

  @Test(
    arguments: [
      ("", "it is empty"), ("/a", "it is absolute"), ("a//b", "it has an empty part"),
      ("a/", "it has an empty part"), ("..", "no part may begin with a dot"),
      ("a/../b", "no part may begin with a dot"), ("./a", "no part may begin with a dot"),
      ("a/.b", "no part may begin with a dot"), ("a\nb", "it has a control character"),
      ("a\0", "it has a control character"), ("a\u{7F}", "it has a control character"),
      ("a\\b", "parts are separated by /, not by \\"),
      ("a.h5", "the file's ending .h5 is not part of the name"),
    ])
  func aNameThatMeansAnotherFileIsRefused(_ name: String, _ reason: String) {
    let error = #expect(throws: ReplayTestError.badName(name, reason: reason)) {
      try GoldenName(name)
    }
    #expect(error?.description.unicodeScalars.contains { $0.value < 32 } == false)
  }
}
