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
      guard let number = number(part) else {
        throw ValidationError("\(option) takes \(items) separated by commas, not \"\(text)\"")
      }
      return number
    }
  }

  fileprivate static func number(_ text: Substring) -> Int? {
    Int(text.trimmingCharacters(in: .whitespaces)).flatMap { $0 < 0 ? nil : $0 }
  }
}

/// Steps and ranges of steps, both ends of which belong to them: `0,4-6`.
enum StepListArgument {
  /// More in one range is a slip of the hand.
  private static let limit = 100_000

  static func parse(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).flatMap { part in
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      let numbers = ends.compactMap(NaturalListArgument.number)
      guard (1...2).contains(ends.count), numbers.count == ends.count,
        let first = numbers.first, let last = numbers.last, first <= last,
        last - first < limit
      else {
        throw ValidationError(
          "--steps takes step numbers and ranges separated by commas, as in 0,4-6, not \"\(text)\"")
      }
      return Array(first...last)
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

enum RequestMapArgument {
  static func parse(_ text: String) throws -> [(actual: Int, expected: Int)] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
      let sides = part.split(separator: "=", omittingEmptySubsequences: false).map { Int($0) }
      guard sides.count == 2, let actual = sides[0], let expected = sides[1], actual >= 0,
        expected >= 0
      else {
        throw ValidationError(
          "--request-map takes ACTUAL=EXPECTED, two numbers as in 1=0, not \"\(part)\"")
      }
      return (actual, expected)
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
