import Testing
import WeirCore

@Suite("The page of metrics")
struct MetricsTests {
  func page(_ registry: MetricsRegistry) -> String { String(decoding: registry.page(), as: UTF8.self) }

  @Test("counters have one header, a line for each series, and their unit")
  func counters() {
    let registry = MetricsRegistry()
    let calls = registry.counter("weir_calls_total", "Calls.", labels: ["tenant", "outcome"])
    calls.with("b", "miss").add()
    calls.with("a", "hit").add(2)
    registry.counter("weir_cost_usd_total", "Money.", scale: 1e-6).with().add(1_500_000)
    #expect(
      page(registry) == """
        # HELP weir_calls_total Calls.
        # TYPE weir_calls_total counter
        weir_calls_total{tenant="a",outcome="hit"} 2
        weir_calls_total{tenant="b",outcome="miss"} 1
        # HELP weir_cost_usd_total Money.
        # TYPE weir_cost_usd_total counter
        weir_cost_usd_total 1.5

        """)
  }

  @Test("histograms count cumulatively, up to the bucket without bound")
  func histograms() {
    let registry = MetricsRegistry()
    let histogram = registry.histogram("weir_seconds", "Time.").with()
    histogram.observe(.microseconds(5))
    histogram.observe(.milliseconds(1))
    histogram.observe(.seconds(1000))
    let text = page(registry)
    #expect(text.contains("weir_seconds_bucket{le=\"1e-05\"} 1\n"))
    #expect(text.contains("weir_seconds_bucket{le=\"0.001\"} 2\n"))
    #expect(text.contains("weir_seconds_bucket{le=\"120\"} 2\n"))
    #expect(text.contains("weir_seconds_bucket{le=\"+Inf\"} 3\n"))
    #expect(text.contains("weir_seconds_count 3\n"))
  }

  @Test("label values can't break out of their quotes")
  func escaping() {
    let registry = MetricsRegistry()
    registry.counter("weir_total", "x", labels: ["name"]).with("a\"b\\c\nd").add()
    #expect(page(registry).contains(#"weir_total{name="a\"b\\c\nd"} 1"#))
  }

  @Test("no input grows the page without end: what comes after the bound is counted as other")
  func bounded() {
    let registry = MetricsRegistry(maxSeries: 10)
    let family = registry.counter("weir_total", "x", labels: ["name"])
    for number in 0..<1000 { family.with("n\(number)").add() }
    let lines = page(registry).split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.count == 11)
    #expect(page(registry).contains("weir_total{name=\"other\"} 990"))
  }

  @Test("nothing is lost when many count at once")
  func concurrent() async {
    let counter = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<10_000 { counter.add() } } }
    }
    #expect(counter.current == 80_000)
  }
}
