internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirJSON

/// What the answers of one upstream have taught of its bill. Shared by all its callers: it holds counts, which decide what is asked together, and
/// names of groups and the currency, of which nobody is told more than the name that he asks for and the unit of a zero.
final class CostBook: Sendable {
  private let state = NIOLockedValueBox(CostSizes())

  var sizes: CostSizes { state.withLockedValue { $0 } }

  /// - Parameters:
  ///   - arguments: those of the call, as it was sent.
  ///   - data: the `data` of its answer.
  func learn(_ arguments: JSONValue, _ data: JSONValue) {
    guard let query = CostQuery(arguments), let results = data["ResultsByTime"], results.kind == .array else { return }
    var found = Array(repeating: [Name: Int](), count: query.groups.count)
    var rows: [Int] = []
    var currencies: Set<Name> = []
    func take(_ metrics: JSONValue?) {
      for metric in metrics?.members.map({ $0 }) ?? [] where metric.name.string.flatMap(CostMetric.init(rawValue:))?.isMoney == true {
        if let unit = metric.value["Unit"]?.string { currencies.insert(Name(unit)) }
      }
    }
    for bucket in results.elements {
      guard let groups = bucket["Groups"] else { return }
      rows.append(groups.count)
      take(bucket["Total"])
      for group in groups.elements {
        take(group["Metrics"])
        for (position, key) in (group["Keys"]?.elements.map { $0 } ?? []).enumerated() where position < found.count {
          if let name = key.string { found[position][Name(name), default: 0] += 1 }
        }
      }
    }
    let isPaged = data["NextPageToken"].map { !$0.isNull } ?? false
    state.withLockedValue { sizes in
      sizes.learn(query, rowsOfBuckets: rows, isPaged: isPaged, found: found)
      for currency in currencies { sizes.learn(currency: currency) }
    }
  }

  /// Somebody asks this.
  func note(_ query: CostQuery) { state.withLockedValue { $0.note(query) } }

  /// A wider query was of no use: it is not asked again in the place of others on that day.
  func refuse(_ shape: [UInt8], on day: CivilDate) { state.withLockedValue { $0.refuse(shape, on: day) } }
}
