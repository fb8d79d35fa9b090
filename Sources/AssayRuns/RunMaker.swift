/// Which program made a run, when, and of which model.
package struct RunMaker: Hashable, Sendable {
  /// The recording program, such as `assay_torch`.
  package var tool: String
  /// The recording program's version.
  package var toolVersion: String
  /// When the recording began, ISO 8601 in UTC.
  package var created: String
  /// What computed the model, such as `pytorch`.
  package var framework: String?
  /// The framework's version.
  package var frameworkVersion: String?
  /// `sha256:` and the hash of the model's configuration and weights.
  package var modelHash: String?

  /// Who made the run that a provenance is of; unknown where there is none.
  package init(_ provenance: Provenance?) {
    let provenance = provenance ?? .unknown
    tool = provenance.tool
    toolVersion = provenance.toolVersion
    created = provenance.created
    framework = provenance.framework
    frameworkVersion = provenance.frameworkVersion
    modelHash = provenance.modelHash
  }
}

extension RunMaker: CustomStringConvertible {
  /// The maker in words: `assay_torch 0.1.0 with pytorch 2.13.0 at 2026-01-01T00:00:00Z`.
  package var description: String {
    guard tool != Provenance.unknown.tool else { return "an unknown tool" }
    var text = "\(tool) \(toolVersion)"
    if let framework {
      text += " with " + [framework, frameworkVersion].compactMap { $0 }.joined(separator: " ")
    }
    if created != Provenance.unknown.created { text += " at \(created)" }
    if let modelHash { text += ", model \(modelHash.prefix(19))" }
    return text
  }
}

extension Provenance {
  /// That of a run which says nothing about itself, as a plain vLLM dump.
  package static let unknown = Provenance(
    tool: "unknown", toolVersion: "unknown", created: "unknown")
}
