package import WeirCore
import WeirJSON
import WeirMCP

/// Tells clients what changed, on the event streams they have open.
package final class FrontNotifier: Sendable {
  private let sessions: Sessions
  private let listeners: Listeners
  private let table: ConnectionTable

  init(sessions: Sessions, listeners: Listeners, table: ConnectionTable) {
    self.sessions = sessions
    self.listeners = listeners
    self.table = table
  }

  /// Lists of an upstream are others than before: every open stream that is for it hears so, where its client sees that upstream. Clients
  /// without one ask again on their own time.
  package func changed(_ lists: UpstreamFeatures, of upstream: Name) {
    var dropped = 0
    for (method, kind) in SubscriptionWire.methods(of: lists) {
      let event = ServerSentEventWriter.event(data: RPCWriter.notification(method: method, params: nil), event: "message")
      dropped += sessions.push(event, toAllWhoSee: upstream)
      dropped += listeners.all.count { $0.kinds.contains(kind) && $0.isConcerned(upstream) && !$0.mailbox.push($0.event(method, Array("{}".utf8))) }
    }
    count(dropped)
  }

  /// What anybody sees may be other than before: the operator has changed who may use what.
  package func listsChanged() {
    var dropped = 0
    for (method, kind) in SubscriptionWire.methods(of: [.tools, .resources, .prompts]) {
      let event = ServerSentEventWriter.event(data: RPCWriter.notification(method: method, params: nil), event: "message")
      dropped += sessions.pushToAll(event)
      dropped += listeners.all.count { $0.kinds.contains(kind) && !$0.mailbox.push($0.event(method, Array("{}".utf8))) }
    }
    count(dropped)
  }

  /// Resources have changed, each under the URI that its watcher uses: a session, or a stream of `subscriptions/listen`.
  package func updated(_ watchers: [(watcher: Name, uri: Name)]) {
    var dropped = 0
    for (watcher, uri) in watchers {
      var params = JSONWriter()
      params.beginObject()
      params.member("uri", uri.string)
      params.endObject()
      if let listener = listeners.stream(watcher) {
        if !listener.mailbox.push(listener.event(MCPMethod.resourceUpdated, params.bytes)) { dropped += 1 }
      } else {
        let message = RPCWriter.notification(method: MCPMethod.resourceUpdated, params: params.bytes)
        if !sessions.push(ServerSentEventWriter.event(data: message, event: "message"), to: watcher) { dropped += 1 }
      }
    }
    count(dropped)
  }

  private func count(_ dropped: Int) {
    if dropped > 0 { table.count { $0.droppedNotifications += dropped } }
  }
}
