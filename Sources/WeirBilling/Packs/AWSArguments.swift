package import WeirCore
package import WeirJSON

/// The canonical form of arguments for the AWS servers: a JSON text in the place of a list or an object means that list or object, and an
/// argument that is null means the same as one that is absent (both servers declare `None` as the default of every optional argument).
enum AWSArguments {
  /// Nil where there is no canonical form: such a call is not cached.
  static func canonical(_ arguments: JSONValue, json names: Set<Name>) -> [UInt8]? {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in arguments.members where !value.isNull {
      guard let key = name.string else { return nil }
      if names.contains(Name(key)), let text = value.stringBytes, let inner = try? JSONDocument(parsing: text), inner.root.kind != .string {
        writer.memberRaw(key, inner.root.raw)
      } else {
        writer.memberRaw(key, value.raw)
      }
    }
    writer.endObject()
    guard let document = try? JSONDocument(parsing: writer.bytes) else { return nil }
    return try? document.root.canonical()
  }
}

extension JSONValue {
  /// `{}`.
  static let emptyObject: JSONValue? = try? JSONDocument(parsing: Array("{}".utf8)).root
}
