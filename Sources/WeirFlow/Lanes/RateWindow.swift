/// What one window of a limiter allows now.
package struct RateWindow: Sendable, Equatable {
  package let limit: RateLimit
  package let available: Int

  package init(limit: RateLimit, available: Int) {
    self.limit = limit
    self.available = available
  }
}
