// One import for everything that records, compares and reports.
@_exported public import AssayBase
@_exported public import AssayCapture
@_exported public import AssayCheckpoints
@_exported public import AssayComparison
@_exported public import AssayReplay
@_exported public import AssayReports
@_exported public import AssayRuns
@_exported public import AssayTensors
@_exported public import AssayTorch
