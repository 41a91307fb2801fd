/// Who a request is made for, as far as an upstream may know it and talk back.
package struct UpstreamCaller: Sendable {
  /// How long a client may take to answer what an upstream asks it: a person may have to think.
  package static let questionPatience: Duration = .seconds(10 * 60)

  /// What the client declared for this request or session and Weir can relay (`ClientCapabilities`), a JSON object; nil: nothing.
  package var capabilities: [UInt8]?
  /// From which level on the client wants log messages of this request (`_meta` `logLevel`), a JSON string; nil: none.
  package var logLevel: [UInt8]?
  /// The session of a legacy client; nil for modern ones, which have none.
  package var session: Name?
  /// Unique to who asks: what a server keeps for one principal, another never meets.
  package var principal: Name
  /// The way to the client while it waits; nil where it can be given nothing but the answer.
  package var peer: (any ClientPeer)?
  /// The way to the session's client at any time.
  package var home: (any ClientPeer)?

  package init(
    capabilities: [UInt8]? = nil, logLevel: [UInt8]? = nil, session: Name? = nil, principal: Name, peer: (any ClientPeer)? = nil,
    home: (any ClientPeer)? = nil
  ) {
    self.capabilities = capabilities
    self.logLevel = logLevel
    self.session = session
    self.principal = principal
    self.peer = peer
    self.home = home
  }
}

/// The client that waits for an answer, for what an upstream has to say or to ask meanwhile.
package protocol ClientPeer: Sendable {
  /// Passes a notification on, `params` a JSON object. Must not block; what finds no room is dropped and counted.
  func notify(_ method: String, _ params: [UInt8]?)
  /// Passes a request on and waits for the client's answer, the bytes of `result`. Cancelling the task gives the question up.
  /// - Throws: what the client answers instead, or why it can't be asked.
  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8]
  /// The client has been asked something elsewhere that this call may wait for: until `resume` its time does not count.
  func pause()
  func resume()
}

extension ClientPeer {
  package func pause() {}
  package func resume() {}
}

/// Why a client did not answer what an upstream asked: a JSON-RPC error for the upstream.
package struct ClientRefusal: Error, Sendable, Equatable {
  package let code: Int
  package let message: String
  /// JSON text.
  package let data: [UInt8]?

  package init(code: Int, message: String, data: [UInt8]? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }
}
