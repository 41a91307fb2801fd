import NIOConcurrencyHelpers
import NIOCore
import WeirCore

/// Every connection of the front, counted and bounded, and the numbers that belong to all of them.
final class ConnectionTable: Sendable {
  private struct State {
    var channels: [ObjectIdentifier: any Channel] = [:]
    var perAddress: [Name: Int] = [:]
    var backedUp: [ObjectIdentifier: (bytes: Int, since: Moment)] = [:]
    var stats = FrontStats()
  }

  private let state = NIOLockedValueBox(State())
  private let limits: FrontLimits

  init(limits: FrontLimits) {
    self.limits = limits
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

  /// Says how many answer bytes wait on a connection whose output is backed up (0: none any more), and when its peer last took some. Where all
  /// of them are too many, connections are closed, first those whose peers took nothing for longest.
  func hold(_ channel: any Channel, answerBytes: Int, since: Moment?) {
    let victims = state.withLockedValue { state -> [any Channel] in
      let key = ObjectIdentifier(channel)
      state.stats.bufferedAnswerBytes += answerBytes - (state.backedUp[key]?.bytes ?? 0)
      state.backedUp[key] = since.flatMap { answerBytes > 0 ? (answerBytes, $0) : nil }
      if state.backedUp[key] == nil { state.stats.bufferedAnswerBytes -= answerBytes }
      var victims: [any Channel] = []
      while state.stats.bufferedAnswerBytes > limits.maxBufferedAnswerBytes,
        let longest = state.backedUp.min(by: { $0.value.since < $1.value.since })
      {
        state.backedUp[longest.key] = nil
        state.stats.bufferedAnswerBytes -= longest.value.bytes
        state.stats.refused[.memory, default: 0] += 1
        if let victim = state.channels[longest.key] { victims.append(victim) }
      }
      return victims
    }
    // Not at once: the caller may be in the middle of its own channel's event.
    for victim in victims { victim.eventLoop.execute { victim.close(mode: .all, promise: nil) } }
  }

  func count(_ change: (inout FrontStats) -> Void) { state.withLockedValue { change(&$0.stats) } }

  func refused(_ reason: Refusal.Reason) { state.withLockedValue { $0.stats.refused[reason, default: 0] += 1 } }

  var stats: FrontStats {
    state.withLockedValue { state in
      var stats = state.stats
      stats.connections = state.channels.count
      return stats
    }
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
