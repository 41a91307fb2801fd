package import WeirCore

/// What a caller of a flight gets.
package struct FlightResult<Value: Sendable>: Sendable {
  package enum Role: Sendable, Equatable {
    /// This caller's request was the one that was fetched (or would have been, had it not been refused).
    case led
    /// An identical call was under way already.
    case joined
  }

  package let result: Result<Value, CallError>
  package let role: Role

  package init(result: Result<Value, CallError>, role: Role) {
    self.result = result
    self.role = role
  }
}
