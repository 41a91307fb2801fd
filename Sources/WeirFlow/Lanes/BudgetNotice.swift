/// What the operator should know of a budget; each level is told once per period.
package struct BudgetNotice: Sendable, Equatable {
  package enum Level: Int, Sendable, Comparable {
    /// 80 % is settled.
    case warning
    /// All is settled, or a request was refused for which too little is left.
    case spent

    package static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
  }

  package let level: Level
  /// Whose it is, what is used of it, and when it renews.
  package let budget: BudgetStats
}
