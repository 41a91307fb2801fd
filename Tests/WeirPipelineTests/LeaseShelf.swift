import NIOConcurrencyHelpers
import WeirCache
import WeirCore

/// What replicas of a test share: the leases of one store, without a clock. Tells at once who follows when one ends.
final class LeaseShelf: LeaseStore, SharedStore {
  private struct State {
    var isAway = false
    var lateLooks = 0
    var values: [CacheKey: (bytes: [UInt8], remaining: Duration, fresh: Duration)] = [:]
    var markers: [CacheKey: [UInt8]] = [:]
    var leases: [CacheKey: LeaseToken] = [:]
    var listeners: [LeaseListener: (CacheKey, @Sendable () -> Void)] = [:]
    var next: UInt64 = 0
    var looks = 0
    var followed = 0
  }

  private let state = NIOLockedValueBox(State())

  var hearsWakes: Bool { true }
  var patience: Duration { .milliseconds(75) }
  var looks: Int { state.withLockedValue { $0.looks } }
  /// How often somebody was told to follow.
  var followed: Int { state.withLockedValue { $0.followed } }
  var leases: Int { state.withLockedValue { $0.leases.count } }
  /// Of all leases.
  var keys: [CacheKey] { state.withLockedValue { Array($0.leases.keys) } }
  var values: Int { state.withLockedValue { $0.values.count } }
  var markers: Int { state.withLockedValue { $0.markers.count } }

  /// So many looks are not answered in time, though they are carried out.
  func beLate(looks: Int) { state.withLockedValue { $0.lateLooks = looks } }
  func goAway() { state.withLockedValue { $0.isAway = true } }
  /// The markers' time is over.
  func forgetMarkers() { state.withLockedValue { $0.markers = [:] } }
  /// All leases are lost.
  func loseLeases() { state.withLockedValue { $0.leases = [:] } }
  /// Lets so much of every entry's time pass.
  func age(by duration: Duration) {
    state.withLockedValue { state in
      for key in state.values.keys {
        state.values[key]?.remaining -= duration
        state.values[key]?.fresh -= duration
      }
    }
  }

  func look(for key: CacheKey, _ question: LeaseQuestion) -> LeaseAnswer {
    state.withLockedValue { state in
      state.looks += 1
      if state.isAway { return .unavailable }
      let answer = answer(key, question, &state)
      guard state.lateLooks > 0 else { return answer }
      state.lateLooks -= 1
      return .late
    }
  }

  private func answer(_ key: CacheKey, _ question: LeaseQuestion, _ state: inout State) -> LeaseAnswer {
    if let value = state.values[key], value.remaining > .zero, question.fresherThan.map({ value.fresh > $0 }) ?? true,
      question.disbelieved.isEmpty
    {
      return .value(value.bytes, remaining: value.remaining)
    }
    if let marker = state.markers[key] { return .marker(marker, remaining: .seconds(1)) }
    if let holder = state.leases[key], holder != question.token {
      state.followed += 1
      return .followed(remaining: .seconds(3))
    }
    state.leases[key] = question.token
    return .led
  }

  func renew(_ key: CacheKey, _ token: LeaseToken) -> LeaseReceipt {
    state.withLockedValue { $0.leases[key] == token ? .accepted : .refused }
  }

  func end(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd, within patience: Duration = .zero) -> LeaseReceipt {
    let wakes = state.withLockedValue { state -> [@Sendable () -> Void]? in
      guard state.leases[key] == token else { return nil }
      state.leases[key] = nil
      switch end {
      case .value(let bytes, let ttl): state.values[key] = (bytes, ttl, ttl - Self.staleWindow(of: bytes))
      case .marker(let bytes, _): state.markers[key] = bytes
      case .nothing: break
      }
      return state.listeners.values.filter { $0.0 == key }.map(\.1)
    }
    guard let wakes else { return .refused }
    for wake in wakes { wake() }
    return .accepted
  }

  func endLater(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd) { _ = self.end(key, token, as: end) }

  func listen(for key: CacheKey, _ onWake: @escaping @Sendable () -> Void) -> LeaseListener {
    state.withLockedValue { state in
      state.next += 1
      let listener = LeaseListener(number: state.next)
      state.listeners[listener] = (key, onWake)
      return listener
    }
  }

  func stopListening(_ listener: LeaseListener) { state.withLockedValue { $0.listeners[listener] = nil } }

  // MARK: SharedStore

  func get(_ key: CacheKey) -> SharedRead {
    state.withLockedValue { $0.values[key].map { .found($0.bytes, remaining: $0.remaining) } ?? .missing }
  }

  func put(_ key: CacheKey, _ bytes: [UInt8], ttl: Duration) -> Bool {
    state.withLockedValue { $0.values[key] = (bytes, ttl, ttl - Self.staleWindow(of: bytes)) }
    return true
  }

  func remove(_ key: CacheKey) -> Bool {
    let wakes = state.withLockedValue { state in
      state.values[key] = nil
      state.leases[key] = nil
      state.markers[key] = nil
      return state.listeners.values.filter { $0.0 == key }.map(\.1)
    }
    for wake in wakes { wake() }
    return true
  }

  /// As in the envelope: milliseconds at offset 56.
  private static func staleWindow(of bytes: [UInt8]) -> Duration {
    .milliseconds(bytes[56..<64].reduce(Int64(0)) { $0 << 8 | Int64($1) })
  }
}
