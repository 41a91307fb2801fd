internal import NIOConcurrencyHelpers

/// A metric with its label names and one series for each combination of label values. The number of series is bounded: what comes after
/// the bound is counted under the label value `other`, so that no input can grow the page without end.
package final class MetricFamily<Series: Sendable>: Sendable {
  package let name: String
  package let help: String
  package let labels: [String]
  private let make: @Sendable () -> Series
  private let maxSeries: Int
  private let series = NIOLockedValueBox<[[Name]: Series]>([:])

  init(name: String, help: String, labels: [String], maxSeries: Int, make: @escaping @Sendable () -> Series) {
    self.name = name
    self.help = help
    self.labels = labels
    self.maxSeries = maxSeries
    self.make = make
  }

  /// The series of these label values, one for each label name, in their order. Keep it where it is used often.
  package func with(_ values: [String]) -> Series {
    let key = values.map { Name($0) }
    return series.withLockedValue { series in
      if let found = series[key] { return found }
      let bounded = series.count < maxSeries ? key : labels.map { _ in Name("other") }
      if let found = series[bounded] { return found }
      let new = make()
      series[bounded] = new
      return new
    }
  }

  package func with(_ values: String...) -> Series { with(values) }

  /// Every series with its label values, sorted by them.
  package var all: [(values: [String], series: Series)] {
    series.withLockedValue { $0 }
      .map { (values: $0.key.map(\.string), series: $0.value) }
      .sorted { $0.values.lexicographicallyPrecedes($1.values) { Name($0) < Name($1) } }
  }
}
