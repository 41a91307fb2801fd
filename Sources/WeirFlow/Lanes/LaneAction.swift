package import WeirCore

/// What the shell of a lane has to do.
package enum LaneAction: Sendable, Equatable {
  /// Let the request go; it holds a permit and tokens until it is released.
  case grant(WaiterID, waited: Duration)
  case refuse(WaiterID, CallError)
  /// Call `timer` at this moment, or earlier.
  case setTimer(Moment)
}
