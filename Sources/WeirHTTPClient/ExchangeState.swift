/// What the driver thread and the consuming task know of one transfer between them. Pure: it says who is to be told what.
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
  }

  private let capacity: Int
  private var head: HTTPResponseHead?
  private var headWaiter: HeadWaiter?
  private var bodyWaiter: BodyWaiter?
  private var buffer: [UInt8] = []
  private var isPaused = false
  private var isClaimed = false
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
    if let head { return .success(head) }
    headWaiter = waiter
    return nil
  }

  /// - Returns: the answer if there is one already, and what the driver is to be told; no answer means that the waiter is kept.
  mutating func awaitBody(_ waiter: BodyWaiter) -> (answer: BodyAnswer?, signal: Signal?) {
    guard bodyWaiter == nil else {
      return (.failure(HTTPClientError(.alreadyConsumed, "the response body is already being waited for")), nil)
    }
    if !buffer.isEmpty {
      var piece: [UInt8] = []
      swap(&piece, &buffer)
      let signal: Signal? = isPaused && ending == nil ? .resume : nil
      isPaused = false
      return (.success(piece), signal)
    }
    switch ending {
    case .success: return (.success(nil), nil)
    case .failure(let error): return (.failure(error), nil)
    case nil:
      bodyWaiter = waiter
      return (nil, nil)
    }
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
    guard let waiter = headWaiter.take() else {
      self.head = head
      return Effects()
    }
    self.head = head
    return Effects(head: (waiter, .success(head)))
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

  /// The transfer is over. What is held reaches the consumer before the error does.
  mutating func finish(_ result: Result<Void, HTTPClientError>) -> Effects {
    guard ending == nil else { return Effects() }
    ending = result
    var effects = Effects()
    if let waiter = headWaiter.take() {
      effects.head = (waiter, result.flatMap { .failure(Self.headless) })
    }
    if let waiter = bodyWaiter.take() { effects.body = (waiter, result.map { nil }) }
    return effects
  }
}
