import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A descriptor read in lines, by a thread of its own: a blocking read must not hold one of the few threads that tasks run on. The thread ends with
/// the input, or with the process.
struct LineInput: Sendable {
  let descriptor: CInt
  let maxLineBytes: Int

  func lines() -> AsyncStream<LineFeed.Line> {
    AsyncStream { continuation in
      let reader = Thread {
        var feed = LineFeed(limit: maxLineBytes)
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while let count = read(into: &buffer) {
          for line in feed.feed(buffer[..<count]) { continuation.yield(line) }
        }
        if let line = feed.finish() { continuation.yield(line) }
        continuation.finish()
      }
      reader.start()
    }
  }

  /// Nil at the end.
  private func read(into buffer: inout [UInt8]) -> Int? {
    while true {
      let (count, error) = buffer.withUnsafeMutableBytes { Self.readOnce(descriptor, $0) }
      if count > 0 { return count }
      guard count < 0, error == EINTR || error == EAGAIN else { return nil }
      if error == EINTR { continue }
      // Whoever shares the descriptor has made it non-blocking.
      var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&ready, 1, -1)
    }
  }

  /// The count, and the error, read before anything else can change it.
  private static func readOnce(_ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> (count: Int, error: CInt) {
    #if canImport(Glibc)
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
    #elseif canImport(Musl)
      let count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
    #else
      let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
    #endif
    return (count, errno)
  }
}
