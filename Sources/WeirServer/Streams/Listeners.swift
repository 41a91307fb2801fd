import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// The open streams of `subscriptions/listen` (MCP 2026-07-28, subscriptions).
final class Listeners: Sendable {
  private struct State {
    var streams: [Name: ListenStream] = [:]
    var perPrincipal: [Name: Int] = [:]
    var lastID = 0
  }

  private let state = NIOLockedValueBox(State())
  private let limits: FrontLimits

  init(limits: FrontLimits) {
    self.limits = limits
  }

  /// A name that no other stream of this process has.
  func newID() -> Name {
    state.withLockedValue { state in
      state.lastID += 1
      return Name("listen-\(state.lastID)")
    }
  }

  /// False where there are too many, of all or of this principal.
  func open(_ stream: ListenStream) -> Bool {
    state.withLockedValue { state in
      guard state.streams.count < limits.maxStreams, state.perPrincipal[stream.principal, default: 0] < limits.maxStreamsPerPrincipal else {
        return false
      }
      state.streams[stream.name] = stream
      state.perPrincipal[stream.principal, default: 0] += 1
      return true
    }
  }

  func close(_ stream: ListenStream) {
    state.withLockedValue { state in
      guard state.streams.removeValue(forKey: stream.name) != nil else { return }
      let count = state.perPrincipal[stream.principal, default: 1] - 1
      state.perPrincipal[stream.principal] = count > 0 ? count : nil
    }
  }

  var all: [ListenStream] { state.withLockedValue { Array($0.streams.values) } }
  func stream(_ name: Name) -> ListenStream? { state.withLockedValue { $0.streams[name] } }
}

/// What one client listens to, under the id of its request.
struct ListenStream: Sendable {
  let name: Name
  let principal: Name
  let id: RPCID
  /// The lists whose changes it wants to hear of: `tools`, `resources`, `prompts`.
  let kinds: UpstreamFeatures
  /// Whether changes of this upstream's lists are its client's business.
  let isConcerned: @Sendable (_ upstream: Name) -> Bool
  let mailbox: StreamMailbox
  /// Who answers, as every result says it.
  let serverInfo: [UInt8]

  /// The result that ends the stream from this side, as an event.
  var closing: ReplyBody { .whole(ServerSentEventWriter.event(data: SubscriptionWire.end(id, serverInfo: serverInfo), event: "message")) }

  /// No further event but that.
  func end() { mailbox.finish(closing) }

  /// A notification with this stream's id in it, as an event. `params` is a JSON object.
  func event(_ method: String, _ params: [UInt8]) -> [UInt8] {
    ServerSentEventWriter.event(data: RPCWriter.notification(method: method, params: SubscriptionWire.tagged(params, id)), event: "message")
  }
}
