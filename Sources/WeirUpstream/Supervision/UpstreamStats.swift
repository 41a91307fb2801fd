package import WeirCore

/// What an upstream has done since the start of Weir: the numbers behind its metrics.
package struct UpstreamStats: Sendable, Equatable {
  package var state: UpstreamState = .connecting
  /// Processes with an open session; for HTTP 1 where there is a session.
  package var sessionsReady = 0
  /// Processes started beyond the first of each slot; for HTTP sessions opened beyond the first.
  package var restarts = 0
  package var inFlight = 0
  /// Requests of callers, each repetition counted.
  package var requests = 0
  /// Requests that ended without a result, for whatever reason.
  package var failures = 0
  /// Responses to no request in flight: late, doubled, or never asked for.
  package var unknownResponses = 0
  /// Messages that are not JSON-RPC.
  package var invalidMessages = 0
  /// Cancellations and answers to a server's own requests that were not sent, because too many were on their way.
  package var droppedMessages = 0
  /// Lines of standard error that were too many for the log.
  package var droppedLogLines = 0
  /// Tools in the catalog.
  package var tools = 0

  package init() {}
}
