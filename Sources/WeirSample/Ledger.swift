/// An invented bill: what 4 accounts spent on 6 services in 3 regions, day by day. The same seed gives the same amounts for ever, so that
/// answers can be compared; the days run up to today.
package struct Ledger: Sendable {
  /// One cell of the bill: a day's cost of a service in a region of an account, and the team that it is tagged with.
  package struct Row: Sendable {
    package let day: Int
    package let account: String
    package let service: String
    package let region: String
    package let team: String
    /// In millionths of a dollar.
    package let cost: Int64
    package let usage: Int64
  }

  package static let accounts = ["111111111111", "222222222222", "333333333333", "444444444444"]
  package static let services = [
    "Amazon Elastic Compute Cloud - Compute", "Amazon Relational Database Service", "Amazon Simple Storage Service", "AWS Lambda",
    "Amazon CloudFront", "AmazonCloudWatch",
  ]
  package static let regions = ["us-east-1", "eu-west-1", "ap-southeast-2"]
  package static let teams = ["platform", "data", "web", ""]

  private let seed: UInt64

  package init(seed: UInt64 = 2026) {
    self.seed = seed
  }

  /// The rows of one day, counted from 1970-01-01.
  package func rows(on day: Int) -> [Row] {
    var rows: [Row] = []
    for (a, account) in Self.accounts.enumerated() {
      for (s, service) in Self.services.enumerated() {
        for (r, region) in Self.regions.enumerated() {
          let noise = mixed(UInt64(truncatingIfNeeded: day) &* 1_000_003 ^ UInt64(a * 100 + s * 10 + r))
          // Some cells are empty, as in a real bill.
          if noise % 11 == 0 { continue }
          let base = Int64(a + 1) * 3_000_000 / Int64(s + 1) / Int64(r + 1)
          let cost = base + Int64(noise % UInt64(max(1, base / 2)))
          let team = Self.teams[Int(mixed(UInt64(a * 10 + s)) % 4)]
          rows.append(Row(day: day, account: account, service: service, region: region, team: team, cost: cost, usage: cost / 7))
        }
      }
    }
    return rows
  }

  private func mixed(_ value: UInt64) -> UInt64 {
    var state = value &+ seed &* 0x9E37_79B9_7F4A_7C15
    state = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    state = (state ^ (state >> 27)) &* 0x94D0_49BB_1331_11EB
    return state ^ (state >> 31)
  }
}
