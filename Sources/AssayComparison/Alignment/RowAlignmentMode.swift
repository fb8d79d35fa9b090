/// By what the tensors of two runs pair across steps.
public enum RowAlignmentMode: String, Sendable, CaseIterable {
  /// By rows where both runs tell theirs and hold them in other steps or beside padding, else by
  /// steps.
  case automatic = "auto"
  /// By rows; a run that does not tell its rows is an error.
  case rows
  /// By steps.
  case steps
}
