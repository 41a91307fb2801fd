internal import WeirCore
internal import WeirJSON

/// The key of a call that may mean another thing on every day, for a server whose defaults and relative periods are not known: the answer of one
/// day is never given on the next.
enum DatedKey {
  static func bytes(_ canonical: [UInt8], _ today: CivilDate) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    writer.value(today.text)
    writer.raw(canonical)
    writer.endArray()
    return writer.bytes
  }
}
