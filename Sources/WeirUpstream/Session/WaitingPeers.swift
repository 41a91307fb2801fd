import WeirCore

/// The client of a session, where what the server says does not name the call that it is about.
///
/// One call under way: it is about that one. Several: the client is asked by the call that was sent last, for none of them time counts while it
/// thinks, and what is only told goes to the session's own stream. None: the client itself.
struct WaitingPeers: ClientPeer {
  /// Who is told and asked where no call waits.
  let home: any ClientPeer
  /// Those of the calls under way, in the order in which they were sent.
  let calls: [any ClientPeer]

  func notify(_ method: String, _ params: [UInt8]?) { (calls.count == 1 ? calls[0] : home).notify(method, params) }

  func ask(_ method: String, _ params: [UInt8]?) async throws(ClientRefusal) -> [UInt8] {
    guard let last = calls.last else { return try await home.ask(method, params) }
    for call in calls.dropLast() { call.pause() }
    defer { for call in calls.dropLast() { call.resume() } }
    return try await last.ask(method, params)
  }
}
