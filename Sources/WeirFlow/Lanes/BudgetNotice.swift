internal import WeirCore

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

  /// One line for the log, such as "80 % of the provider's budget of 200 requests a day is used: 161; it renews at 2026-11-24 00:00 UTC".
  package var message: String {
    let owner = if case .tenant(let tenant) = budget.owner { "the budget of tenant \(tenant)" } else { "the provider's budget" }
    var amounts: [String] = []
    var used: [String] = []
    if let requests = budget.limit.requests {
      amounts.append("\(requests) requests")
      used.append("\(budget.requests)")
    }
    if let money = budget.limit.money {
      amounts.append("\(money.dollars) USD")
      used.append("\(budget.money.dollars) USD")
    }
    let whole = "\(owner) of \(amounts.joined(separator: " and ")) a \(budget.limit.period.rawValue)"
    let renewal = "it renews at \(CivilDate(budget.renewsAt).text) 00:00 UTC"
    switch level {
    case .warning: return "80 % of \(whole) is used: \(used.joined(separator: ", ")); \(renewal)"
    case .spent: return "\(whole) is spent: \(used.joined(separator: ", ")); calls are \(consequence); \(renewal)"
    }
  }

  private var consequence: String {
    switch budget.limit.atLimit {
    case .serveStale: "answered with what is kept, or refused"
    case .stop: "refused"
    }
  }
}
