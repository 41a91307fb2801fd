/// What the driver and the consuming task know of one transfer between them. Pure: it says who is to be told what.
///
/// Whoever waits is stored at most once and taken out before it is answered, so that it is answered exactly once. The first ending counts.
struct ExchangeState<HeadWaiter: Sendable, BodyWaiter: Sendable>: Sendable {
  typealias HeadAnswer = Result<HTTPResponseHead, HTTPClientError>
  /// nil is the proper end.
  typealias BodyAnswer = Result<[UInt8]?, HTTPClientError>

  /// What the driver has to do for the consumer.
  enum Signal: Sendable, Equatable {
    case cancel
    case resume
  }

  /// To be carried out after unlocking.
  struct Effects: Sendable {
    var head: (waiter: HeadWaiter, answer: HeadAnswer)?
    var body: (waiter: BodyWaiter, answer: BodyAnswer)?
    var signal: Signal?

    var isEmpty: Bool { head == nil && body == nil && signal == nil }
  }

  private let capacity: Int
  private var head: HTTPResponseHead?
  private var headWaiter: HeadWaiter?
  private var bodyWaiter: BodyWaiter?
  private var buffer: [UInt8] = []
  private var isPaused = false
  private var isClaimed = false
  /// The head is not handed out before the body is here: its waiter then wakes once instead of three times.
  private var isHeld = false
  private var ending: Result<Void, HTTPClientError>?

  /// libcurl takes a connection that ends within the head for a proper end.
  private static var headless: HTTPClientError {
    HTTPClientError(.closedEarly, "the connection ended before the response head was complete")
  }

  /// `capacity` is in bytes.
  init(capacity: Int) {
    self.capacity = capacity
  }

  var isOver: Bool { ending != nil }

  // MARK: The consumer

  /// - Returns: the answer if there is one already; nil means that the waiter is kept.
  mutating func awaitHead(_ waiter: HeadWaiter) -> HeadAnswer? {
    if case .failure(let error) = ending, head == nil || error.code == .cancelled { return .failure(error) }
    if let head, !isHeld || ending != nil { return .success(head) }
    headWaiter = waiter
    return nil
  }

  /// - Returns: the answer if there is one already, and what the driver is to be told; no answer means that the waiter is kept.
  mutating func awaitBody(_ waiter: BodyWaiter) -> (answer: BodyAnswer?, signal: Signal?) {
    guard bodyWaiter == nil else {
      return (.failure(HTTPClientError(.alreadyConsumed, "the response body is already being waited for")), nil)
    }
    if let (answer, signal) = takeBody() { return (answer, signal) }
    bodyWaiter = waiter
    return (nil, nil)
  }

  /// What there is of the body, or its end, and what the driver is to be told; nil where there is nothing yet.
  mutating func takeBody() -> (answer: BodyAnswer, signal: Signal?)? {
    if !buffer.isEmpty {
      var piece: [UInt8] = []
      swap(&piece, &buffer)
      let signal: Signal? = isPaused && ending == nil ? .resume : nil
      isPaused = false
      return (.success(piece), signal)
    }
    return ending.map { ($0.map { nil }, nil) }
  }

  /// - Returns: false for everybody but the first.
  mutating func claim() -> Bool {
    defer { isClaimed = true }
    return !isClaimed
  }

  /// The consumer has left. What is held for it is thrown away.
  mutating func cancel() -> Effects {
    guard ending == nil else { return Effects() }
    buffer = []
    var effects = finish(.failure(HTTPClientError(.cancelled, "the request was cancelled")))
    effects.signal = .cancel
    return effects
  }

  // MARK: The driver

  mutating func headArrived(_ head: HTTPResponseHead) -> Effects {
    guard ending == nil else { return Effects() }
    self.head = head
    isHeld = Self.isShort(head, capacity)
    guard !isHeld, let waiter = headWaiter.take() else { return Effects() }
    return Effects(head: (waiter, .success(head)))
  }

  /// A response that says it is short comes in one piece, as a rule with its head.
  private static func isShort(_ head: HTTPResponseHead, _ capacity: Int) -> Bool {
    guard let length = head.headers.first("content-length").flatMap({ Int($0) }) else { return false }
    return (0...min(capacity, 64 * 1024)).contains(length)
  }

  mutating func offer(_ bytes: some Collection<UInt8>) -> (verdict: PieceVerdict, effects: Effects) {
    guard ending == nil else { return (.gone, Effects()) }
    if let waiter = bodyWaiter.take() { return (.taken(buffered: 0), Effects(body: (waiter, .success(Array(bytes))))) }
    guard buffer.isEmpty || bytes.count <= capacity - buffer.count else {
      isPaused = true
      return (.pause, Effects())
    }
    buffer.append(contentsOf: bytes)
    return (.taken(buffered: buffer.count), Effects())
  }

  /// What the head's waiter gets at the end: a head that was held back comes before any error but the waiter's own cancellation.
  private func headAnswer(_ result: Result<Void, HTTPClientError>) -> HeadAnswer {
    switch (head, result) {
    case (_, .failure(let error)) where error.code == .cancelled || head == nil: .failure(error)
    case (let head?, _): .success(head)
    case (nil, _): .failure(Self.headless)
    }
  }

  /// The transfer is over. What is held reaches the consumer before the error does.
  mutating func finish(_ result: Result<Void, HTTPClientError>) -> Effects {
    guard ending == nil else { return Effects() }
    ending = result
    var effects = Effects()
    if let waiter = headWaiter.take() {
      effects.head = (waiter, headAnswer(result))
    }
    if let waiter = bodyWaiter.take() { effects.body = (waiter, result.map { nil }) }
    return effects
  }
}
