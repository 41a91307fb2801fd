import WeirMCP

/// Tells clients what changed, on the event streams they have open.
package final class FrontNotifier: Sendable {
  private let sessions: Sessions
  private let table: ConnectionTable

  init(sessions: Sessions, table: ConnectionTable) {
    self.sessions = sessions
    self.table = table
  }

  /// The tools are others than before: `notifications/tools/list_changed` goes to every open stream. Clients without one ask again on their
  /// own time.
  package func toolsChanged() {
    let event = ServerSentEventWriter.event(data: RPCWriter.notification(method: MCPMethod.toolsListChanged, params: nil), event: "message")
    let dropped = sessions.openStreams.count { !$0.mailbox.push(event) }
    if dropped > 0 { table.count { $0.droppedNotifications += dropped } }
  }
}
