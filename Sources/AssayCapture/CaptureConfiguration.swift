public import AssayRuns
public import AssayTensors

/// What a recording takes in and where it goes: vLLM's intermediate-logging configuration.
public struct CaptureConfiguration: Hashable, Sendable {
  /// Whether anything is recorded at all.
  public var isEnabled = true
  /// The directory in which the run's own directory is made.
  public var outputDirectory = "/tmp/vllm_intermediates"
  /// The module calls that are recorded.
  public var modules = ModuleFilter()
  /// The steps that are recorded; empty for all.
  public var steps: Set<Int> = [0]
  /// The most elements that a recorded tensor may have; a larger one leaves a note.
  public var maxTensorSize: Int?
  /// The devices whose tensors are recorded; empty for all.
  public var devices: Set<Device> = []
  /// Whether inputs are recorded once more after the forward, to show changes in place.
  public var recordsPostForwardInputs = false
  /// The layouts that the run is written in: both, or without the package's trait
  /// `SystemLibraries` the `.pt` files.
  public var formats: [Format] = defaultFormats
  #if SystemLibraries
  private static let defaultFormats: [Format] = [.pt, .hdf5]
  #else
  private static let defaultFormats: [Format] = [.pt]
  #endif
  /// What is kept of the tensors that are recorded.
  public var keep = TensorKeep.full

  /// A layout of a run on disk.
  public enum Format: String, CaseIterable, Hashable, Sendable {
    /// vLLM's directory of `.pt` files.
    case pt
    /// One HDF5 file.
    case hdf5
    /// What `assay_torch` records into and can leave as it is. No recorder of Swift writes it, but a
    /// run's manifest may name it.
    case spool
  }

  /// Makes the configuration that records step 0 of all modules in both layouts.
  public init() {}

  /// Whether a step is recorded.
  public func includes(step: Int) -> Bool {
    steps.isEmpty || steps.contains(step)
  }

  /// Whether tensors of a device are recorded.
  public func includes(device: Device) -> Bool {
    devices.isEmpty || devices.contains(device)
  }
}
