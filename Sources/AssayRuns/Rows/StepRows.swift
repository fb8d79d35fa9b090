/// Which token each row of a step's tensors belongs to.
///
/// A row is named by its request, counted in order of arrival, and its position in that request's
/// text. Steps of other batches hold the same rows elsewhere; by rows they can be compared.
public struct StepRows: Sendable, Hashable {
  /// Rows that follow each other: of one request at consecutive positions, or padding.
  public struct Span: Sendable, Hashable {
    /// The request in order of arrival, from 0; `nil` for padding.
    public var request: Int?
    /// The position of the first row in the request's text, from 0; 0 for padding.
    public var position: Int
    /// How many rows follow each other, at least 1.
    public var count: Int

    /// Makes a span.
    public init(request: Int?, position: Int = 0, count: Int = 1) {
      self.request = request
      self.position = position
      self.count = count
    }
  }

  /// One way in which tensors of the step hold rows.
  public struct Layout: Sendable, Hashable {
    /// The extents of the axes that hold rows: `[tokens]`, or `[batch, tokens]`.
    public var shape: [Int]
    /// Which axes these are, from 0; the leading ones unless they are named.
    public var axes: [Int]
    /// The rows, in row-major order over `shape`.
    public var spans: [Span]

    /// Makes a layout.
    public init(shape: [Int], axes: [Int]? = nil, spans: [Span]) {
      self.shape = shape
      self.axes = axes ?? Array(shape.indices)
      self.spans = spans
    }
  }

  /// The layouts, of which the first that fits a tensor tells its rows: where all tokens have a row,
  /// and, for logits, where only the last one of each request has.
  public var layouts: [Layout]
  /// What the engine called the requests, by their ordinals.
  public var requestIDs: [Int: String]

  /// Makes rows.
  public init(layouts: [Layout], requestIDs: [Int: String] = [:]) {
    self.layouts = layouts
    self.requestIDs = requestIDs
  }

  /// Of one text: its next tokens, in tensors `[1, tokens, ...]`, `[tokens, ...]` where something
  /// has no batch axis, and `[1, 1, ...]` where logits are made of the last one only.
  public init(request: Int, positions: Range<Int>) {
    // Without a token there is no row, and a layout of none could not be read again.
    guard !positions.isEmpty else {
      self.init(layouts: [])
      return
    }
    let spans = [Span(request: request, position: positions.lowerBound, count: positions.count)]
    self.init(layouts: [
      Layout(shape: [1, positions.count], spans: spans),
      Layout(shape: [positions.count], spans: spans),
      Layout(shape: [1, 1], spans: [Span(request: request, position: positions.upperBound - 1)]),
    ])
  }
}
