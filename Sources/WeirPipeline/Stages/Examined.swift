internal import WeirBilling
internal import WeirCore
internal import WeirJSON
internal import WeirMCP

/// An answer of an upstream that the policy has looked at.
struct Examined: Sendable {
  let result: CallResult
  let verdict: ResultVerdict
  /// What a request for this answer alone costs and takes of the provider.
  let cost: MicroUSD
  let requests: Int
  /// How many calls were asked as one with this one, itself included; 1: alone.
  var members = 1
  /// Another call's request brought it.
  var isCarried = false

  var isAnswer: Bool {
    if case .answer = verdict { true } else { false }
  }

  /// More provider requests than one call can make: the upstream's own count is not trusted beyond it.
  private static let mostRequests = 1000

  /// - Parameters:
  ///   - arguments: what the answer is to.
  ///   - estimate: the requests that the call was expected to take, where the answer does not say.
  /// - Throws: `upstreamInvalid` for what is no complete tool result.
  init(_ result: JSONValue, arguments: JSONValue?, estimate: Int, of permitted: Permitted, price: ProviderLane) throws(CallError) {
    let isShared = permitted.policy.caching.isCached
    var normalized = isShared ? try Self.normalized(result) : try Self.relayed(result)
    var verdict = permitted.route.settings.policy.examine(
      tool: permitted.route.tool.name, arguments: arguments, result: result, isError: normalized.isError)
    if case .answer(let bytes, let cap, let requests) = verdict {
      if normalized.isError || normalized.unfinishedType != nil {
        verdict = .notAnAnswer
      } else if let bytes, isShared, let rewritten = try? JSONDocument(parsing: bytes, limits: .upstreamResult) {
        normalized = try Self.normalized(rewritten.root)
        verdict = .answer(bytes: nil, cap: cap, requests: requests)
      }
    }
    // What the answer itself says, within reason; a failed call is one request, whatever it was going to ask for.
    var requests = normalized.isError ? 1 : estimate
    if case .answer(_, _, let counted?) = verdict { requests = min(max(0, counted), Self.mostRequests) }
    // Providers charge for requests that succeed (docs/money.md).
    let isCharged = !normalized.isError && verdict != .throttled
    self.init(result: normalized, verdict: verdict, cost: isCharged ? price.price(of: requests) : .zero, requests: requests)
  }

  init(result: CallResult, verdict: ResultVerdict, cost: MicroUSD, requests: Int) {
    self.result = result
    self.verdict = verdict
    self.cost = cost
    self.requests = requests
  }

  /// The result as a document, to be cut.
  var document: JSONDocument? { try? JSONDocument(parsing: result.bytes, limits: .upstreamResult) }

  static func normalized(_ result: JSONValue) throws(CallError) -> CallResult {
    do {
      return try CallResult(normalizing: result)
    } catch {
      throw CallError(.upstreamInvalid, "The upstream's answer is no complete tool result: \(error.message)")
    }
  }

  /// What only its caller gets: it need not be complete.
  private static func relayed(_ result: JSONValue) throws(CallError) -> CallResult {
    do {
      // A call that was made a task has no content yet (MCP 2025-11-25, `CreateTaskResult`).
      return try CallResult(relaying: result, isTool: result["task"]?.kind != .object, isCacheable: false)
    } catch {
      throw CallError(.upstreamInvalid, "The upstream's answer is no tool result: \(error.message)")
    }
  }
}

extension ResultVerdict {
  /// The label of the metric `weir_upstream_calls_total`.
  var label: String {
    switch self {
    case .answer: "answered"
    case .notAnAnswer: "error_result"
    case .throttled: "throttled"
    }
  }
}

extension JSONLimits {
  /// For what upstreams answer: larger than what clients may send. The transports have bounded the bytes already.
  static let upstreamResult = JSONLimits(maxBytes: 256 << 20, maxMembers: 8_000_000)
}
