import WeirCore
import WeirJSON

/// What the team's bills hold, as the emulator says.
struct Company: Sendable {
  var accounts: [String] = []
  var services: [String] = []
  var regions: [String] = []
  var teams: [String] = []

  init(_ knowledge: Knowledge, on day: CivilDate) throws(TraceError) {
    let period = #""TimePeriod":{"Start":"\#((day - 60).text)","End":"\#(day.text)"}"#
    func values(_ operation: String, _ rest: String, _ member: String) throws(TraceError) -> [String] {
      let reply = try knowledge.ask("AWSInsightsIndexService.\(operation)", Array("{\(period),\(rest)}".utf8), on: day).get()
      guard case .answer(let bytes) = reply, let list = (try? JSONDocument(parsing: bytes))?.root[member] else {
        throw TraceError("The emulator does not answer \(operation).")
      }
      return list.elements.compactMap { $0["Value"]?.string ?? $0.string }.filter { !$0.isEmpty }
    }
    accounts = try values("GetDimensionValues", #""Dimension":"LINKED_ACCOUNT""#, "DimensionValues")
    services = try values("GetDimensionValues", #""Dimension":"SERVICE""#, "DimensionValues")
    regions = try values("GetDimensionValues", #""Dimension":"REGION""#, "DimensionValues")
    teams = try values("GetTags", #""TagKey":"team""#, "Tags")
  }

  /// The regions that have a place; fees have none.
  var places: [String] { regions.filter { $0 != "NoRegion" } }

  /// Business units, each with its accounts: the accounts in order, in six equal parts.
  var units: [[String]] {
    let size = max(1, accounts.count / 6)
    return (0..<6).map { unit in Array(accounts.dropFirst(unit * size).prefix(size)) }
  }
}
