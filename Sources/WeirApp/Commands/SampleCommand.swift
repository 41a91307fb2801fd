internal import Foundation
internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirSample

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#else
  internal import Darwin
#endif

/// What `weir sample` does: the sample server over standard input and output, one message a line.
package enum SampleCommand {
  /// Returns at the end of standard input.
  package static func run(latency: Duration) async {
    let server = SampleServer(latency: latency)
    let output = NIOLock()
    await withDiscardingTaskGroup { group in
      for await line in lines() {
        // A child for each line, so that a slow answer holds up no other; the group awaits all at the end of the input.
        group.addTask {
          guard let answer = await server.answer(to: line) else { return }
          output.withLock { writeAll(answer + [UInt8(ascii: "\n")]) }
        }
      }
    }
  }

  /// Standard input in lines, read by a thread of its own: a blocking read must not hold one of the few threads that tasks run on.
  private static func lines() -> AsyncStream<[UInt8]> {
    AsyncStream { continuation in
      let reader = Thread {
        while let line = readLine(strippingNewline: true) {
          if !line.isEmpty { continuation.yield(Array(line.utf8)) }
        }
        continuation.finish()
      }
      reader.start()
    }
  }

  private static func writeAll(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        let count = write(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }
}
