package import WeirCore

/// What the front asks of and tells to the rest of the process. Every closure may be called from any thread and must not block.
package struct FrontHooks: Sendable {
  /// What `/readyz` shows.
  package struct Readiness: Sendable {
    package var isReady: Bool
    /// A JSON object.
    package var json: [UInt8]

    package init(isReady: Bool, json: [UInt8]) {
      self.isReady = isReady
      self.json = json
    }
  }

  /// A further page beside `/metrics`, on the listener that has it.
  package struct Page: Sendable {
    /// Such as `/usage`; compared by bytes.
    package var path: String
    /// What it is called in metrics.
    package var label: StaticString
    /// Given what stands behind `?`; answers with a status and a JSON text.
    package var answer: @Sendable (_ query: String) -> (status: Int, json: [UInt8])

    package init(path: String, label: StaticString, answer: @escaping @Sendable (_ query: String) -> (status: Int, json: [UInt8])) {
      self.path = path
      self.label = label
      self.answer = answer
    }
  }

  /// The page of `/metrics`, in the Prometheus text format 0.0.4.
  package var metrics: @Sendable () -> [UInt8] = { [] }
  package var pages: [Page] = []
  /// Whether this process should get requests. While the front drains the answer is 503, whatever this says.
  package var readiness: @Sendable () -> Readiness = { Readiness(isReady: true, json: Array("{}".utf8)) }
  /// Called once per answered request with a bounded label (an MCP method that the front knows, or a route) and the HTTP status.
  package var onRequest: (@Sendable (_ label: StaticString, _ status: Int) -> Void)?
  /// Called with +1 and -1 as connections come and go.
  package var onConnection: (@Sendable (_ change: Int) -> Void)?
  /// Called once for each session of a legacy client that ends.
  package var onSessionEnd: (@Sendable (_ session: Name) -> Void)?

  package init() {}
}
