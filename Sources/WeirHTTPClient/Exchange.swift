import NIOConcurrencyHelpers

/// Where the driver and the consuming task of one transfer meet.
final class Exchange: Sendable {
  private typealias Machine = ExchangeState<CheckedContinuation<HeadAnswer, Never>, CheckedContinuation<BodyAnswer, Never>>
  typealias Effects = ExchangeState<CheckedContinuation<HeadAnswer, Never>, CheckedContinuation<BodyAnswer, Never>>.Effects
  typealias HeadAnswer = Result<HTTPResponseHead, HTTPClientError>
  typealias BodyAnswer = Result<[UInt8]?, HTTPClientError>

  let id: UInt64
  private let mailbox: Mailbox
  private let state: NIOLockedValueBox<Machine>

  init(id: UInt64, capacity: Int, mailbox: Mailbox) {
    self.id = id
    self.mailbox = mailbox
    state = NIOLockedValueBox(Machine(capacity: capacity))
  }

  // MARK: The consumer

  /// Waits for the response head, or for the end of the transfer without one.
  func head() async -> HeadAnswer {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        if let answer = state.withLockedValue({ $0.awaitHead(continuation) }) { continuation.resume(returning: answer) }
      }
    } onCancel: {
      abandon()
    }
  }

  /// Waits for more of the body.
  func piece() async -> BodyAnswer {
    // A short answer is there already, head and body.
    if !Task.isCancelled, let (answer, signal) = state.withLockedValue({ $0.takeBody() }) {
      if let signal { post(signal) }
      return answer
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let (answer, signal) = state.withLockedValue { $0.awaitBody(continuation) }
        if let signal { post(signal) }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      abandon()
    }
  }

  /// - Returns: false for every consumer but the first.
  func claim() -> Bool { state.withLockedValue { $0.claim() } }

  /// Nobody reads on: ends the transfer and its connection. Does nothing when it is over.
  func abandon() { perform(state.withLockedValue { $0.cancel() }) }

  // MARK: The driver, which performs the effects when its lock is free

  var isOver: Bool { state.withLockedValue { $0.isOver } }

  func headArrived(_ head: HTTPResponseHead) -> Effects { state.withLockedValue { $0.headArrived(head) } }

  func offer(_ bytes: UnsafeBufferPointer<UInt8>) -> (verdict: PieceVerdict, effects: Effects) { state.withLockedValue { $0.offer(bytes) } }

  func finish(_ result: Result<Void, HTTPClientError>) -> Effects { state.withLockedValue { $0.finish(result) } }

  func perform(_ effects: Effects) {
    if let signal = effects.signal { post(signal) }
    if let (waiter, answer) = effects.head { waiter.resume(returning: answer) }
    if let (waiter, answer) = effects.body { waiter.resume(returning: answer) }
  }

  private func post(_ signal: Machine.Signal) {
    switch signal {
    case .cancel: mailbox.post(.cancel(id))
    case .resume: mailbox.post(.resume(id))
    }
  }
}
