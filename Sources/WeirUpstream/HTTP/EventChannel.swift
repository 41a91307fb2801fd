import NIOConcurrencyHelpers
import WeirCore
import WeirHTTPClient
import WeirJSON
import WeirMCP

/// The event stream of one session over HTTP+SSE: a `ChannelMachine` under a lock, and who waits for what comes on it.
final class EventChannel: Sendable {
  typealias Machine = ChannelMachine<CheckedContinuation<Result<HTTPExchange.Answer, HTTPRefusal>, Never>>

  private struct State {
    var machine = Machine()
    var pieces = 0
  }

  private let url: String
  private let time: any TimeSource
  private let state = NIOLockedValueBox(State())
  /// Opened when the stream has named its endpoint, and when it has ended.
  private let moved = Gate()

  /// `url` is that of the stream.
  init(url: String, time: any TimeSource) {
    self.url = url
    self.time = time
  }

  private var phase: Machine.Phase { state.withLockedValue { $0.machine.phase } }
  var isOver: Bool { if case .ended = phase { true } else { false } }
  /// How many pieces of the stream have come, comments too: it lives while this rises.
  var pieces: Int { state.withLockedValue { $0.pieces } }
  /// The clients of the requests under way, in the order in which these were sent.
  var peers: [any ClientPeer] { state.withLockedValue { $0.machine.peers } }

  // MARK: Who asks

  /// Where messages are posted.
  /// - Throws: `closed` where nothing can be posted: there is no endpoint yet, or the stream has ended.
  var endpoint: String {
    get throws(HTTPRefusal) {
      guard case .open(let endpoint) = phase else { throw .closed }
      return endpoint
    }
  }

  /// Waits until the stream has named its endpoint.
  /// - Throws: why the stream has ended, or that the time is over.
  func opened(until deadline: Moment) async throws(HTTPRefusal) {
    while true {
      switch phase {
      case .open: return
      case .ended(let refusal): throw refusal
      case .opening: break
      }
      let hasMoved = await moved.wait(time, until: deadline) { if case .opening = self.phase { false } else { true } }
      guard hasMoved else { throw .transport(HTTPClientError(.timedOut(.idle), "no endpoint came on its event stream in time")) }
    }
  }

  /// Waits until the stream has ended; false where it has not by then.
  func ended(until deadline: Moment) async -> Bool {
    while !isOver {
      guard await moved.wait(time, until: deadline, isOpen: { self.isOver }) else { return isOver }
    }
    return true
  }

  /// Sends a request with `post` and waits for its answer until `deadline`, the end of the stream, or of the caller's patience.
  func answer(
    to id: Int, _ filter: StreamFilter, until deadline: Moment, post: () async throws(HTTPRefusal) -> Void
  ) async throws(HTTPRefusal) -> HTTPExchange.Answer {
    guard state.withLockedValue({ $0.machine.expect(id, progress: filter.progress, peer: filter.peer) }) else { throw .closed }
    do throws(HTTPRefusal) {
      try await post()
    } catch {
      // Answered all the same: what became of the POST does not matter any more.
      if case .success(let answer)? = state.withLockedValue({ $0.machine.forget(id) }) { return answer }
      throw error
    }
    let timedOut = HTTPRefusal.transport(HTTPClientError(.timedOut(.total), "no answer came on its event stream in time"))
    let cancelled = HTTPRefusal.transport(HTTPClientError(.cancelled, "the request was cancelled"))
    return try await Deadline.watch(time, deadline, onDeadline: { self.settle(id, timedOut) }) {
      await withTaskCancellationHandler {
        await withCheckedContinuation { waiter in
          if let outcome = self.state.withLockedValue({ $0.machine.park(id, waiter) }) { waiter.resume(returning: outcome) }
        }
      } onCancel: {
        self.settle(id, cancelled)
      }
    }.get()
  }

  private func settle(_ id: Int, _ refusal: HTTPRefusal) {
    let settlement = state.withLockedValue { $0.machine.settle(id, .failure(refusal)) }
    if case .due(let waiter) = settlement { waiter.resume(returning: .failure(refusal)) }
  }

  // MARK: What came

  /// Something has come.
  func noteLife() { state.withLockedValue { $0.pieces += 1 } }

  /// The data of an `endpoint` event.
  /// - Throws: where it may not be posted to.
  func named(_ reference: [UInt8]) throws(HTTPRefusal) {
    let endpoint = try EndpointReference.resolve(reference, against: url)
    state.withLockedValue { $0.machine.named(endpoint) }
    moved.open()
  }

  /// A message of the server. Who waited for it has been told.
  func receive(_ message: IncomingMessage) -> Machine.Receipt {
    let receipt = state.withLockedValue { $0.machine.receive(message) }
    switch receipt {
    case .answer(let waiter?, let outcome), .invalid(let waiter?, let outcome): waiter.resume(returning: outcome)
    default: break
    }
    return receipt
  }

  /// The params of a progress report.
  func progressed(_ params: JSONValue) {
    let report = state.withLockedValue { $0.machine.progressed(params, now: time.now()) }
    report?()
  }

  /// The stream is over: everybody who waits hears so. Only the first time counts.
  func end(_ refusal: HTTPRefusal) {
    for due in state.withLockedValue({ $0.machine.end(refusal) }) { due.waiter.resume(returning: due.outcome) }
    moved.open()
  }
}
