internal import WeirCore

/// The sentences that flights and lanes answer with. Where `retryAfter` is set, whoever shows the error adds the time.
extension CallError {
  static let callerLeft = CallError(.cancelled, "The caller went away before the answer came.")
  static let waiterTimedOut = CallError(
    .timedOut, "The upstream did not answer before the call's deadline; the request may still be under way, so try again in a few seconds.")
  static let flightTimedOut = CallError(.timedOut, "The upstream did not answer within the time limit of a request; try again later.")
  static let fetchCancelled = CallError(.internalFault, "The request was cancelled although callers waited for it; try again.")
  static let shuttingDown = CallError(.overloaded, "Weir is shutting down", retryAfter: .seconds(5))
  static let notRunning = CallError(.overloaded, "Weir is starting or shutting down", retryAfter: .seconds(5))
}
