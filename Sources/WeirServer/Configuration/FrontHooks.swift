package import WeirCore
package import WeirTenancy

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

  /// Something that an operator has Weir do: `POST` with a JSON text, beside `/metrics`.
  package struct Action: Sendable {
    /// Such as `/admin/cache/purge`; compared by bytes.
    package var path: String
    /// What it is called in metrics.
    package var label: StaticString
    /// Who may.
    package var access: Access
    /// Given the body; answers with a status and a JSON text.
    package var perform: @Sendable (_ body: [UInt8]) async -> (status: Int, json: [UInt8])

    package enum Access: Sendable {
      /// Whoever can connect: for a listener that only this machine reaches.
      case anybody
      /// Who presents this key.
      case key(KeyDigest)
      /// Nobody, and why.
      case nobody(String)
    }

    package init(
      path: String, label: StaticString, access: Access, perform: @escaping @Sendable (_ body: [UInt8]) async -> (status: Int, json: [UInt8])
    ) {
      self.path = path
      self.label = label
      self.access = access
      self.perform = perform
    }
  }

  /// The page of `/metrics`, in the Prometheus text format 0.0.4.
  package var metrics: @Sendable () -> [UInt8] = { [] }
  package var pages: [Page] = []
  package var actions: [Action] = []
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
