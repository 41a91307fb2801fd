import WeirCore
import WeirJSON

/// Follows the cursors of a list to its end, and to an end (MCP 2026-07-28, pagination). Pure.
struct PageTurner: Sendable {
  /// What a page asks for next.
  enum Step: Sendable, Equatable {
    /// Params of the next request.
    case request(params: [UInt8])
    case finished
  }

  /// The params of the first request.
  static let firstParams = Array("{}".utf8)

  private let upstream: Name
  private let method: String
  private let maxPages: Int
  private var pages = 0
  private var cursors: Set<[UInt8]> = []
  /// The shortest `ttlMs` of all pages, where every page has one.
  private(set) var ttl: Duration?

  init(upstream: Name, method: String, maxPages: Int) {
    self.upstream = upstream
    self.method = method
    self.maxPages = maxPages
  }

  /// Takes a page's result, whose elements have been taken already.
  mutating func turn(_ page: JSONValue) throws(CallError) -> Step {
    pages += 1
    noteLifetime(page["ttlMs"]?.int)
    guard let cursor = page["nextCursor"], !cursor.isNull else { return .finished }
    guard let text = cursor.stringBytes else { throw ErrorText.invalid(upstream, "the nextCursor of \(method) is no string") }
    guard pages < maxPages else { throw ErrorText.invalid(upstream, "\(method) has more than \(maxPages) pages") }
    guard cursors.insert(text).inserted else { throw ErrorText.invalid(upstream, "\(method) names the same nextCursor twice") }
    var writer = JSONWriter()
    writer.beginObject()
    writer.memberRaw("cursor", cursor.rawBytes)
    writer.endObject()
    return .request(params: writer.bytes)
  }

  private mutating func noteLifetime(_ milliseconds: Int?) {
    let lifetime = milliseconds.flatMap { $0 > 0 ? Duration.milliseconds($0) : nil }
    ttl = pages == 1 ? lifetime : ttl.flatMap { known in lifetime.map { min(known, $0) } }
  }
}
