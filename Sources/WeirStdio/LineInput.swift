import Dispatch
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A descriptor read in lines, by a thread of its own: a blocking read must not hold one of the few threads that tasks run on. The thread ends with
/// the input, or with the process. It reads a piece only when the one before is dealt with: what is not read stays with who writes.
struct LineInput: Sendable {
  static let pieceBytes = 64 * 1024

  let descriptor: CInt
  let maxLineBytes: Int
  private let demand = DispatchSemaphore(value: 0)

  init(descriptor: CInt, maxLineBytes: Int) {
    self.descriptor = descriptor
    self.maxLineBytes = maxLineBytes
  }

  /// The lines that each piece completes. `readOn` has to be called after each.
  func pieces() -> AsyncStream<[LineFeed.Line]> {
    AsyncStream { continuation in
      // A thread that waits for a reader that is gone would wait for ever.
      continuation.onTermination = { _ in demand.signal() }
      let reader = Thread {
        var feed = LineFeed(limit: maxLineBytes)
        var buffer = [UInt8](repeating: 0, count: Self.pieceBytes)
        while let count = read(into: &buffer) {
          if case .terminated = continuation.yield(feed.feed(buffer[..<count])) { return }
          demand.wait()
        }
        if let line = feed.finish() { continuation.yield([line]) }
        continuation.finish()
      }
      reader.start()
    }
  }

  func readOn() { demand.signal() }

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
