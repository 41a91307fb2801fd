import NIOConcurrencyHelpers
import WeirCore
import WeirJSON

/// How a call gets to its answer.
protocol Way: Sendable {
  /// Runs what has to run meanwhile, until cancelled.
  func run() async
  /// - Parameter caller: index into the trace's callers.
  func answer(_ call: TraceCall, from caller: Int) async -> Ending
  /// What became of the calls, where the way counts that.
  var outcomes: [String: Int] { get }
}

/// How a call ended, for its caller.
enum Ending: Sendable {
  case answered
  /// The provider throttled, or Weir said that it would.
  case throttled
  case failed(String)

  /// Of a tool result. Errors are short: a long result is not searched.
  init(result: [UInt8]) {
    guard result.count < 8192 else {
      self = .answered
      return
    }
    let text = String(decoding: result, as: UTF8.self)
    if text.contains("LimitExceededException") || text.contains("ThrottlingException") {
      self = .throttled
    } else {
      self = text.contains(#"\"status\":\"error\""#) ? .failed(text) : .answered
    }
  }

  init(_ error: CallError) {
    self = error.reason == .throttled ? .throttled : .failed("\(error.reason.rawValue): \(error.message)")
  }
}

extension UpstreamRequest {
  init(_ call: TraceCall, deadline: Moment) {
    self.init(method: "tools/call", name: call.tool, params: call.params.bytes, deadline: deadline)
  }
}

/// No proxy: every client has started servers of its own, as chat clients do.
struct DirectWay: Way {
  private let servers: [[Name: ToolServer]]
  private let world: World

  init(_ trace: Trace, _ world: World) {
    self.world = world
    servers = trace.callers.map { _ in
      Dictionary(uniqueKeysWithValues: TraceCall.servers.map { ($0, ToolServer(name: $0, processes: 1, world: world)) })
    }
  }

  var outcomes: [String: Int] { [:] }
  func run() async {}

  func answer(_ call: TraceCall, from caller: Int) async -> Ending {
    guard let server = servers[caller][call.server] else { return .failed("There is no server \(call.server).") }
    do throws(CallError) {
      return Ending(result: try await server.send(UpstreamRequest(call, deadline: .distantFuture)).bytes)
    } catch {
      return Ending(error)
    }
  }
}

/// What gateways do at best: an answer is kept for an hour under the call's exact arguments, members sorted, whoever asked; errors are not
/// kept by their `isError`. Identical calls under way are not joined.
struct ExactCacheWay: Way {
  private struct Key: Hashable {
    let server: Name
    let params: [UInt8]
  }

  private static let ttl = Duration.seconds(3600)

  private let servers: [Name: ToolServer]
  private let world: World
  private let kept = NIOLockedValueBox<[Key: (result: [UInt8], until: Moment)]>([:])

  /// - Parameter processes: of each server, shared by all callers.
  init(_ world: World, processes: Int) {
    self.world = world
    servers = Dictionary(uniqueKeysWithValues: TraceCall.servers.map { ($0, ToolServer(name: $0, processes: processes, world: world)) })
  }

  var outcomes: [String: Int] { [:] }
  func run() async {}

  func answer(_ call: TraceCall, from caller: Int) async -> Ending {
    guard let server = servers[call.server], let params = try? call.params.root.canonical() else { return .failed("no such call") }
    let key = Key(server: call.server, params: params)
    let now = world.time.now()
    if let hit = kept.withLockedValue({ $0[key] }), now < hit.until { return Ending(result: hit.result) }
    do throws(CallError) {
      let answer = try await server.send(UpstreamRequest(call, deadline: .distantFuture))
      if answer.root["isError"]?.bool != true { kept.withLockedValue { $0[key] = (answer.bytes, world.time.now() + Self.ttl) } }
      return Ending(result: answer.bytes)
    } catch {
      return Ending(error)
    }
  }
}

extension TraceCall {
  static let servers: [Name] = ["billing", "pricing"]
}
