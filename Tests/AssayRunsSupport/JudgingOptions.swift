/// Under which options two random runs are compared, as the command line and tests understand them.
package struct JudgingOptions: Sendable {
  /// Bounds of one kind.
  package struct Bounds: Sendable {
    package var rtol = 0.0
    package var atol = 0.0
    /// How many elements may lie outside.
    package var outliers = 0
  }

  package enum Tolerance: Sendable {
    case bounds(Bounds)
    case torch
    /// A rules file.
    case rules(String)
  }

  package var tolerance = Tolerance.bounds(Bounds())
  package var equalNaN = false
  package var steps: [Int]?
  /// Patterns of modules.
  package var modules: [String]?
  /// A device of the actual run and what the expected one calls it.
  package var deviceMap: (actual: String, expected: String)?
  /// A mapping file.
  package var mapping: String?

  package init() {}
}
