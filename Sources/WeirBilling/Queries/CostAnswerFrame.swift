internal import WeirCore
internal import WeirJSON

/// What stands around the data of an answer of the server: `{"content":[{"text":"{\"status\":…}",…}],"structuredContent":{"status":…,"data":…}}`,
/// both of the same text. Answers that Weir puts together have the same around them, and a label in `_meta` where it added anything up.
struct CostAnswerFrame: Sendable {
  let data: JSONValue
  private let result: JSONValue
  private let body: JSONValue
  private let block: JSONValue

  /// Nil for errors, pages, answers that were put into a table, and any form that is not the server's.
  init?(_ result: JSONValue) {
    guard result.kind == .object, result["isError"]?.bool != true, let content = result["content"], content.count == 1, let block = content[0],
      let text = block["text"], let body = result["structuredContent"], body.hasMembers(["status", "data"]),
      body["status"]?.isString("success") == true, result["_meta"].map({ $0.kind == .object }) ?? true,
      let data = body["data"], data.kind == .object
    else { return nil }
    guard data.hasMembers(Self.known.filter { data[$0] != nil }), Self.isCompact(body.rawBytes),
      text.stringBytes.map({ $0.elementsEqual(body.rawBytes) }) == true
    else { return nil }
    self.data = data
    self.result = result
    self.body = body
    self.block = block
  }

  /// The members of a whole answer's data, in the order that the server gives them.
  private static let known = ["GroupDefinitions", "ResultsByTime", "DimensionValueAttributes"]

  /// Stands in `_meta` of an answer with amounts that Weir added up.
  static let derived = "weir/derived"

  /// Amounts in it were added up.
  var isDerived: Bool { result["_meta"]?[Self.derived]?.bool == true }

  /// A tool result like this one with other data, a JSON object without whitespace.
  /// - Parameter isDerived: it is labelled so; what is labelled already stays so.
  func result(with data: [UInt8], isDerived: Bool = false) -> [UInt8] {
    var text = Array(body.rawBytes[..<self.data.range.lowerBound])
    text += data
    text += body.rawBytes[self.data.range.upperBound...]
    let newBlock = block.setting("text", to: JSONWriter.quoted(String(decoding: text, as: UTF8.self)))
    var replacements = [(block.range, newBlock), (body.range, text)]
    if isDerived {
      let end = result.range.upperBound - 1
      let added = (end..<end, Array(#","_meta":{"\#(Self.derived)":true}"#.utf8))
      replacements.append(result["_meta"].map { ($0.range, $0.setting(Self.derived, to: Array("true".utf8))) } ?? added)
    }
    return replacing(replacements)
  }

  /// The result with other bytes in these ranges. Written anew: the result may be many times longer than what becomes of it, and a copy that shrinks
  /// would hold as much memory.
  private func replacing(_ replacements: [(range: Range<Int>, new: [UInt8])]) -> [UInt8] {
    let whole = result.rawBytes
    var bytes: [UInt8] = []
    bytes.reserveCapacity(replacements.reduce(whole.count) { $0 + $1.new.count - $1.range.count })
    var next = whole.startIndex
    for (range, new) in replacements.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      bytes += whole[next..<range.lowerBound]
      bytes += new
      next = range.upperBound
    }
    bytes += whole[next...]
    return bytes
  }

  /// No whitespace outside texts.
  private static func isCompact(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.withUnsafeBufferPointer { bytes in
      var isInText = false
      var index = 0
      while index < bytes.count {
        switch bytes[index] {
        case UInt8(ascii: "\""): isInText.toggle()
        case UInt8(ascii: "\\"): index += 1
        case 0x20, 0x0A, 0x0D, 0x09: if !isInText { return false }
        default: break
        }
        index += 1
      }
      return true
    }
  }
}
