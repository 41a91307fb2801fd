internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirJSON

/// What has been asked of one price list, and how many products a combination of a region and values of filters has: that decides what is asked
/// together. Bounded, and shared by all callers of the upstream.
final class PriceBook: Sendable {
  private struct State {
    /// The most that one combination had, by what else was asked.
    var products: [[UInt8]: Double] = [:]
    /// What has been asked for, the latest last.
    var asked: [[UInt8]: [[UInt8]]] = [:]
    var refused: [[UInt8]: CivilDate] = [:]
  }

  /// Products of a page of `get_pricing`.
  private static let page = 100.0
  private static let mostGroups = 256
  private static let mostAsked = 100

  private let state = NIOLockedValueBox(State())

  /// Whether the products of so many combinations will hardly be more than a page.
  /// - Parameter isGrid: there are combinations that nobody asks for, which are worth asking for only where it is known how much they are.
  func fitsPage(_ group: [UInt8], cells: Int, isGrid: Bool) -> Bool {
    guard let products = state.withLockedValue({ $0.products[group] }) else { return !isGrid }
    return products * Double(cells) <= Self.page * 0.9
  }

  func note(_ query: AWSPricingQuery, _ group: [UInt8]) {
    state.withLockedValue { state in
      if state.asked[group] == nil, state.asked.count >= Self.mostGroups { state.asked.removeAll() }
      var asked = state.asked[group] ?? []
      state.asked[group] = nil
      asked.removeAll { $0 == query.canonical }
      if asked.count >= Self.mostAsked { asked.removeFirst() }
      asked.append(query.canonical)
      state.asked[group] = asked
    }
  }

  /// What else has been asked of the group, the latest first.
  func others(like query: AWSPricingQuery, _ group: [UInt8], on day: CivilDate) -> [[UInt8]] {
    state.withLockedValue { state in
      state.refused[group] == day ? [] : (state.asked[group] ?? []).reversed().filter { $0 != query.canonical }
    }
  }

  func refuse(_ group: [UInt8], on day: CivilDate) {
    state.withLockedValue { state in
      if state.refused.count >= Self.mostGroups { state.refused.removeAll() }
      state.refused[group] = day
    }
  }

  /// - Parameters:
  ///   - arguments: those of the call, as it was sent.
  ///   - body: its answer.
  func learn(_ arguments: JSONValue, _ body: JSONValue) {
    guard let query = AWSPricingQuery(arguments), let count = body["data"]?.count, body["data"]?.kind == .array else { return }
    let isPaged = body["next_token"].map { !$0.isNull } ?? false
    let rate = (isPaged ? Self.page * 1.2 : Double(count)) / Double(max(1, query.combinations))
    let group = PricingMerge.group(query, isMerged: true)
    state.withLockedValue { state in
      if state.products[group] == nil, state.products.count >= Self.mostGroups { state.products.removeAll() }
      // Too small an estimate costs requests: up at once, down slowly.
      state.products[group] = max(rate, (state.products[group] ?? 0) * 0.98)
    }
  }
}
