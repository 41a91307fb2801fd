/// Finds what looks like a credential in a line: bearer tokens, AWS key ids, user information in URLs, JSON web tokens, and long values
/// after words such as `token`.
struct SecretScanner {
  private let text: [UInt8]
  private static let words = ["secret", "token", "password", "passwd", "key", "credential", "signature", "apikey"].map { Array($0.utf8) }

  init(_ text: [UInt8]) {
    self.text = text
  }

  /// The line with every run that looks like a secret replaced by `***`.
  func redacted() -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var index = 0
    var expectsSecret = false
    while index < text.count {
      guard Self.isTokenByte(text[index]) else {
        if text[index] == UInt8(ascii: "@"), let start = userInformation(in: result) { result.replaceSubrange(start..., with: "***".utf8) }
        result.append(text[index])
        index += 1
        continue
      }
      var end = index
      while end < text.count, Self.isTokenByte(text[end]) { end += 1 }
      append(text[index..<end], expectsSecret: &expectsSecret, to: &result)
      index = end
    }
    return result
  }

  private func append(_ run: ArraySlice<UInt8>, expectsSecret: inout Bool, to result: inout [UInt8]) {
    // `token=abc`: the run holds both the word and the value.
    if let equals = run.firstIndex(of: UInt8(ascii: "=")), Self.speaksOfSecret(run[..<equals]), run.distance(from: equals, to: run.endIndex) > 4 {
      result.append(contentsOf: run[...equals])
      result.append(contentsOf: "***".utf8)
      expectsSecret = false
      return
    }
    if Self.isBearer(run) {
      result.append(contentsOf: run)
      expectsSecret = true
      return
    }
    if Self.isAccessKey(run) || Self.isWebToken(run) || (expectsSecret && Self.looksRandom(run)) {
      result.append(contentsOf: "***".utf8)
      expectsSecret = false
      return
    }
    expectsSecret = Self.speaksOfSecret(run) || (expectsSecret && run.count < 8)
    result.append(contentsOf: run)
  }

  /// Where `user:password` before an `@` starts in what was written so far.
  private func userInformation(in written: [UInt8]) -> Int? {
    guard let slash = written.lastIndex(of: UInt8(ascii: "/")), slash >= 2, written[slash - 1] == UInt8(ascii: "/"),
      written[slash - 2] == UInt8(ascii: ":"), !written[slash...].contains(UInt8(ascii: " "))
    else { return nil }
    return slash + 1
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
    case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "~"): true
    default: false
    }
  }

  private static func lowercased(_ run: ArraySlice<UInt8>) -> [UInt8] {
    run.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 0x20 : $0 }
  }

  private static func speaksOfSecret(_ run: ArraySlice<UInt8>) -> Bool {
    let lower = lowercased(run)
    return words.contains { word in lower.indices.contains { lower[$0...].starts(with: word) } }
  }

  private static func isBearer(_ run: ArraySlice<UInt8>) -> Bool {
    let lower = lowercased(run)
    return lower.elementsEqual("bearer".utf8) || lower.elementsEqual("basic".utf8)
  }

  /// No word of a sentence: 8 bytes with a digit or a sign among them, or 20 of anything.
  private static func looksRandom(_ run: ArraySlice<UInt8>) -> Bool {
    run.count >= 20 || (run.count >= 8 && run.contains { $0 < UInt8(ascii: "A") && $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: ".") })
  }

  /// `AKIA…` and `ASIA…`: 20 characters (AWS IAM identifiers).
  private static func isAccessKey(_ run: ArraySlice<UInt8>) -> Bool {
    run.count >= 16 && (run.starts(with: "AKIA".utf8) || run.starts(with: "ASIA".utf8))
  }

  /// `eyJ….eyJ….…` (RFC 7519).
  private static func isWebToken(_ run: ArraySlice<UInt8>) -> Bool {
    run.count >= 30 && run.starts(with: "eyJ".utf8) && run.contains(UInt8(ascii: "."))
  }
}
