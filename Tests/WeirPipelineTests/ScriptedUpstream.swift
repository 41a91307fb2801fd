import NIOConcurrencyHelpers
import WeirCore
import WeirJSON

/// An upstream that answers as the test says, counts what reaches it, and lets the test wait for that.
final class ScriptedUpstream: Upstream {
  typealias Answer = @Sendable (UpstreamRequest, Int) async throws(CallError) -> String

  let name: Name
  private let answer: Answer
  private let calls = NIOLockedValueBox<[UpstreamRequest]>([])
  private let arrivals = AsyncStream.makeStream(of: UpstreamRequest.self)
  private let current = NIOLockedValueBox(UpstreamState.ready)

  init(_ name: Name, answer: @escaping Answer) {
    self.name = name
    self.answer = answer
  }

  var state: UpstreamState { current.withLockedValue { $0 } }
  func become(_ state: UpstreamState) { current.withLockedValue { $0 = state } }

  var requests: [UpstreamRequest] { calls.withLockedValue { $0 } }

  /// The next request that arrives.
  func arrival() async -> UpstreamRequest? {
    for await request in arrivals.stream { return request }
    return nil
  }

  func run() async {}

  func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    let number = calls.withLockedValue { calls -> Int in
      calls.append(request)
      return calls.count
    }
    arrivals.continuation.yield(request)
    let text = try await answer(request, number)
    do {
      return try JSONDocument(parsing: Array(text.utf8))
    } catch {
      throw CallError(.upstreamInvalid, error.message)
    }
  }
}

/// Opens once; whoever waits goes on.
final class Gate: Sendable {
  private let stream = AsyncStream.makeStream(of: Void.self)
  func open() { stream.continuation.finish() }
  func wait() async { for await _ in stream.stream {} }
}
