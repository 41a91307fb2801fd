import Testing
import WeirJSON

@Suite("Random documents")
struct JSONFuzzTests {
  static let seeds = [
    #"{"jsonrpc":"2.0","id":7,"method":"call","params":{"name":"x","arguments":{"a":[1,-2.5e3,0.001],"b":null,"\u00e9\ud83d\ude02":"x\\\"\n"}}}"#,
    #"[true,false,null,0,-0,1e999,123456789012345678901234567890.5E-10,"",{},[],{"":[[[]]]}]"#,
    "{\"é\":\"€ 😂\u{10FFFF}\",\"n1\":1,\"n2\":2,\"n3\":3,\"n4\":4,\"n5\":5,\"n6\":6,\"n7\":7,\"n8\":8,\"n9\":9,\"n10\":10}",
    " \n{ \"deep\" : [[[[{\"a\":{\"b\":{\"c\":[1, 2 ,3 ]}}}]]]] }\r\t",
  ]
  static let fragments = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\udc00", "e", "-", ".", "0", "1e99999999999999999999", "true", "\u{0}", "é", " ",
  ]

  /// One to four changes: a byte flipped, set, removed, doubled, a piece cut out or copied, a fragment put in.
  static func mutate(_ seed: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    var bytes = seed
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let place = Int.random(in: 0...bytes.count, using: &generator)
      let end = min(bytes.count, place + Int.random(in: 0...12, using: &generator))
      switch Int.random(in: 0..<7, using: &generator) {
      case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1 where place < bytes.count: bytes[place] = .random(in: 0...255, using: &generator)
      case 2 where place < bytes.count: bytes.remove(at: place)
      case 3: bytes.removeSubrange(place..<end)
      case 4: bytes.insert(contentsOf: bytes[place..<end], at: Int.random(in: 0...bytes.count, using: &generator))
      case 5: bytes.removeSubrange(end...)
      default: bytes.insert(contentsOf: Array(fragments[Int.random(in: 0..<fragments.count, using: &generator)].utf8), at: place)
      }
    }
    return bytes
  }

  /// Walks everything a cursor offers; returns a text without whitespace that says the same.
  static func rewrite(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    write(value, to: &writer)
    return writer.bytes
  }

  private static func write(_ value: JSONValue, to writer: inout JSONWriter) {
    _ = (value.int, value.double, value.bool)
    switch value.kind {
    case .object:
      writer.beginObject()
      for (name, member) in value.members {
        let key = name.string ?? ""
        writer.key(key)
        #expect(value[key]?.range == member.range)
        write(member, to: &writer)
      }
      writer.endObject()
    case .array:
      writer.beginArray()
      for element in value.elements { write(element, to: &writer) }
      writer.endArray()
    case .string: writer.value(value.string ?? "")
    default: writer.raw(value.rawBytes)
    }
  }

  @Test("40,000 mutated documents are refused or read consistently", .timeLimit(.minutes(5)), arguments: 0..<4)
  func mutations(run: Int) throws {
    var generator = SeededGenerator(seed: UInt64(run) + 2)
    var accepted = 0
    for _ in 0..<10_000 {
      let bytes = Self.mutate(Array(Self.seeds[run].utf8), using: &generator)
      do {
        let root = try JSONDocument(parsing: bytes).root
        accepted += 1
        let again = try JSONDocument(parsing: Self.rewrite(root)).root
        guard let canonical = try? root.canonical() else {
          #expect(throws: JSONError.self) { _ = try again.canonical() }
          continue
        }
        #expect(try again.canonical() == canonical)
        #expect(try JSONDocument(parsing: canonical).root.canonical() == canonical)
      } catch {
        #expect(error.offset >= 0 && error.offset <= bytes.count)
      }
    }
    #expect(accepted > 100)
    #expect(accepted < 9_900)
  }

  @Test("every prefix of a document is refused", arguments: [0, 2, 3])
  func prefixes(seed: Int) {
    let bytes = Array(Self.seeds[seed].utf8)
    let end = (bytes.lastIndex(of: UInt8(ascii: "}")) ?? 0)
    for length in 0...end { #expect(throws: JSONError.self) { _ = try JSONDocument(parsing: Array(bytes[..<length])) } }
  }

  @Test("canonical forms are equal exactly when the data are")
  func equality() throws {
    var generator = SeededGenerator(seed: 42)
    var forms: [[UInt8]: JSONSample] = [:]
    var samples: [JSONSample: [UInt8]] = [:]
    var repeated = 0
    for _ in 0..<20_000 {
      let sample = JSONSample.random(depth: 2, using: &generator)
      for _ in 0..<2 {
        let form = try parse(sample.text(using: &generator)).canonical()
        if samples[sample] != nil { repeated += 1 }
        #expect(samples.updateValue(form, forKey: sample) ?? form == form, "one datum, two forms")
        #expect(forms.updateValue(sample, forKey: form) ?? sample == sample, "two data, one form")
      }
    }
    #expect(samples.count > 3_000)
    #expect(repeated > 20_000)
  }
}
