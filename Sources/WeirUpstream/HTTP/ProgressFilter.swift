import WeirCore
import WeirJSON

/// Passes on the progress reports of one request: those with its token whose number has risen (MCP, progress), as many as `ProgressPace` admits.
struct ProgressFilter {
  private let id: Int
  private let sink: (@Sendable (CallProgress) -> Void)?
  private var last = -Double.infinity
  private var pace = ProgressPace()

  init(id: Int, sink: (@Sendable (CallProgress) -> Void)?) {
    self.id = id
    self.sink = sink
  }

  mutating func feed(_ params: JSONValue, now: Moment) { admit(params, now: now)?() }

  /// How a report is passed on; nil where it is not.
  mutating func admit(_ params: JSONValue, now: Moment) -> (@Sendable () -> Void)? {
    guard let sink, params["progressToken"]?.int == id, let progress = params["progress"]?.double, progress > last,
      pace.admits(now: now)
    else { return nil }
    last = progress
    let report = CallProgress(params: params.removing(["progressToken"]))
    return { sink(report) }
  }
}
