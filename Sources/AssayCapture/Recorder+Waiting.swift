extension Recorder {
  /// Waits until the sink has received everything that was captured so far.
  ///
  /// - Throws: The sink's error.
  package func waitForSink() throws {
    try background?.drain()
  }
}
