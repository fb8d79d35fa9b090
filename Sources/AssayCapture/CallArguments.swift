import AssayRuns

/// The inputs of one module call, told apart as Python does.
struct CallArguments {
  var positional: [CapturedValue] = []
  var keywords: [(key: String, value: CapturedValue)] = []

  init<each Input: Capturable>(_ inputs: repeat each Input) {
    for input in repeat each inputs {
      if let named = input as? any NamedInput {
        keywords.append((named.name, input.capturedValue))
      } else {
        positional.append(input.capturedValue)
      }
    }
  }
}
