import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirJSON
import WeirMCP
import WeirTestSupport

@testable import WeirUpstream

@Suite("Who shares an upstream", .timeLimit(.minutes(5)))
struct UpstreamFamilyTests {
  /// An upstream that answers as it is told, and whose tool wants its argument `region` in this header by now.
  final class Scripted: SharedUpstream {
    typealias Answer = @Sendable (UpstreamRequest, Int) throws(CallError) -> String

    let name: Name = "up"
    let state = UpstreamState.ready
    private let header: String?
    private let answer: Answer
    private let received = NIOLockedValueBox<[UpstreamRequest]>([])
    let sessions: FurtherSessions

    init(header: String? = nil, sessions: FurtherSessions = .none, answer: @escaping Answer) {
      self.header = header
      self.sessions = sessions
      self.answer = answer
    }

    private let notifications = NIOLockedValueBox<[String]>([])
    var told: [String] { notifications.withLockedValue { $0 } }
    func tell(_ method: String) { notifications.withLockedValue { $0.append(method) } }

    var requests: [UpstreamRequest] { received.withLockedValue { $0 } }
    var furtherSessions: FurtherSessions { sessions }
    func run() async {}

    func listedAnew(until deadline: Moment) async -> UpstreamCatalog? {
      guard let header else { return nil }
      let json = #"{"name":"t","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"\#(header)"}}}}"#
      return UpstreamCatalog(tools: [ToolDefinition(name: "t", json: Array(json.utf8), readOnlyHint: false, digest: [])])
    }

    func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
      let number = received.withLockedValue { received in
        received.append(request)
        return received.count
      }
      let text = try answer(request, number)
      do { return try JSONDocument(parsing: Array(text.utf8)) } catch { throw CallError(.upstreamInvalid, error.message) }
    }
  }

  private static func family(_ shared: Scripted) -> UpstreamFamily { UpstreamFamily(shared, isolation: .shared, time: ManualTime()) { _ in shared } }

  private static func call() -> UpstreamRequest {
    var call = Call.tool("t", #"{"region":"é"}"#)
    call.headers = [("mcp-param-zone", "=?base64?w6k=?=")]
    return call
  }

  private static let refused = {
    var error = CallError(.upstreamError, "headers", upstreamCode: RPCErrorObject.headerMismatch)
    error.refusesHeaders = true
    return error
  }()

  @Test("issue 4: a call refused for its headers goes out once more with those that its tool wants by now")
  func otherHeaders() async throws {
    let shared = Scripted(header: "Region") { _, number throws(CallError) in
      if number == 1 { throw Self.refused }
      return "{}"
    }
    _ = try await Self.family(shared).send(Self.call())
    #expect(shared.requests.map { $0.headers.map(\.name) } == [["mcp-param-zone"], ["mcp-param-region"]])
    #expect(shared.requests.last?.headers.first?.value == "=?base64?w6k=?=")
  }

  @Test(
    "issue 4: it goes out once only, where the headers are the same no more, and where there is no new list",
    arguments: [("Region", 2), ("Zone", 1), (nil, 1)])
  func refusedAgain(header: String?, sent: Int) async {
    let shared = Scripted(header: header) { _, _ throws(CallError) in throw Self.refused }
    let error = await Self.family(shared).outcome(Self.call()).error
    #expect(error?.upstreamCode == RPCErrorObject.headerMismatch)
    #expect(shared.requests.count == sent)
  }

  @Test(
    "issue 4: another error is not called again, nor one of which it is not sure that nothing was done",
    arguments: [RPCErrorObject.invalidParams, RPCErrorObject.unsupportedVersion, RPCErrorObject.headerMismatch])
  func otherErrors(code: Int) async {
    let shared = Scripted(header: "Region") { _, _ throws(CallError) in throw CallError(.upstreamError, "no", upstreamCode: code) }
    _ = await Self.family(shared).outcome(Self.call())
    #expect(shared.requests.count == 1)
  }

  // MARK: Levels and roots

  private static func caller(_ session: Name?, _ level: LogLevel? = nil, principal: Name = "ada") -> UpstreamRequest {
    var call = Call.tool("t")
    call.caller = UpstreamCaller(logLevel: level.map { JSONWriter.quoted($0.rawValue) }, session: session, principal: principal)
    return call
  }

  /// What the upstream was told, in order, beside calls.
  private static func levels(_ upstream: Scripted) -> [String] {
    upstream.requests.filter { $0.method == MCPMethod.setLevel }.map { String(decoding: $0.params, as: UTF8.self) }
  }

  @Test("issue 4: a session that several clients share is set to the most verbose level that any of them wants, once for each change")
  func levels() async throws {
    let own = Scripted { _, _ throws(CallError) in "{}" }
    let family = UpstreamFamily(Scripted { _, _ throws(CallError) in "{}" }, isolation: .principal, time: ManualTime()) { _ in own }
    for call in [Self.caller("a", .error), Self.caller("b", .debug), Self.caller("a", .error), Self.caller("c"), Self.caller("b", .debug)] {
      _ = try await family.send(call)
    }
    #expect(Self.levels(own) == [#"{"level":"error"}"#, #"{"level":"debug"}"#])
    family.sessionEnded("b")
    _ = try await family.send(Self.caller("a", .error))
    // What stands in a modern client's request holds for that.
    _ = try await family.send(Self.caller(nil, .info))
    _ = try await family.send(Self.caller("a", .error))
    #expect(Self.levels(own).dropFirst(2) == [#"{"level":"error"}"#, #"{"level":"info"}"#, #"{"level":"error"}"#])
    #expect(own.requests.count == 5 + 3 + 5)
  }

  @Test(
    "issue 4: a server without levels is told none again, one that refuses a level not the same again",
    arguments: [(RPCErrorObject.methodNotFound, 1), (RPCErrorObject.invalidParams, 2)])
  func noLevels(code: Int, told: Int) async throws {
    let own = Scripted { request, _ throws(CallError) in
      if request.method == MCPMethod.setLevel { throw CallError(.upstreamError, "no", upstreamCode: code) }
      return "{}"
    }
    let family = UpstreamFamily(Scripted { _, _ throws(CallError) in "{}" }, isolation: .session, time: ManualTime()) { _ in own }
    for level in [LogLevel.info, .info, .debug, .debug] { _ = try await family.send(Self.caller("a", level)) }
    #expect(Self.levels(own).count == told)
  }

  @Test("issue 4: a new session is told what the one before was told, and who comes meanwhile waits for it")
  func wishes() {
    var wishes = LevelWishes()
    #expect(wishes.next(session: 1) == .done)
    wishes.wish(.warning, of: "a")
    #expect(wishes.next(session: 1) == .tell(.warning))
    #expect(wishes.next(session: 1) == .wait)
    wishes.answered(.warning, .taken, session: 1)
    #expect(wishes.next(session: 1) == .done)
    #expect(wishes.next(session: 2) == .tell(.warning))
    wishes.answered(.warning, .none, session: 2)
    #expect(wishes.next(session: 2) == .tell(.warning), "nobody knows whether that arrived")
    wishes.forget("a")
    wishes.answered(.warning, .taken, session: 2)
    #expect(wishes.next(session: 2) == .done)
  }

  @Test(
    "issue 4: changed roots are told in the session of that client alone",
    arguments: [(UpstreamFamily.Isolation.session, 1), (.principal, 0), (.shared, 0)])
  func roots(isolation: UpstreamFamily.Isolation, told: Int) async throws {
    let own = Scripted { _, _ throws(CallError) in "{}" }
    let shared = Scripted { _, _ throws(CallError) in "{}" }
    let declared = NIOLockedValueBox<[UInt8]?>(nil)
    let family = UpstreamFamily(shared, isolation: isolation, time: ManualTime()) { caller in
      declared.withLockedValue { $0 = caller.capabilities }
      return own
    }
    var call = Self.caller("a")
    call.caller?.capabilities = Array(#"{"roots":{"listChanged":true}}"#.utf8)
    _ = try await family.send(call)
    let promise = declared.withLockedValue { $0 }.map { String(decoding: $0, as: UTF8.self).contains("listChanged") } ?? false
    #expect(promise == (told == 1), "nothing is promised that is not kept")
    family.rootsChanged(of: "b")
    #expect(own.told.isEmpty)
    family.rootsChanged(of: "a")
    #expect(own.told == Array(repeating: MCPMethod.rootsListChanged, count: told))
    #expect(shared.told.isEmpty)
  }
}
