import NIOHTTP1
import WeirCore
import WeirHTTPClient
import WeirMCP

/// Brings requests to the replicas that have to answer them.
struct Forwarder: Sendable {
  enum Outcome: Sendable {
    case response(HTTPResponse)
    /// That replica has ended.
    case gone
    /// It cannot be reached, or was lost before it answered.
    case unreachable(wasSent: Bool)
    /// The client has left.
    case left
  }

  private static let connectTimeout: Duration = .seconds(2)
  /// Between two pieces: streams have their comments.
  private static let idleTimeout: Duration = .seconds(60)
  /// How often it is looked whether the replica is still there while its answer is waited for.
  private static let look: Duration = .seconds(2)

  /// How often a replica is looked for before it is called unreachable.
  private static let looks = 4

  let fleet: FrontFleet
  let time: any TimeSource

  /// Waits for the head of the answer; ends where the client leaves, and where the replica does.
  func send(_ forward: Forward, departure: Departure) async -> Outcome {
    let address: String
    switch await located(forward.replica) {
    case .gone: return .gone
    case .unknown: return .unreachable(wasSent: false)
    case .at(let known): address = known
    }
    let request = request(forward, to: address)
    return await withTaskGroup(of: Outcome?.self) { group in
      group.addTask { await exchange(request) }
      group.addTask {
        // Cancelled when the answer has begun; it is nobody's outcome then.
        await departure.wait() == nil ? nil : .left
      }
      group.addTask {
        repeat {
          do { try await time.sleep(until: time.now() + Self.look) } catch { return nil }
        } while fleet.isThere(forward.replica)
        return .unreachable(wasSent: true)
      }
      var outcome: Outcome?
      while outcome == nil, let next = await group.next() { outcome = next }
      group.cancelAll()
      return outcome ?? .left
    }
  }

  /// Redis may be slow once.
  private func located(_ replica: Name) async -> FrontFleet.Whereabouts {
    for _ in 0..<Self.looks {
      let place = await fleet.locate(replica)
      if place != .unknown { return place }
      do { try await time.sleep(until: time.now() + .milliseconds(100)) } catch { return .unknown }
    }
    return .unknown
  }

  private func exchange(_ request: HTTPRequest) async -> Outcome? {
    do throws(HTTPClientError) {
      let response = try await fleet.client.send(request)
      // Another process has its address now.
      return response.head.status == 421 ? .gone : .response(response)
    } catch {
      switch error.code {
      case .cancelled: return nil
      case .connectFailed, .timedOut(.connect), .overloaded, .shutDown, .invalidRequest, .tls: return .unreachable(wasSent: false)
      default: return .unreachable(wasSent: true)
      }
    }
  }

  private func request(_ forward: Forward, to address: String) -> HTTPRequest {
    let original = forward.isElement ? forward.request.with([UInt8(ascii: "[")] + forward.request.body + [UInt8(ascii: "]")]) : forward.request
    let stamp = ForwardStamp(
      original, of: forward.principal, from: fleet.replica, to: forward.replica, sealer: fleet.sealer, now: time.wall())
    let fields = original.fields
    let sent: [(name: String, value: String?)] = [
      ("\(ForwardStamp.field)", stamp.text), ("accept", fields.accept), ("content-type", fields.contentType), ("authorization", fields.authorization),
      ("x-api-key", fields.apiKey), ("mcp-protocol-version", fields.protocolVersion), ("mcp-session-id", fields.session),
      ("mcp-method", fields.method), ("mcp-name", fields.name), ("last-event-id", fields.lastEventID),
    ]
    let query = original.query.isEmpty ? "" : "?\(original.query)"
    return HTTPRequest(
      method: original.method.rawValue, url: "http://\(address)\(original.path)\(query)",
      headers: sent.compactMap { field in field.value.map { (field.name, $0) } }, body: original.body, connectTimeout: Self.connectTimeout,
      // However long a person thinks: that the replica is still there is looked at all the time.
      headTimeout: .seconds(3600), idleTimeout: Self.idleTimeout, totalTimeout: .seconds(Int64.max), maxBodyBytes: .max,
      isRepeatable: original.method == .GET)
  }

  /// The whole answer to one message of a batch, at most so many bytes; nil for one that is answered with nothing.
  func answer(_ forward: Forward, limit: Int, endpoint: MCPEndpoint) async -> ReplyBody? {
    switch await send(forward, departure: Departure()) {
    case .gone: return endpoint.absent(forward).body
    case .unreachable(let wasSent): return endpoint.unreachable(forward, wasSent: wasSent).body
    case .left: return nil
    case .response(let response):
      guard var bytes = try? await response.body.collect(upTo: limit) else { return endpoint.unreachable(forward, wasSent: true).body }
      // One message went as a batch, and so comes back as one.
      if response.head.status == 200, bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") {
        bytes = Array(bytes.dropFirst().dropLast())
      }
      return .whole(bytes)
    }
  }
}
