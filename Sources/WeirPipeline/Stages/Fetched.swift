internal import WeirBilling
internal import WeirCache
internal import WeirCore
package import WeirMCP

extension ToolResult: CachePayload {
  package var byteCount: Int { bytes.count }
}

/// What a flight brings home: a tool result and where it came from.
package struct Fetched: Sendable {
  /// Where the flight found its answer.
  enum Source: Sendable, Equatable {
    case upstream, memory, redis
    /// The provider refused or failed, so the last answer is given again.
    case stale
  }

  let result: ToolResult
  let source: Source
  let age: Duration
  /// When the answer stops being fresh; nil where it is not kept.
  let freshUntil: WallTime?
  let cost: MicroUSD
  let requests: Int
}
