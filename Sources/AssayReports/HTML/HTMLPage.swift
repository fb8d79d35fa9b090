/// The parts of the page that are files of their own, which lie beside this one.
enum HTMLPage {
  static let style = text(PackageResources.page_css)
  static let script = text(PackageResources.page_js)
  /// The section that the script fills with the plot of the error's growth.
  static let growth = text(PackageResources.growth_html)
  /// The section that the script fills with the tree of modules and the table of tensors.
  static let explorer = text(PackageResources.explorer_html)

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
