import NIOConcurrencyHelpers
import NIOCore
import WeirCore

/// Every connection of the front, counted and bounded, and the numbers that belong to all of them.
final class ConnectionTable: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var perAddress: [Name: Int] = [:]
    var answers: AnswerBook
    var stats = FrontStats()
  }

  private let state: NIOLockedValueBox<State>
  private let limits: FrontLimits

  init(limits: FrontLimits) {
    self.limits = limits
    state = NIOLockedValueBox(State(answers: AnswerBook(limit: limits.maxBufferedAnswerBytes, patience: limits.answerPatience)))
  }

  /// Counts a new connection. - Throws: there are too many, of all or of this address; then it is not counted.
  func admit(_ channel: any Channel, address: Name) throws(Refusal) {
    let refusal = state.withLockedValue { state -> Refusal? in
      guard state.channels.count < limits.maxConnections else { return Refusal(.connections, status: 503, "too many connections; try again later") }
      guard state.perAddress[address, default: 0] < limits.maxConnectionsPerAddress else {
        return Refusal(.connections, status: 503, "too many connections from this address; close some")
      }
      state.channels[ObjectIdentifier(channel)] = channel
      state.perAddress[address, default: 0] += 1
      return nil
    }
    if let refusal { throw refusal }
  }

  func leave(_ channel: any Channel, address: Name) {
    state.withLockedValue { state in
      guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return }
      let count = state.perAddress[address, default: 1] - 1
      state.perAddress[address] = count > 0 ? count : nil
    }
  }

  /// Takes room for body bytes being read. - Throws: there is none.
  func reserve(bodyBytes: Int) throws(Refusal) {
    let fits = state.withLockedValue { state -> Bool in
      guard state.stats.bufferedBodyBytes + bodyBytes <= limits.maxBufferedBodyBytes else { return false }
      state.stats.bufferedBodyBytes += bodyBytes
      return true
    }
    if !fits { throw Refusal(.memory, status: 503, "too many request bodies are being read; try again later") }
  }

  func release(bodyBytes: Int) {
    if bodyBytes > 0 { state.withLockedValue { $0.stats.bufferedBodyBytes -= bodyBytes } }
  }

  /// Room for a large answer, before anything of it is queued; the same bytes count once, however many get them. Nil: there is none, though the
  /// connections whose peers stalled were closed for it.
  func lease(_ bytes: [UInt8], now: Moment) -> AnswerLease? {
    let content = AnswerBook.Content(bytes)
    let (id, closing) = state.withLockedValue { state in
      let (id, closing) = state.answers.lease(content, now: now)
      if id == nil { state.stats.refused[.memory, default: 0] += 1 }
      return (id, victims(closing, &state))
    }
    close(closing)
    return id.map { AnswerLease($0, of: bytes, in: self) }
  }

  func end(_ lease: AnswerBook.LeaseID) { state.withLockedValue { $0.answers.end(lease) } }

  /// Says how many answer bytes wait on a connection whose output is backed up (0: none any more), when its peer last took some, and which large
  /// answer it is given. Where all of them are too many, connections are closed.
  func hold(_ channel: any Channel, answerBytes: Int, since: Moment?, lease: AnswerLease? = nil) {
    let closing = state.withLockedValue { state in
      victims(state.answers.hold(ObjectIdentifier(channel), bytes: answerBytes, since: since, lease: lease?.id), &state)
    }
    close(closing)
  }

  private func victims(_ connections: [AnswerBook.ConnectionID], _ state: inout State) -> [any Channel] {
    if !connections.isEmpty { state.stats.refused[.memory, default: 0] += connections.count }
    return connections.compactMap { state.channels[$0] }
  }

  private func close(_ victims: [any Channel]) {
    // Not at once: the caller may be in the middle of its own channel's event.
    for victim in victims { victim.eventLoop.execute { victim.close(mode: .all, promise: nil) } }
  }

  func count(_ change: (inout FrontStats) -> Void) { state.withLockedValue { change(&$0.stats) } }

  func refused(_ reason: Refusal.Reason) { state.withLockedValue { $0.stats.refused[reason, default: 0] += 1 } }

  var stats: FrontStats {
    state.withLockedValue { state in
      var stats = state.stats
      stats.connections = state.channels.count
      stats.bufferedAnswerBytes = state.answers.bytes
      return stats
    }
  }

  /// Tells every connection that the answer of its next request is its last.
  func tellToLeave() {
    let channels = state.withLockedValue { Array($0.channels.values) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(FrontLeave()) }
  }

  /// Tells every connection that it is to take no further request.
  func drain() {
    let channels = state.withLockedValue { Array($0.channels.values) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(FrontDrain()) }
  }

  /// Tells every connection that the call it waits for gets no more time.
  func endCalls() {
    let channels = state.withLockedValue { Array($0.channels.values) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(FrontDrainEnd()) }
  }

  /// Closes what is still open.
  func closeAll() {
    let channels = state.withLockedValue { Array($0.channels.values) }
    for channel in channels { channel.close(mode: .all, promise: nil) }
  }
}
