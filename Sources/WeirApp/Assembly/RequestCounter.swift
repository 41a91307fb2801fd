internal import NIOConcurrencyHelpers
internal import WeirCore

/// Counts HTTP requests by route and status. It keeps the series that it has used: the routes are literals of the program.
final class RequestCounter: Sendable {
  private struct Key: Hashable {
    let route: UInt
    let status: Int
  }

  private let family: MetricFamily<Counter>
  private let series = NIOLockedValueBox<[Key: Counter]>([:])

  init(_ registry: MetricsRegistry) {
    family = registry.counter(
      "weir_http_requests_total", "HTTP requests by what they asked for and the status of the answer.", labels: ["route", "status"])
  }

  func count(_ route: StaticString, status: Int) {
    guard route.hasPointerRepresentation else { return family.with("\(route)", String(status)).add() }
    let key = Key(route: UInt(bitPattern: route.utf8Start), status: status)
    let known = series.withLockedValue { series in
      if let known = series[key] { return known }
      let new = family.with("\(route)", String(status))
      series[key] = new
      return new
    }
    known.add()
  }
}
