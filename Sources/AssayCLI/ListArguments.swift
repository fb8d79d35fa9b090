import ArgumentParser
import Assay
import Foundation

/// Numbers that are not negative: `0,1,2`.
enum NaturalListArgument {
  /// - Parameters:
  ///   - option: The option, for the message.
  ///   - items: What the numbers are, for the message.
  static func parse(_ text: String, option: String, items: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      guard let number = Int(part.trimmingCharacters(in: .whitespaces)), number >= 0 else {
        throw ValidationError("\(option) takes \(items) separated by commas, not \"\(text)\"")
      }
      return number
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
