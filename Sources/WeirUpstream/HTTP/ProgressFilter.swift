import WeirCore
import WeirJSON

/// Passes on the progress reports of one request: those with its token whose number has risen (MCP, progress).
struct ProgressFilter {
  private let id: Int
  private let sink: (@Sendable (CallProgress) -> Void)?
  private var last = -Double.infinity

  init(id: Int, sink: (@Sendable (CallProgress) -> Void)?) {
    self.id = id
    self.sink = sink
  }

  mutating func feed(_ params: JSONValue) {
    guard let sink, params["progressToken"]?.int == id, let progress = params["progress"]?.double, progress > last else { return }
    last = progress
    sink(CallProgress(params: params.removing(["progressToken"])))
  }
}
