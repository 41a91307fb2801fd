import Dispatch
import NIOConcurrencyHelpers

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A descriptor that is written in whole lines, one after the other, on a thread of its own: who reads it may be slow, or have stopped.
final class LineOutput: Sendable {
  /// What a pipe takes without blocking once it takes anything (POSIX, `PIPE_BUF` on Linux).
  private static let pieceBytes = 4096

  private let descriptor: CInt
  private let queue = DispatchQueue(label: "weir.stdio.output")
  private let isAbandoned = NIOLockedValueBox(false)

  init(descriptor: CInt) {
    self.descriptor = descriptor
  }

  /// Returns when the line is written; false where it could not be.
  func write(_ line: [UInt8]) async -> Bool {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: self.writeAll(line + [0x0A])) }
    }
  }

  /// Gives up what is not written: nobody waits for a reader that has stopped.
  func abandon() { isAbandoned.withLockedValue { $0 = true } }

  private func writeAll(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        guard isWritable() else { return false }
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceBytes))
        let count = writeSome(piece)
        if count < 0, errno == EINTR || errno == EAGAIN { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }

  private func isWritable() -> Bool {
    while !isAbandoned.withLockedValue({ $0 }) {
      var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      // A reader that is gone shows in the write.
      if poll(&ready, 1, 100) > 0 { return true }
    }
    return false
  }

  private func writeSome(_ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes.baseAddress, bytes.count)
    #else
      Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
  }
}
