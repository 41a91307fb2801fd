internal import CHiredis

/// Reads RESP2 by a `redisReader`, which it owns and frees. Belongs to one event loop. After an error it stays failed: RESP has no way back
/// into step, so the connection has to be closed.
package struct RESPDecoder: ~Copyable {
  /// hiredis moves its buffer up after every kilobyte it consumed, so large feeds cost quadratically; it also bounds how deep a reply can
  /// become before its depth is looked at.
  private static let sliceBytes = 16 << 10

  private let reader: UnsafeMutablePointer<redisReader>?
  private let limits: RESPLimits
  /// Bytes fed since the last complete reply ended.
  private var unfinishedBytes = 0
  private var failure: RedisError?

  package init(limits: RESPLimits = RESPLimits()) {
    self.limits = limits
    reader = redisReaderCreate()
    if let reader {
      weir_redis_reader_limit(reader, Int64(limits.maxElements))
    } else {
      failure = RedisError(.protocolError, "no memory for a reply reader")
    }
  }

  deinit {
    if let reader { redisReaderFree(reader) }
  }

  /// Takes bytes as they come from the socket, split anywhere, and appends every reply that they complete, also those before an error.
  /// - Throws: `protocolError`, then and on every later call.
  package mutating func feed(_ bytes: UnsafeRawBufferPointer, into replies: inout [RedisReply]) throws(RedisError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let slice = rest.prefix(Self.sliceBytes)
      rest = rest.dropFirst(slice.count)
      try feed(slice: UnsafeRawBufferPointer(rebasing: slice), into: &replies)
    }
  }

  private mutating func feed(slice: UnsafeRawBufferPointer, into replies: inout [RedisReply]) throws(RedisError) {
    if let failure { throw failure }
    guard let reader else { return }
    guard redisReaderFeed(reader, slice.assumingMemoryBound(to: CChar.self).baseAddress, slice.count) == REDIS_OK else { throw fail(reader) }
    unfinishedBytes += slice.count
    while true {
      var object: UnsafeMutableRawPointer?
      guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw fail(reader) }
      guard let object else { break }
      defer { freeReplyObject(object) }
      unfinishedBytes = Int(reader.pointee.len) - Int(reader.pointee.pos)
      do {
        replies.append(try copy(object.assumingMemoryBound(to: redisReply.self), depth: 0))
      } catch {
        failure = error
        throw error
      }
    }
    try checkUnfinished(reader)
  }

  /// Looks at the reply that is still coming in.
  private mutating func checkUnfinished(_ reader: UnsafeMutablePointer<redisReader>) throws(RedisError) {
    if unfinishedBytes > limits.maxReplyBytes {
      throw fail("a reply is longer than \(limits.maxReplyBytes) bytes")
    }
    if weir_redis_reader_admits(reader, Int32(clamping: limits.maxDepth), Int64(limits.maxElements)) == 0 {
      throw fail("a reply nests deeper than \(limits.maxDepth) or has an array of more than \(limits.maxElements) elements")
    }
  }

  private mutating func fail(_ reader: UnsafeMutablePointer<redisReader>) -> RedisError {
    // hiredis' own text may quote a byte of the reply, nothing more.
    let text = withUnsafeBytes(of: reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return fail(text.isEmpty ? "the reply cannot be read" : text)
  }

  private mutating func fail(_ message: String) -> RedisError {
    let error = RedisError(.protocolError, message)
    failure = error
    return error
  }

  private func copy(_ reply: UnsafeMutablePointer<redisReply>, depth: Int) throws(RedisError) -> RedisReply {
    switch reply.pointee.type {
    case REDIS_REPLY_STATUS: return .simple(String(decoding: text(of: reply), as: UTF8.self))
    case REDIS_REPLY_ERROR: return .error(String(decoding: text(of: reply), as: UTF8.self))
    case REDIS_REPLY_INTEGER: return .integer(Int64(reply.pointee.integer))
    case REDIS_REPLY_NIL: return .bulk(nil)
    case REDIS_REPLY_STRING: return .bulk([UInt8](text(of: reply)))
    case REDIS_REPLY_ARRAY: return .array(try elements(of: reply, depth: depth))
    case let type: throw RedisError(.protocolError, "a reply of type \(type), which is not RESP2")
    }
  }

  private func elements(of reply: UnsafeMutablePointer<redisReply>, depth: Int) throws(RedisError) -> [RedisReply] {
    guard depth < limits.maxDepth else { throw RedisError(.protocolError, "a reply nests deeper than \(limits.maxDepth)") }
    let count = Int(reply.pointee.elements)
    guard count <= limits.maxElements else { throw RedisError(.protocolError, "an array of more than \(limits.maxElements) elements") }
    var elements: [RedisReply] = []
    elements.reserveCapacity(count)
    for index in 0..<count {
      guard let element = reply.pointee.element?[index] else { throw RedisError(.protocolError, "an array with a hole") }
      elements.append(try copy(element, depth: depth + 1))
    }
    return elements
  }

  private func text(of reply: UnsafeMutablePointer<redisReply>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.str == nil ? 0 : Int(reply.pointee.len))
  }
}
