import NIOConcurrencyHelpers
import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline

@testable import WeirTenancy

/// A gateway that answers by the name of the tool, so that every way through the front can be walked.
final class ScriptedGateway: Gateway {
  private struct State {
    var received: [String] = []
    var hanging = 0
    var cancelled = 0
    var waiters: [(@Sendable (Int, Int) -> Bool, CheckedContinuation<Void, Never>)] = []
    var release: [CheckedContinuation<Void, Never>] = []
  }

  private let state = NIOLockedValueBox(State())
  static let padding = String(repeating: "x", count: 900)

  func authenticate(_ credential: PresentedCredential) throws(CallError) -> Identified {
    switch credential {
    case .none: return Identified(tenant: "local", principal: "local/anonymous")
    case .bearer(let key), .apiKey(let key):
      if key.elementsEqual("alice".utf8) { return Identified(tenant: "a", principal: "a/alice") }
      if key.elementsEqual("bob".utf8) { return Identified(tenant: "b", principal: "b/bob") }
      throw CallError(.unauthenticated, "no tenant has this key")
    }
  }

  func offers(_ endpoint: Endpoint, to caller: Identified) -> Bool { endpoint == .aggregate || endpoint == .upstream("sample") }
  func instructions(at endpoint: Endpoint, for caller: Identified) -> String? { "Ask about \"cost\"." }

  func tools(at endpoint: Endpoint, for caller: Identified, in era: ProtocolEra, after cursor: [UInt8]?) throws(CallError) -> Listing {
    if cursor != nil { throw CallError(.invalidParams, "This cursor is not from here.") }
    return Listing(items: Array(#"[{"name":"hit","inputSchema":{"type":"object"}}]"#.utf8), ttl: .seconds(5))
  }

  func list(_ kind: CatalogKind, at endpoint: Endpoint, for caller: Identified, after cursor: [UInt8]?) -> Listing {
    Listing(items: Array("[]".utf8), ttl: .seconds(5))
  }
  func features(at endpoint: Endpoint, for caller: Identified) -> UpstreamFeatures { .tools }

  func headerParameters(of tool: Name, at endpoint: Endpoint) -> HeaderParameters? { nil }

  func watch(_ uris: [Name], at endpoint: Endpoint, by caller: Identified, for watcher: Name) -> [Name] { uris }
  func unwatch(_ uri: Name?, for watcher: Name) {}
  func rootsChanged(in session: Name) { state.withLockedValue { $0.received.append("roots of \(session)") } }

  /// `tight` and `loose` are calls that depend on the session's own replica.
  func bond(of call: ReceivedCall, by caller: Identified) -> SessionBond {
    switch call.name.string {
    case "tight": .tight
    case "loose": .loose
    default: .none
    }
  }
  func bond(of request: RelayedRequest, by caller: Identified) -> SessionBond { .none }

  func relay(_ request: RelayedRequest, by caller: Identified) -> CallStep {
    .finished(CallReply(body: .failure(CallError(.invalidParams, "nothing is relayed here")), outcome: .refused))
  }

  func call(_ call: ReceivedCall, by caller: Identified) -> CallStep {
    state.withLockedValue { $0.received.append(call.name.string) }
    switch call.name.string {
    case "tight", "loose": return .pending(PendingCall { _ in Self.result(#"{"content":[]}"#, .bypass) })
    case "hit": return .finished(Self.result(#"{"content":[{"type":"text","text":"\#(Self.padding)"}]}"#, .hitMemory))
    case "big": return .finished(Self.result(#"{"content":[{"type":"text","text":"\#(String(repeating: "y", count: 1 << 20))"}]}"#, .hitMemory))
    case "huge": return .finished(Self.result(Self.huge, .hitMemory))
    case "hugeLater": return .pending(PendingCall { _ in Self.result(Self.huge, .miss) })
    case "shared": return .finished(Self.shared)
    case "sharedLater": return .pending(PendingCall { _ in Self.shared })
    case "pending": return .pending(PendingCall { _ in Self.result(#"{"content":[]}"#, .miss) })
    case "progress": return .pending(PendingCall { await Self.report($0.onProgress) })
    case "flood": return .pending(PendingCall { await Self.flood($0.onProgress) })
    case "hang": return .pending(PendingCall { [self] _ in await hang() })
    default:
      if let reason = CallError.Reason(rawValue: call.name.string) {
        return .finished(CallReply(body: .failure(Self.error(reason, code: call.params["arguments"]?["code"]?.int)), outcome: .error))
      }
      return .finished(CallReply(body: .failure(CallError(.unknownTool, "no tool of this name is here")), outcome: .refused))
    }
  }

  /// More than sockets hold.
  private static let huge = #"{"content":[{"type":"text","text":"\#(String(repeating: "z", count: 7 << 20))"}]}"#
  /// The same bytes for everybody.
  private static let shared = result(huge, .hitMemory)

  static func error(_ reason: CallError.Reason, code: Int?) -> CallError {
    CallError(
      reason, "scripted", retryAfter: reason == .throttled ? .milliseconds(1500) : nil, upstreamCode: code, upstreamData: Array("{\"k\":1}".utf8))
  }

  private static func result(_ json: String, _ outcome: CallOutcome) -> CallReply {
    do {
      let result = try CallResult(normalizing: JSONDocument(parsing: Array(json.utf8), limits: .trusted).root)
      return CallReply(body: .result(result, provenance: Array(#"{"outcome":"\#(outcome.rawValue)"}"#.utf8)), outcome: outcome)
    } catch {
      return CallReply(body: .failure(CallError(.internalFault, "\(error)")), outcome: .error)
    }
  }

  private static func report(_ onProgress: (@Sendable (CallProgress) -> Void)?) async -> CallReply {
    for step in 1...3 { onProgress?(CallProgress(params: Array(#"{"progressToken":"upstream","progress":\#(step),"note":"kept"}"#.utf8))) }
    return result(#"{"content":[]}"#, .miss)
  }

  private static func flood(_ onProgress: (@Sendable (CallProgress) -> Void)?) async -> CallReply {
    for step in 1...2000 { onProgress?(CallProgress(params: Array(#"{"progressToken":1,"progress":\#(step),"message":"\#(padding)"}"#.utf8))) }
    return result(#"{"content":[]}"#, .miss)
  }

  private func hang() async -> CallReply {
    change { $0.hanging += 1 }
    while !Task.isCancelled, !isReleased { try? await Task.sleep(for: .milliseconds(5)) }
    change { state in
      state.hanging -= 1
      if Task.isCancelled { state.cancelled += 1 }
    }
    return Task.isCancelled ? CallReply(body: .failure(CallError(.cancelled, "left")), outcome: .error) : Self.result(#"{"content":[]}"#, .miss)
  }

  private let released = NIOLockedValueBox(false)
  private var isReleased: Bool { released.withLockedValue { $0 } }
  func release() { released.withLockedValue { $0 = true } }

  private func change(_ body: (inout State) -> Void) {
    let ready = state.withLockedValue { state in
      body(&state)
      let (hanging, cancelled) = (state.hanging, state.cancelled)
      let ready = state.waiters.filter { $0.0(hanging, cancelled) }.map(\.1)
      state.waiters.removeAll { $0.0(hanging, cancelled) }
      return ready
    }
    for waiter in ready { waiter.resume() }
  }

  /// Waits until so many calls hang and so many were cancelled; no longer than the test's time limit.
  func until(_ condition: @escaping @Sendable (_ hanging: Int, _ cancelled: Int) -> Bool) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isNow = state.withLockedValue { state in
          if Task.isCancelled || condition(state.hanging, state.cancelled) { return true }
          state.waiters.append((condition, continuation))
          return false
        }
        if isNow { continuation.resume() }
      }
    } onCancel: {
      let waiters = state.withLockedValue { state in
        defer { state.waiters = [] }
        return state.waiters
      }
      for waiter in waiters { waiter.1.resume() }
    }
  }

  var cancelled: Int { state.withLockedValue { $0.cancelled } }
  var received: [String] { state.withLockedValue { $0.received } }
}
