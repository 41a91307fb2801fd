internal import NIOConcurrencyHelpers

/// All metrics of the process, and their page in the Prometheus text format (version 0.0.4).
///
/// Counters and histograms are made once and kept by whoever counts; numbers that a component already holds (queue depth, bytes in memory)
/// are read when the page is asked for, by a collector.
package final class MetricsRegistry: Sendable {
  private enum Family: Sendable {
    case counter(MetricFamily<Counter>, scale: Double)
    case histogram(MetricFamily<DurationHistogram>)
  }

  private struct State {
    var families: [Family] = []
    var collectors: [@Sendable (inout MetricsPage) -> Void] = []
  }

  private let state = NIOLockedValueBox(State())
  private let maxSeries: Int

  /// - Parameter maxSeries: the bound on the series of one metric.
  package init(maxSeries: Int = 2000) {
    self.maxSeries = maxSeries
  }

  /// A counter; `name` ends in `_total`. `scale` turns its integer into the unit of the name, such as 1e-6 for millionths of a dollar.
  package func counter(_ name: String, _ help: String, labels: [String] = [], scale: Double = 1) -> MetricFamily<Counter> {
    let family = MetricFamily(name: name, help: help, labels: labels, maxSeries: maxSeries) { Counter() }
    state.withLockedValue { $0.families.append(.counter(family, scale: scale)) }
    return family
  }

  /// A histogram of durations; `name` ends in `_seconds`.
  package func histogram(_ name: String, _ help: String, labels: [String] = []) -> MetricFamily<DurationHistogram> {
    let family = MetricFamily(name: name, help: help, labels: labels, maxSeries: maxSeries) { DurationHistogram() }
    state.withLockedValue { $0.families.append(.histogram(family)) }
    return family
  }

  /// Adds a function that writes what it knows at the moment of the scrape.
  package func collect(_ collector: @escaping @Sendable (inout MetricsPage) -> Void) {
    state.withLockedValue { $0.collectors.append(collector) }
  }

  /// The page that `/metrics` answers with.
  package func page() -> [UInt8] {
    let (families, collectors) = state.withLockedValue { ($0.families, $0.collectors) }
    var page = MetricsPage()
    for family in families {
      switch family {
      case .counter(let family, let scale): Self.write(family, scale: scale, to: &page)
      case .histogram(let family): Self.write(family, to: &page)
      }
    }
    for collector in collectors { collector(&page) }
    return page.finish()
  }

  private static func write(_ family: MetricFamily<Counter>, scale: Double, to page: inout MetricsPage) {
    for (values, counter) in family.all {
      // Divided, so that a cent is 0.01 and not a neighbour of it: 1e-6 is no double, a million is.
      let number = scale == 1 ? Double(counter.current) : Double(counter.current) / (1 / scale)
      page.counter(family.name, family.help, Array(zip(family.labels, values)), number)
    }
  }

  private static func write(_ family: MetricFamily<DurationHistogram>, to page: inout MetricsPage) {
    for (values, histogram) in family.all {
      page.histogram(family.name, family.help, Array(zip(family.labels, values)), histogram)
    }
  }
}
