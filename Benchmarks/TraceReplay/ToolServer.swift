import WeirCore
import WeirJSON

/// `awslabs.billing-cost-management-mcp-server` and `awslabs.aws-pricing-mcp-server`, as far as the trace needs them: their requests to the
/// provider, their answers in their own shapes (Tests/EndToEnd/recordings), their own retries, and their time, in virtual time.
final class ToolServer: Upstream {
  /// How often botocore tries a throttled request (`legacy` retry mode: the first try and three more).
  private static let tries = 4

  let name: Name
  let state = UpstreamState.ready
  private let places: Places
  private let world: World

  /// - Parameter processes: each takes one call at a time, as the real ones do.
  init(name: Name, processes: Int, world: World) {
    self.name = name
    self.places = Places(processes)
    self.world = world
  }

  func run() async {}

  func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    guard let params = try? JSONDocument(parsing: request.params).root, let tool = params["name"]?.string else {
      throw CallError(.upstreamInvalid, "The call is no tool call.")
    }
    await places.take()
    defer { places.giveBack() }
    let today = CivilDate(world.time.wall())
    guard let call = AWSCall(tool: tool, arguments: params["arguments"], today: today), let provider = world.providers[call.provider] else {
      throw CallError(.upstreamError, "The trace holds no such call.", upstreamCode: -32602)
    }
    guard try await isAdmitted(call, by: provider) else { return try Self.document(call.throttled) }
    let reply: EmulatorClient.Reply
    switch world.knowledge.ask(call.target, call.body, on: today) {
    case .success(let known): reply = known
    case .failure(let error): throw CallError(.internalFault, error.description)
    }
    switch reply {
    case .answer(let bytes):
      world.log?(world.time.wall(), call, call.isPaged(bytes))
      try await pass(world.latency(of: call, bytes: bytes.count))
      return try Self.document(call.result(bytes))
    case .failure(let code, let message):
      try await pass(world.latency(of: call, bytes: 0))
      return try Self.document(call.failure(code: code, message: message))
    }
  }

  private func isAdmitted(_ call: AWSCall, by provider: Provider) async throws(CallError) -> Bool {
    var random = SeededRandom(seed: world.seed ^ UInt64(bitPattern: world.time.now().nanoseconds), call.body)
    for attempt in 0..<Self.tries {
      if provider.admits(call.target, now: world.time.now()) { return true }
      // botocore's legacy backoff: a random share of 1, 2, 4 seconds.
      if attempt < Self.tries - 1 { try await pass(.milliseconds(Int(random.share() * 1000) << attempt)) }
    }
    return false
  }

  private func pass(_ duration: Duration) async throws(CallError) {
    do { try await world.time.sleep(until: world.time.now() + duration) } catch { throw CallError(.cancelled, "The caller left.") }
  }

  private static func document(_ result: [UInt8]) throws(CallError) -> JSONDocument {
    do {
      return try JSONDocument(parsing: result, limits: JSONLimits(maxBytes: 64 << 20, maxMembers: 4_000_000))
    } catch {
      throw CallError(.internalFault, "The replay made a result that is no JSON: \(error.message)")
    }
  }
}

/// What all servers of a replay share: the clock, the providers and what they know.
struct World: Sendable {
  let time: any TimeSource
  let knowledge: Knowledge
  let providers: [Name: Provider]
  let seed: UInt64
  /// Told of each call that a provider answers, and whether the answer goes on on another page.
  var log: (@Sendable (WallTime, AWSCall, Bool) -> Void)?

  /// One to two seconds for Cost Explorer, a third of that for the Price List, and longer for large answers; the same for the same question
  /// at the same moment.
  func latency(of call: AWSCall, bytes: Int) -> Duration {
    var random = SeededRandom(seed: seed ^ UInt64(bitPattern: time.now().nanoseconds), call.body)
    let own = call.provider == AWSCall.explorer ? 1000 + random.share() * 1000 : 300 + random.share() * 400
    return .milliseconds(Int(own) + bytes / 400)
  }
}
