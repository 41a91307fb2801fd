import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirJSON
import WeirMCP
import WeirTestSupport

@testable import WeirUpstream

@Suite("Who shares an upstream", .timeLimit(.minutes(1)))
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

  private static let refused = CallError(.upstreamError, "headers", upstreamCode: RPCErrorObject.headerMismatch)

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

  @Test("issue 4: another error is not called again", arguments: [RPCErrorObject.invalidParams, RPCErrorObject.unsupportedVersion])
  func otherErrors(code: Int) async {
    let shared = Scripted(header: "Region") { _, _ throws(CallError) in throw CallError(.upstreamError, "no", upstreamCode: code) }
    _ = await Self.family(shared).outcome(Self.call())
    #expect(shared.requests.count == 1)
  }
}
