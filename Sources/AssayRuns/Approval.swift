package import Foundation

/// Who made a run the golden that others are compared with, and why.
package struct Approval: Hashable, Sendable {
  /// Who approved it, such as `Ada Lovelace <ada@example.org>`.
  package var by: String
  /// The id of the golden that it replaced; `nil` where there was none.
  package var from: String?
  /// The id of the run that was approved.
  package var to: String
  /// When, ISO 8601 in UTC.
  package var date: String
  /// Why, in the words of whoever approved it.
  package var reason: String?
  /// What made the golden that it replaced: the line of goldens keeps every maker's name.
  package var replaced: RunMaker?

  /// Makes an approval.
  ///
  /// - Parameters:
  ///   - by: Who approves; the current user unless it is given.
  ///   - from: The id of the golden that is replaced.
  ///   - to: The id of the run that is approved.
  ///   - date: When; now unless it is given.
  ///   - reason: Why.
  package init(
    by: String = Approval.currentUser, from: String? = nil, to: String, date: Date = .now,
    reason: String? = nil
  ) {
    self.by = by
    self.from = from
    self.to = to
    self.date = date.formatted(.iso8601)
    self.reason = reason
  }

  /// Who runs this process, as far as its environment tells: git's author, the actor of a CI job,
  /// or the user of the system.
  package static var currentUser: String {
    user(in: ProcessInfo.processInfo.environment) ?? "unknown"
  }

  /// Who an environment says the user is, or `nil`.
  static func user(in environment: [String: String]) -> String? {
    func value(_ name: String) -> String? {
      let text = (environment[name] ?? "").split(whereSeparator: \.isWhitespace)
        .joined(separator: " ")
      return text.isEmpty ? nil : text
    }
    if let name = value("GIT_AUTHOR_NAME") {
      return value("GIT_AUTHOR_EMAIL").map { "\(name) <\($0)>" } ?? name
    }
    let names = ["GIT_AUTHOR_EMAIL", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "USER", "LOGNAME"]
    return names.lazy.compactMap(value).first
  }
}

extension RunManifest {
  /// The manifest of a run that becomes a golden.
  ///
  /// The approvals of the golden that it replaces are kept, in order, before the new one, with what
  /// made it, and so is its recipe where the run has none.
  ///
  /// - Parameters:
  ///   - approval: Who approves the run and why; its ids are filled in from the manifests.
  ///   - golden: The manifest of the golden that is replaced, if there is one.
  package func approved(by approval: Approval, replacing golden: RunManifest?) -> RunManifest {
    var approval = approval
    approval.from = golden?.id
    approval.to = id
    approval.replaced = golden.map { RunMaker($0.provenance) }
    var manifest = self
    manifest.recipe = recipe ?? golden?.recipe
    // A plain vLLM dump says nothing about itself, and nothing is made up here.
    var provenance = provenance ?? .unknown
    provenance.approvals =
      (golden?.provenance?.approvals ?? []) + [approval]
    manifest.provenance = provenance
    return manifest
  }
}
