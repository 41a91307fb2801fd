import NIOConcurrencyHelpers

/// The way to the driver: requests and signals in, a wake-up where its thread sleeps.
///
/// Bounded: no more requests are let in than `maxTransfers` minus those in flight, and a transfer sends one cancellation at most and one
/// resumption for each pause.
final class Mailbox: Sendable {
  enum Signal: Sendable {
    case cancel(UInt64)
    case resume(UInt64)
  }

  /// What has come in since the last time.
  struct Batch: Sendable {
    var requests: [(request: HTTPRequest, exchange: Exchange)] = []
    var signals: [Signal] = []
    /// No more will come.
    var isLast = false
  }

  private enum Phase {
    case open
    /// The driver has been told to end; whoever comes now is refused.
    case closing
    /// The driver has ended.
    case closed
  }

  private struct State {
    var phase = Phase.open
    var batch = Batch()
    var bell: SocketPoller?
    var isRung = false
    var transfers = 0
    var nextID: UInt64 = 0
    var closeWaiters: [CheckedContinuation<Void, Never>] = []

    mutating func ring() {
      guard !isRung, let bell else { return }
      isRung = true
      bell.ring()
    }
  }

  private let maxTransfers: Int
  private let bufferCapacity: Int
  private let state: NIOLockedValueBox<State>

  /// - Parameter bell: what wakes the thread.
  init(maxTransfers: Int, bufferCapacity: Int, bell: SocketPoller?) {
    self.maxTransfers = maxTransfers
    self.bufferCapacity = bufferCapacity
    state = NIOLockedValueBox(State(bell: bell))
  }

  // MARK: Everybody

  /// Takes a request for the driver, which is to be nudged then. The exchange ends exactly once, whatever happens.
  func submit(_ request: HTTPRequest) throws(HTTPClientError) -> Exchange {
    let outcome = state.withLockedValue { state -> Result<Exchange, HTTPClientError> in
      guard case .open = state.phase else { return .failure(HTTPClientError(.shutDown, "the HTTP client is shut down")) }
      guard state.transfers < maxTransfers else {
        return .failure(HTTPClientError(.overloaded, "\(maxTransfers) HTTP requests are in flight already; try again later"))
      }
      state.transfers += 1
      state.nextID += 1
      let exchange = Exchange(id: state.nextID, capacity: bufferCapacity, mailbox: self)
      state.batch.requests.append((request, exchange))
      return .success(exchange)
    }
    return try outcome.get()
  }

  func post(_ signal: Signal) {
    state.withLockedValue { state in
      guard case .open = state.phase else { return }
      state.batch.signals.append(signal)
      state.ring()
    }
  }

  /// Wakes the thread.
  func ring() { state.withLockedValue { $0.ring() } }

  /// Tells the driver to end every transfer and itself. May be called again and again.
  func close() {
    state.withLockedValue { state in
      guard case .open = state.phase else { return }
      state.phase = .closing
      state.batch.isLast = true
      state.ring()
    }
  }

  /// Returns when the driver has ended.
  func closed() async {
    await withCheckedContinuation { continuation in
      let isClosed = state.withLockedValue { state in
        if case .closed = state.phase { return true }
        state.closeWaiters.append(continuation)
        return false
      }
      if isClosed { continuation.resume() }
    }
  }

  // MARK: The driver

  /// The oldest request that waits.
  func takeRequest() -> (request: HTTPRequest, exchange: Exchange)? {
    state.withLockedValue { $0.batch.requests.isEmpty ? nil : $0.batch.requests.remove(at: 0) }
  }

  /// All that waits, for the thread.
  func drain() -> Batch {
    var batch = Batch()
    state.withLockedValue { state in
      swap(&batch, &state.batch)
      state.isRung = false
    }
    return batch
  }

  /// A transfer is over: makes room for another.
  func transferEnded() {
    state.withLockedValue { $0.transfers -= 1 }
  }

  /// The driver has ended, in order or not: fails what nobody has drained and lets `closed()` return.
  func driverEnded() {
    let (rest, waiters) = state.withLockedValue { state in
      defer {
        state.phase = .closed
        state.bell = nil
        state.batch = Batch()
        state.closeWaiters = []
      }
      return (state.batch.requests, state.closeWaiters)
    }
    for (_, exchange) in rest { exchange.perform(exchange.finish(.failure(HTTPClientError(.shutDown, "the HTTP client is shut down")))) }
    for waiter in waiters { waiter.resume() }
  }
}
