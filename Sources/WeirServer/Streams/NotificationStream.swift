import NIOConcurrencyHelpers
import WeirCore
import WeirMCP

/// The event stream that a legacy client opens with `GET` (MCP 2025-11-25, Streamable HTTP, listening for messages), or a modern one with
/// `subscriptions/listen`.
final class NotificationStream: Sendable {
  /// The session, or what a stream without one is called.
  let session: Name
  let principal: Name
  /// Whether changes of this upstream's lists are its client's business.
  let isConcerned: @Sendable (_ upstream: Name) -> Bool
  let mailbox: StreamMailbox
  /// Whether it is ended after `maxStreamAge`: its client opens another then.
  let mayEnd: Bool
  /// Written before anything else.
  let opening: [UInt8]
  /// The stream of a call that this one reads, in the place of the session's own.
  private let resumed = NIOLockedValueBox<ResumableStream?>(nil)
  /// Written last, where the stream ends from this side.
  private let closing: ReplyBody?
  private let onClose: @Sendable (NotificationStream) -> Void

  init(
    session: Name, principal: Name, mailbox: StreamMailbox, opening: [UInt8] = ServerSentEventWriter.comment("open"), closing: ReplyBody? = nil,
    mayEnd: Bool = true, isConcerned: @escaping @Sendable (_ upstream: Name) -> Bool,
    onClose: @escaping @Sendable (NotificationStream) -> Void
  ) {
    self.session = session
    self.principal = principal
    self.isConcerned = isConcerned
    self.mailbox = mailbox
    self.mayEnd = mayEnd
    self.opening = opening
    self.closing = closing
    self.onClose = onClose
  }

  /// From now on this reads the stream of a call.
  func read(_ stream: ResumableStream) { resumed.withLockedValue { $0 = stream } }

  /// The stream of a call that was read and is not any more.
  func takeResumed() -> ResumableStream? {
    resumed.withLockedValue { stream in
      defer { stream = nil }
      return stream
    }
  }

  /// No further event. The reader closes the stream.
  func end() { mailbox.finish(closing) }

  /// The stream is over and gives its place back.
  func close() {
    mailbox.finish()
    onClose(self)
  }
}
