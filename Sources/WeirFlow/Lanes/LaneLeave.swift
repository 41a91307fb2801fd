/// How a request leaves its lane.
package enum LaneLeave: ~Copyable, Sendable {
  /// By itself, perhaps with others: `LanePermit.company`.
  case permit(LanePermit)
  /// Another request takes it along, and its holder of the permit answers for it, also when nothing is sent after all. It holds no permit.
  case carried
}
