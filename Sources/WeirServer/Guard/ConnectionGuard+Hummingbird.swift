import NIOCore
import NIOHTTP1

/// What is answered here, and what needs Hummingbird.
extension ConnectionGuard {
  /// A client that opens an event stream.
  static func isStream(_ head: HTTPRequestHead) -> Bool {
    head.method == .GET && (head.uri.utf8.starts(with: "/mcp".utf8) || head.uri.utf8.starts(with: "/sse".utf8))
  }

  /// The way to Hummingbird, which is made for the first request that needs it: most connections have none. Nil where it cannot be made.
  func hummingbird(_ context: ChannelHandlerContext) -> ChannelHandlerContext? {
    if isServed { return context }
    do {
      try serve(context.channel)
      isServed = true
      return context
    } catch {
      return nil
    }
  }
}
