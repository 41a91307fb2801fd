package import WeirCore

/// Decides when a connection has taken too long or too much. No I/O: the channel handler tells it what happened and asks what is due.
package struct GuardMachine: Sendable {
  package enum Phase: Sendable, Equatable {
    /// No byte of a request yet.
    case waiting
    /// Inside a header section.
    case head
    /// Inside a body.
    case body
    /// A whole request is being answered.
    case responding
    /// The last answer is written; what the peer still sends is thrown away.
    case lingering
    case closed
  }

  /// What is to be done when time has passed.
  package enum Due: Sendable, Equatable {
    /// Ask again at this moment.
    case nothing(until: Moment)
    /// Answer with this status and close.
    case refuse(Refusal)
    /// Close at once.
    case close(Refusal.Reason)
    /// Close: nothing is wrong (a lingering connection has lingered).
    case end
  }

  package private(set) var phase = Phase.waiting
  /// The answer is an event stream that the guard writes itself: it knows when output waits, and need not look for it.
  package var isStreaming = false
  package private(set) var closesAfterResponse = false
  private let limits: FrontLimits
  private var began: Moment
  private var requests = 0
  private var bodyBytes = 0
  private var framedBytes = 0
  private var isChunked = false
  private var output = OutputWatch()

  package init(limits: FrontLimits, connected now: Moment) {
    self.limits = limits
    began = now
  }

  /// Bytes came in, not yet parsed.
  package mutating func received(bytes: Int, now: Moment) {
    switch phase {
    case .waiting:
      phase = .head
      if requests > 0 { began = now }
    case .body: framedBytes = framedBytes.addingReportingOverflow(bytes).partialValue
    case .head, .responding, .lingering, .closed: break
    }
  }

  /// A header section ended and kept the rules.
  package mutating func accepted(_ facts: HeadFacts, now: Moment) {
    requests += 1
    phase = .body
    began = now
    bodyBytes = 0
    framedBytes = 0
    isChunked = facts.isChunked
    if facts.closes { closesAfterResponse = true }
  }

  /// A part of a body. - Throws: the body is over the limit, or its framing is.
  package mutating func body(bytes: Int) throws(Refusal) {
    bodyBytes += bytes
    if bodyBytes > limits.maxBodyBytes { throw HeadRules.tooLarge(limits) }
    try checkFraming()
  }

  /// Chunk headers and extensions alone can grow without end, so their bytes are bounded by those they carry.
  package func checkFraming() throws(Refusal) {
    if phase == .body, isChunked, framedBytes > limits.maxChunkOverhead + 9 * bodyBytes {
      throw Refusal(.framing, status: 400, "the chunk framing is larger than what it frames")
    }
  }

  /// The request is whole.
  package mutating func requestEnded(now: Moment) {
    phase = .responding
    began = now
  }

  /// The answer is written. Returns true where the connection is to be closed, after lingering.
  package mutating func responseEnded(now: Moment) -> Bool {
    if closesAfterResponse {
      linger(now: now)
      return true
    }
    phase = .waiting
    began = now
    return false
  }

  /// After the last answer: reading goes on for a while, so that closing does not reset the connection under the answer.
  package mutating func linger(now: Moment) {
    phase = .lingering
    began = now
  }

  /// No request after the one being worked on. Returns true where there is none and the connection can be closed at once.
  package mutating func quiesce() -> Bool {
    closesAfterResponse = true
    return phase == .waiting
  }

  package mutating func closeAfterResponse() { closesAfterResponse = true }

  package mutating func closed() { phase = .closed }

  /// Whether a part of a request can be worked on.
  package var takesRequests: Bool { phase == .waiting || phase == .head || phase == .body }

  /// The moment at which `due` has something to say, if nothing else happens.
  package var deadline: Moment {
    switch phase {
    case .waiting: began + (requests == 0 ? limits.headerTimeout : limits.keepAliveTimeout)
    case .head: began + limits.headerTimeout
    case .body: began + min(limits.bodyTimeout, limits.bodyRateGrace)
    case .responding: .distantFuture
    case .lingering: began + limits.lingerTimeout
    case .closed: .distantFuture
    }
  }

  /// What is due now. `buffered` are bytes of output that the peer has not taken yet, `queued` all that was ever written.
  package mutating func due(now: Moment, queued: Int64, buffered: Int) -> Due {
    if phase == .closed { return .nothing(until: .distantFuture) }
    let isWatched = output.since != nil
    note(now: now, queued: queued, buffered: buffered)
    if output.stalls(now: now, limits) { return .close(.writeStall) }
    let check = nextCheck(now: now, isPending: buffered > 0)
    switch phase {
    case .waiting where now >= deadline:
      // A peer that still reads an answer is not idle. A small one must be taken in this time.
      if buffered > 0 { return isWatched ? .nothing(until: check) : .close(.writeStall) }
      return .close(requests == 0 ? .headerTimeout : .idle)
    case .head where now >= deadline:
      return .refuse(Refusal(.headerTimeout, status: 408, "the header section was not complete within \(limits.headerTimeout)"))
    case .body:
      return bodyDue(now: now, check: check)
    case .lingering where buffered > 0:
      // The last answer has not left: lingering begins when it has.
      began = now
      return .nothing(until: check)
    case .lingering where now >= deadline:
      return .end
    case .waiting, .head, .responding, .lingering, .closed:
      return .nothing(until: min(check, deadline))
    }
  }

  private func bodyDue(now: Moment, check: Moment) -> Due {
    let elapsed = now - began
    if elapsed >= limits.bodyTimeout {
      return .refuse(Refusal(.bodyTimeout, status: 408, "the body was not complete within \(limits.bodyTimeout)"))
    }
    if elapsed >= limits.bodyRateGrace, Double(bodyBytes) < elapsed.inSeconds * Double(limits.minimumBodyRate) {
      return .refuse(Refusal(.bodyTimeout, status: 408, "the body came slower than \(limits.minimumBodyRate) bytes a second"))
    }
    let next = elapsed < limits.bodyRateGrace ? began + limits.bodyRateGrace : now + .seconds(1)
    return .nothing(until: min(check, next, began + limits.bodyTimeout))
  }

  /// Output waits for the peer, or no longer: `queued` bytes were ever written, `buffered` of them are not taken.
  package mutating func note(now: Moment, queued: Int64, buffered: Int) {
    output.note(now: now, taken: queued - Int64(buffered), isPending: buffered > 0)
  }

  /// When the peer last took something of the output that waits; nil where none waits.
  package var outputSince: Moment? { output.since }

  /// When to look at the output again: often enough that the write timeout is kept to a thirtieth.
  package func nextCheck(now: Moment, isPending: Bool) -> Moment {
    guard isPending || (phase == .responding && !isStreaming) else { return .distantFuture }
    let next = now + limits.writeStallTimeout / 30
    return output.since.map { min(next, max(now, $0 + limits.writeStallTimeout)) } ?? next
  }
}
