internal import WeirCore

extension Name {
  /// With ASCII letters in lower case. Providers may compare values without regard to case: no two values of a merged call differ in case alone.
  var withoutCase: Name {
    let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
    guard utf8.contains(where: capitals.contains) else { return self }
    return Name(String(decoding: utf8.map { capitals.contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self))
  }
}
