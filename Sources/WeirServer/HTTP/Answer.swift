/// What the synchronous part of the front makes of a request.
enum Answer: Sendable {
  case reply(Reply)
  /// A tool call that has to be waited for.
  case waiting(WaitingCall)
  /// An event stream for notifications (`GET`).
  case stream(NotificationStream)
}
