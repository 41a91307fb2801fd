internal import WeirJSON

/// The JSON value that a tool answers, as it stands in its result: as text in the only content block, and where the server declares an output
/// schema as structured content too. A change is made in both, so that the server's own layout of either is kept.
struct AnswerBody {
  /// A stretch of a document, and what stands there instead.
  struct Change {
    let range: Range<Int>
    let bytes: [UInt8]
  }

  private let result: JSONValue
  private let text: JSONValue
  private let inner: JSONValue
  private let structured: JSONValue?

  /// Nil for an error, and for a result of any other shape.
  /// - Parameter wrapper: the member of the structured content that holds the body, where it is not the body itself.
  init?(_ result: JSONValue, wrapper: String? = nil) {
    guard result["isError"].map({ $0.isNull || $0.bool == false }) ?? true else { return nil }
    guard let content = result["content"], content.count == 1, let block = content[0], block["type"]?.isString("text") == true else { return nil }
    guard let text = block["text"], let bytes = text.stringBytes, let inner = try? JSONDocument(parsing: bytes, limits: Self.limits) else {
      return nil
    }
    let holder = result["structuredContent"].flatMap { $0.isNull ? nil : $0 }
    structured = wrapper.map { name in holder?[name] } ?? holder
    guard structured != nil || holder == nil else { return nil }
    self.result = result
    self.text = text
    self.inner = inner.root
  }

  /// The result came through the proxy's own reader: these bounds are those of a whole upstream message.
  static let limits = JSONLimits(maxBytes: 256 << 20, maxDepth: 128, maxMembers: 8_000_000)

  /// The body, as text and as structured content where there is some; they say the same.
  var values: [JSONValue] { [inner] + (structured.map { [$0] } ?? []) }

  /// The result with `changes` made in every body; nil where one of them has none.
  func changed(_ changes: (JSONValue) -> [Change]?) -> [UInt8]? {
    guard let innerChanges = changes(inner) else { return nil }
    let newText = String(decoding: Self.apply(innerChanges, to: inner), as: UTF8.self)
    var outer = [Change(range: text.range, bytes: JSONWriter.quoted(newText))]
    if let structured {
      guard let more = changes(structured) else { return nil }
      outer += more
    }
    return Self.apply(outer, to: result)
  }

  private static func apply(_ changes: [Change], to value: JSONValue) -> [UInt8] {
    let bytes = value.rawBytes
    var made: [UInt8] = []
    made.reserveCapacity(bytes.count)
    var position = bytes.startIndex
    for change in changes.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      made.append(contentsOf: bytes[position..<change.range.lowerBound])
      made.append(contentsOf: change.bytes)
      position = change.range.upperBound
    }
    made.append(contentsOf: bytes[position...])
    return made
  }
}

extension JSONValue {
  /// The text of this array with some of its elements only, each replaced by what `kept` makes of it; what separates them is kept as it is.
  func keeping(_ kept: (JSONValue) -> [UInt8]?) -> [UInt8] {
    let bytes = rawBytes
    var made: [UInt8] = []
    made.reserveCapacity(bytes.count)
    var separator: ArraySlice<UInt8> = [UInt8(ascii: ",")]
    var previous: Range<Int>?
    var hasSeparator = false
    var isEmpty = true
    for element in elements {
      if previous == nil { made.append(contentsOf: bytes[bytes.startIndex..<element.range.lowerBound]) }
      if let previous, !hasSeparator {
        separator = bytes[previous.upperBound..<element.range.lowerBound]
        hasSeparator = true
      }
      previous = element.range
      guard let text = kept(element) else { continue }
      if !isEmpty { made.append(contentsOf: separator) }
      made.append(contentsOf: text)
      isEmpty = false
    }
    guard let previous, !isEmpty else { return Array("[]".utf8) }
    made.append(contentsOf: bytes[previous.upperBound...])
    return made
  }
}
