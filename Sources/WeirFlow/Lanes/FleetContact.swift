/// Whether a lane hears of its fleet.
package enum FleetContact: Sendable, Equatable {
  case heard
  /// Only what was claimed before may be used.
  case lost
  /// Budgets are those of this replica alone for the time being.
  case ignored
}
