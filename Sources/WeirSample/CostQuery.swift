internal import WeirCore
internal import WeirJSON

/// A `getCostAndUsage` call, read from the tool's arguments: each of `metrics`, `group_by` and `filter` as a value or as a JSON text.
struct CostQuery {
  struct Invalid: Error {
    let message: String
  }

  var start: Int
  var end: Int
  var monthly: Bool
  var metrics: [String]
  var groups: [(key: LedgerKey, type: String, name: String)]
  var filter: LedgerFilter

  init(_ arguments: JSONValue?, today: Int) throws(Invalid) {
    start = try Self.day(arguments?["start_date"]) ?? today - 30
    end = try Self.day(arguments?["end_date"]) ?? today
    guard start < end else { throw Invalid(message: "start_date must be before end_date, which is exclusive") }
    guard end - start <= 400 else { throw Invalid(message: "the ledger answers for at most 400 days at once") }
    let granularity = arguments?["granularity"]?.string ?? "DAILY"
    guard ["DAILY", "MONTHLY"].contains(granularity) else { throw Invalid(message: "granularity is DAILY or MONTHLY") }
    monthly = granularity == "MONTHLY"
    let named = try Self.parsed(arguments?["metrics"])?.root.elements.compactMap(\.string) ?? []
    metrics = named.isEmpty ? ["UnblendedCost"] : named.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    for metric in metrics where !["UnblendedCost", "AmortizedCost", "UsageQuantity"].contains(metric) {
      throw Invalid(message: "the ledger knows the metrics UnblendedCost, AmortizedCost and UsageQuantity")
    }
    groups = []
    for group in try Self.parsed(arguments?["group_by"])?.root.elements.map({ $0 }) ?? [] {
      guard let type = group["Type"]?.string, let name = group["Key"]?.string, let key = LedgerKey(type: type, name: name) else {
        throw Invalid(message: "group_by takes LINKED_ACCOUNT, SERVICE, REGION (DIMENSION) and team (TAG)")
      }
      groups.append((key, type, name))
    }
    guard groups.count <= 2 else { throw Invalid(message: "group_by takes at most two keys") }
    do {
      filter = try LedgerFilter(try Self.parsed(arguments?["filter"])?.root)
    } catch let error as LedgerFilter.Invalid {
      throw Invalid(message: error.message)
    } catch let error as Invalid {
      throw error
    } catch {
      throw Invalid(message: "the filter can't be read")
    }
  }

  private static func parsed(_ value: JSONValue?) throws(Invalid) -> JSONDocument? {
    guard let value, !value.isNull else { return nil }
    guard let document = try? JSONDocument(parsing: value.stringBytes ?? value.raw) else { throw Invalid(message: "an argument is no JSON") }
    return document
  }

  private static func day(_ value: JSONValue?) throws(Invalid) -> Int? {
    guard let value, !value.isNull else { return nil }
    guard let day = value.stringBytes.flatMap({ CivilDate($0) })?.days else { throw Invalid(message: "dates are written YYYY-MM-DD") }
    return day
  }
}
