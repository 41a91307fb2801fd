/// Numbers of the front at one moment, for metrics and tests.
package struct FrontStats: Sendable, Equatable {
  /// Connections open now.
  package var connections = 0
  /// Event streams open now: of `GET`, and answers of calls with progress.
  package var streams = 0
  /// Legacy sessions known now.
  package var sessions = 0
  /// Legacy sessions of other replicas known now.
  package var adoptedSessions = 0
  /// Requests whose answer was begun.
  package var requests = 0
  /// Progress reports and notifications that a full stream had no room for.
  package var droppedNotifications = 0
  /// Request body bytes held now.
  package var bufferedBodyBytes = 0
  /// Answer bytes that wait on connections whose output is backed up.
  package var bufferedAnswerBytes = 0
  /// What was refused, by reason. The reasons are a closed list.
  package var refused: [Refusal.Reason: Int] = [:]

  package init() {}
}
