/// What a client has done so far, for metrics and tests.
package struct HTTPClientStatistics: Sendable, Equatable {
  /// Transfers handed to libcurl.
  package var transfersStarted = 0
  /// Transfers that ended, well or not. What is missing to `transfersStarted` is in flight.
  package var transfersEnded = 0
  /// Connections opened by transfers that ended; the rest of them reused one.
  package var connectionsOpened = 0
  /// How often a transfer was paused for its consumer.
  package var pauses = 0
  /// The most bytes of body that any one transfer has held for its consumer.
  package var peakBufferedBytes = 0

  package init() {}
}
