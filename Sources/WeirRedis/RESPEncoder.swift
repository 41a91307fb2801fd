internal import CHiredis
package import NIOCore

/// Writes commands as RESP arrays of bulk strings, by `redisFormatCommandArgv`.
package enum RESPEncoder {
  /// The wire form of these commands, one after the other. Arguments are bytes: nothing is escaped, nothing is a format.
  /// - Throws: `invalidCommand` where one is empty or all are longer than `maxBytes` (hiredis 0.14 counts in 32 bits).
  package static func encode(_ commands: [[[UInt8]]], maxBytes: Int = 64 << 20) throws(RedisError) -> ByteBuffer {
    guard !commands.isEmpty else { throw RedisError(.invalidCommand, "no command") }
    var buffer = ByteBuffer()
    for command in commands { try append(command, to: &buffer, maxBytes: maxBytes) }
    return buffer
  }

  private static func append(_ arguments: [[UInt8]], to buffer: inout ByteBuffer, maxBytes: Int) throws(RedisError) {
    guard !arguments.isEmpty else { throw RedisError(.invalidCommand, "a command without a name") }
    let lengths = arguments.map(\.count)
    // 32 bytes are more than any argument's header takes.
    let total = lengths.reduce(buffer.readableBytes + 32) { $0 + $1 + 32 }
    guard total <= min(maxBytes, Int(Int32.max)), let count = Int32(exactly: arguments.count) else {
      throw RedisError(.invalidCommand, "a request of \(total) bytes; at most \(maxBytes) are sent")
    }
    let written = withPointers(to: arguments) { pointers in
      var formatted: UnsafeMutablePointer<CChar>?
      let length = Int(redisFormatCommandArgv(&formatted, count, pointers, lengths))
      guard length >= 0, let formatted else { return false }
      defer { redisFreeCommand(formatted) }
      buffer.writeBytes(UnsafeRawBufferPointer(start: formatted, count: length))
      return true
    }
    guard written else { throw RedisError(.invalidCommand, "no memory to write a request of \(total) bytes") }
  }

  /// All arguments at addresses that stay put for the duration of `body`: they are laid end to end, since Swift arrays lend one address at a time.
  private static func withPointers<Result>(
    to arguments: [[UInt8]], _ body: (UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> Result
  ) -> Result {
    let bytes = arguments.count == 1 ? arguments[0] : Array(arguments.joined())
    return bytes.withUnsafeBufferPointer { bytes in
      // An empty array may lend no address, and hiredis copies from it all the same.
      let empty: StaticString = ""
      let start = UnsafeRawPointer(bytes.baseAddress ?? empty.utf8Start).assumingMemoryBound(to: CChar.self)
      var offset = 0
      var pointers: [UnsafePointer<CChar>?] = arguments.map { argument in
        defer { offset += argument.count }
        return start + offset
      }
      return pointers.withUnsafeMutableBufferPointer { body($0.baseAddress) }
    }
  }
}
