import ArgumentParser
import Assay
import Foundation

/// Step numbers: `0,1,2`.
enum StepListArgument {
  static func parse(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let step = Int(part.trimmingCharacters(in: .whitespaces)), step >= 0 else {
        throw ValidationError("--steps takes step numbers separated by commas, not \"\(text)\"")
      }
      return step
    }
  }
}

/// Pairs of devices: `cuda:0=cpu,cuda:1=cpu`.
enum DeviceMapArgument {
  static func parse(_ text: String) throws -> [(actual: Device, expected: Device)] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let sides = part.split(separator: "=", omittingEmptySubsequences: false)
      guard sides.count == 2, !sides[0].isEmpty, !sides[1].isEmpty else {
        throw ValidationError(
          "--device-map takes ACTUAL=EXPECTED, as in cuda:0=cpu, not \"\(part)\"")
      }
      return (Device(String(sides[0])), Device(String(sides[1])))
    }
  }
}

/// `layers\.0\.,norm`: commas inside brackets, as in `x{1,2}`, belong to the expression.
enum PatternListArgument {
  static func parse(_ text: String) throws -> [ModulePattern] {
    var parts = [""]
    var depth = 0
    var isEscaped = false
    for character in text {
      if character == "," && depth == 0 && !isEscaped {
        parts.append("")
        continue
      }
      if !isEscaped {
        if "{[(".contains(character) { depth += 1 }
        if "}])".contains(character) { depth = max(0, depth - 1) }
      }
      isEscaped = character == "\\" && !isEscaped
      parts[parts.count - 1].append(character)
    }
    let sources = parts.map { $0.trimmingCharacters(in: .whitespaces) }
    guard sources.allSatisfy({ !$0.isEmpty }) else {
      throw ValidationError("--modules holds an empty regular expression: \"\(text)\"")
    }
    return try sources.map { try ModulePattern($0) }
  }
}

/// Token ids: `1,2,3`.
enum TokenListArgument {
  static func parse(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let token = Int(part.trimmingCharacters(in: .whitespaces)), token >= 0 else {
        throw ValidationError(
          "--prompt-token-ids takes token ids separated by commas, not \"\(text)\"")
      }
      return token
    }
  }
}
