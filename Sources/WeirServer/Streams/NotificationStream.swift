import WeirCore
import WeirMCP

/// The event stream that a legacy client opens with `GET` (MCP 2025-11-25, Streamable HTTP, listening for messages).
final class NotificationStream: Sendable {
  let session: Name
  let principal: Name
  let mailbox: StreamMailbox
  private let onClose: @Sendable (NotificationStream) -> Void

  init(session: Name, principal: Name, mailbox: StreamMailbox, onClose: @escaping @Sendable (NotificationStream) -> Void) {
    self.session = session
    self.principal = principal
    self.mailbox = mailbox
    self.onClose = onClose
  }

  /// No further event. The reader closes the stream.
  func end() { mailbox.finish() }

  /// The stream is over and gives its place back.
  func close() {
    mailbox.finish()
    onClose(self)
  }
}
