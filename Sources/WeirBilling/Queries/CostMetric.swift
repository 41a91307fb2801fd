/// What `GetCostAndUsage` sums up, by its name on the wire (API_GetCostAndUsage, `Metrics`).
enum CostMetric: String, CaseIterable, Sendable, Comparable {
  case amortizedCost = "AmortizedCost"
  case blendedCost = "BlendedCost"
  case netAmortizedCost = "NetAmortizedCost"
  case netUnblendedCost = "NetUnblendedCost"
  case normalizedUsageAmount = "NormalizedUsageAmount"
  case unblendedCost = "UnblendedCost"
  case usageQuantity = "UsageQuantity"

  /// Money, whose unit is the currency of the bill whatever is filtered; the unit of usage depends on what is summed up.
  var isMoney: Bool { self != .normalizedUsageAmount && self != .usageQuantity }

  /// Whether amounts of several rows make that of all of them: usage has units, and blended rates are those of the whole organization.
  var canBeAddedUp: Bool { isMoney && self != .blendedCost }

  /// By name; the names are ASCII.
  static func < (left: CostMetric, right: CostMetric) -> Bool { left.rawValue < right.rawValue }
}
