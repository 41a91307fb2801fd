package import WeirCore

/// Requests and money together. The numbers come from outside; 128 bits hold the sum of any that a process can count, so that what is
/// added can be taken off again exactly.
package struct BudgetAmount: Hashable, Sendable {
  package var requests: Int128
  /// In millionths of a US dollar.
  package var money: Int128

  package static let zero = BudgetAmount(requests: 0, price: .zero)

  /// Negative numbers count as zero.
  package init(requests: Int, price: MicroUSD) {
    self.requests = Int128(max(0, requests))
    self.money = Int128(max(0, price.amount))
  }

  package static func + (left: BudgetAmount, right: BudgetAmount) -> BudgetAmount {
    var sum = left
    sum.requests += right.requests
    sum.money += right.money
    return sum
  }

  /// Never less than zero.
  package static func - (left: BudgetAmount, right: BudgetAmount) -> BudgetAmount {
    var difference = left
    difference.requests = max(0, left.requests - right.requests)
    difference.money = max(0, left.money - right.money)
    return difference
  }

  /// The larger number of each.
  package static func larger(_ left: BudgetAmount, _ right: BudgetAmount) -> BudgetAmount {
    var amount = left
    amount.requests = max(left.requests, right.requests)
    amount.money = max(left.money, right.money)
    return amount
  }

  /// The smaller number of each.
  package static func smaller(_ left: BudgetAmount, _ right: BudgetAmount) -> BudgetAmount {
    var amount = left
    amount.requests = min(left.requests, right.requests)
    amount.money = min(left.money, right.money)
    return amount
  }
}
