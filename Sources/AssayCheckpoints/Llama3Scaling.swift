/// Llama 3's stretching of the low rotary frequencies.
public struct Llama3Scaling: Hashable, Sendable {
  /// By how much low frequencies are divided.
  public var factor: Double
  /// Below `originalMaximumPositions / lowFrequencyFactor` turns a frequency is low.
  public var lowFrequencyFactor: Double
  /// Above `originalMaximumPositions / highFrequencyFactor` turns a frequency is high.
  public var highFrequencyFactor: Double
  /// The number of positions before the stretching.
  public var originalMaximumPositions: Int

  /// Makes a rule of its parameters, as `config.json` names them.
  public init(
    factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double,
    originalMaximumPositions: Int
  ) {
    self.factor = factor
    self.lowFrequencyFactor = lowFrequencyFactor
    self.highFrequencyFactor = highFrequencyFactor
    self.originalMaximumPositions = originalMaximumPositions
  }
}
