#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The bytes of a document and the tape that says where its values are; shared by every cursor into it.
final class JSONStorage: Sendable {
  let bytes: [UInt8]
  let tape: ContiguousArray<JSONNode>

  init(bytes: [UInt8], tape: ContiguousArray<JSONNode>) {
    self.bytes = bytes
    self.tape = tape
  }

  /// The tape index of the value of the member with this name, or nil.
  func member(of object: Int, named name: UnsafeBufferPointer<UInt8>) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      var index = object + 1
      for _ in 0..<tape[object].count {
        if Self.equal(tape[index], name, in: bytes) { return index + 1 }
        index = Int(tape[index + 1].next)
      }
      return nil
    }
  }

  /// Whether the string at `index` is, unescaped, these bytes.
  func isString(at index: Int, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
    bytes.withUnsafeBufferPointer { Self.equal(tape[index], text, in: $0) }
  }

  /// The unescaped bytes of the string at `index`.
  func unescaped(at index: Int) -> [UInt8] {
    let node = tape[index]
    guard node.escaped else { return Array(bytes[node.contents]) }
    return bytes.withUnsafeBufferPointer { bytes in
      var result: [UInt8] = []
      result.reserveCapacity(node.contents.count)
      JSONText.appendUnescaped(UnsafeBufferPointer(rebasing: bytes[node.contents]), to: &result)
      return result
    }
  }

  private static func equal(_ node: JSONNode, _ text: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let contents = UnsafeBufferPointer(rebasing: bytes[node.contents])
    guard node.escaped else { return JSONText.equal(contents, text) }
    guard contents.count > text.count else { return false }
    var unescaped: [UInt8] = []
    JSONText.appendUnescaped(contents, to: &unescaped)
    return unescaped.withUnsafeBufferPointer { JSONText.equal($0, text) }
  }
}

extension JSONNode {
  var range: Range<Int> { Int(start)..<Int(end) }
  /// Of a string: what stands between the quotation marks.
  var contents: Range<Int> { Int(start) + 1..<max(Int(start) + 1, Int(end) - 1) }
}
