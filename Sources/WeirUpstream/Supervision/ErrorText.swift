package import WeirCore
package import WeirMCP

/// What others say, made fit for Weir's own messages and logs, and the one place where their errors become `CallError`.
package enum ErrorText {
  /// At most `limit` characters in one line: control, format and line-breaking characters become spaces, and what looks like a secret `***`.
  /// What an upstream says is cleaned by its `Redactor` before, which knows the secrets that it was given.
  package static func clean(_ text: String, limit: Int = 500) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(limit * 4) {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: scalars.append(" ")
      default: scalars.append(scalar)
      }
    }
    let line = Redactor.patterns.redact(String(scalars))
    return line.count > limit ? line.prefix(limit) + "…" : line
  }

  /// A JSON-RPC error of an upstream.
  package static func callError(_ error: RPCErrorObject, from upstream: Name) -> CallError {
    CallError(
      .upstreamError, "upstream \(upstream) answered with error \(error.code): \(clean(error.message))", upstreamCode: error.code,
      upstreamData: error.data, upstreamMessage: clean(error.message))
  }

  /// The upstream cannot be reached; `wait` is when it is tried again.
  package static func down(_ upstream: Name, _ reason: String, wait: Duration?) -> CallError {
    CallError(.upstreamDown, "upstream \(upstream) cannot be called now: \(reason)", retryAfter: wait)
  }

  /// The connection ended between the request and its answer.
  package static func lost(_ upstream: Name, _ reason: String, wait: Duration?) -> CallError {
    CallError(
      .upstreamDown, "upstream \(upstream) went away before it answered (\(reason)); the call may have been carried out", retryAfter: wait)
  }

  package static func timedOut(_ upstream: Name) -> CallError {
    CallError(.timedOut, "upstream \(upstream) did not answer in time; the call was cancelled and may have been carried out")
  }

  package static func cancelled(_ upstream: Name) -> CallError {
    CallError(.cancelled, "the call to upstream \(upstream) was cancelled")
  }

  package static func invalid(_ upstream: Name, _ reason: String) -> CallError {
    CallError(.upstreamInvalid, "upstream \(upstream) gave no valid answer: \(reason)")
  }
}
