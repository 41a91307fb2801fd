import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import WeirCore
import WeirHTTPClient
import WeirMCP

/// Answers that another replica gives.
extension FrontResponder {
  /// Fields of its head that go on; the others are made here.
  private static let passedOn = ["content-type", "mcp-session-id", "www-authenticate", "allow", "retry-after"]

  func forward(_ forward: Forward, on connection: Connection) async -> Response {
    guard let fleet = core.fleet else { return response(core.mcp.absent(forward)) }
    let waiting = Departure()
    connection.watch(waiting)
    core.carries(waiting, isOpenEnded: false)
    let outcome = await Forwarder(fleet: fleet, time: core.time).send(forward, departure: waiting)
    connection.forgetDeparture()
    core.forget(waiting)
    switch outcome {
    case .gone: return response(core.mcp.absent(forward))
    case .unreachable(let wasSent): return response(core.mcp.unreachable(forward, wasSent: wasSent))
    case .left: return response(.text(503, "Weir is ending; try again in a few seconds", label: "forwarded"))
    case .response(let answer): return passedOn(answer, of: forward, on: connection)
    }
  }

  private func passedOn(_ answer: WeirHTTPClient.HTTPResponse, of forward: Forward, on connection: Connection) -> Response {
    core.answered("forwarded", status: answer.head.status)
    var headers: HTTPFields = [.cacheControl: "no-store"]
    for field in Self.passedOn {
      if let value = answer.head.headers.first(field), let name = HTTPField.Name(field) { headers[name] = value }
    }
    let isStream = answer.head.headers.first("content-type").map { ASCII.trimmed($0).utf8.starts(with: "text/event-stream".utf8) } ?? false
    if isStream, let name = HTTPField.Name("x-accel-buffering") { headers[name] = "no" }
    let length = answer.head.headers.first("content-length").flatMap { Int($0) }
    if let length, answer.head.status != 204 { headers[.contentLength] = String(length) }
    let isOpenEnded = isStream && forward.request.method == .GET
    return Response(
      status: .init(code: answer.head.status), headers: headers,
      body: ResponseBody(contentLength: length) { [core] writer in
        let departure = Departure()
        connection.watch(departure)
        core.carries(departure, isOpenEnded: isOpenEnded)
        defer {
          connection.forgetDeparture()
          core.forget(departure)
        }
        try await Self.relay(answer.body, until: departure, isStream: isStream, to: &writer)
        try await writer.finish(nil)
      })
  }

  /// Each piece waits until the one before it is taken; libcurl reads no further meanwhile.
  private static func relay(
    _ body: HTTPBody, until departure: Departure, isStream: Bool, to writer: inout any ResponseBodyWriter
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { if await departure.wait() != nil { body.abandon() } }
      defer { group.cancelAll() }
      let pieces = body.makeAsyncIterator()
      do throws(HTTPClientError) {
        while let piece = try await pieces.nextPiece() {
          do { try await writer.write(ByteBuffer(bytes: piece)) } catch { throw HTTPClientError(.cancelled, "the client takes no more") }
          do { try await Connection.current?.writesAreSeen() } catch { throw HTTPClientError(.cancelled, "the client is gone") }
        }
      } catch {
        // A stream that is lost on the way is one that its client comes back to; an answer that is cut short must not look whole.
        guard isStream, departure.reason != .disconnected else { throw error }
      }
      if isStream, departure.reason == .drained { try await writer.write(ByteBuffer(bytes: MCPEndpoint.comeBackSoon)) }
    }
  }
}
