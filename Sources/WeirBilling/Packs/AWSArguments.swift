internal import WeirCore
internal import WeirJSON

/// Which arguments of a tool of the AWS servers mean the same though they are written differently. Both differences are the tool's own: what
/// is not listed keeps the text that the caller wrote, so that two keys may differ where the server sees none, and never the other way round.
struct AWSArguments: Sendable {
  /// The arguments whose Python type is `Optional[…] = None`: null means the same as leaving them out.
  let nullable: Set<Name>
  /// The arguments that the server also takes as a JSON text, and the kind of value that the text must hold to be read so.
  var json: [Name: JSONKind] = [:]

  /// The canonical form for the cache key. Nil where there is none: such a call is not cached.
  func canonical(_ arguments: JSONValue) -> [UInt8]? {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in arguments.members {
      guard let key = name.string else { return nil }
      if value.isNull, nullable.contains(Name(key)) { continue }
      writer.memberRaw(key, decoded(value, of: Name(key)) ?? value.raw)
    }
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return nil }
    return try? document.root.canonical()
  }

  private func decoded(_ value: JSONValue, of name: Name) -> [UInt8]? {
    guard let kind = json[name], let text = value.stringBytes, let inner = try? JSONDocument(parsing: text) else { return nil }
    return inner.root.kind == kind ? inner.root.raw : nil
  }

  /// A page token belongs to the request that gave it out. The servers call it `next_token` and `next_page_token`.
  static func havePageToken(_ arguments: JSONValue) -> Bool {
    arguments.members.contains { name, value in
      guard !value.isNull, let bytes = name.stringBytes else { return false }
      let lowercased = bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
      return Glob.matches("*next*token*".utf8, lowercased)
    }
  }
}

extension JSONValue {
  /// `{}`.
  static let emptyObject: JSONValue? = try? JSONDocument(parsing: Array("{}".utf8)).root
}
