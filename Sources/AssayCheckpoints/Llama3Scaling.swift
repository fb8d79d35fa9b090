/// Llama 3's stretching of the low rotary frequencies.
package struct Llama3Scaling: Hashable, Sendable {
  /// By how much low frequencies are divided.
  package var factor: Double
  /// Below `originalMaximumPositions / lowFrequencyFactor` turns a frequency is low.
  package var lowFrequencyFactor: Double
  /// Above `originalMaximumPositions / highFrequencyFactor` turns a frequency is high.
  package var highFrequencyFactor: Double
  /// The number of positions before the stretching.
  package var originalMaximumPositions: Int

  /// Makes a rule of its parameters, as `config.json` names them.
  package init(
    factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double,
    originalMaximumPositions: Int
  ) {
    self.factor = factor
    self.lowFrequencyFactor = lowFrequencyFactor
    self.highFrequencyFactor = highFrequencyFactor
    self.originalMaximumPositions = originalMaximumPositions
  }
}
