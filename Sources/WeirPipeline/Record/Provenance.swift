internal import WeirBilling
internal import WeirCore

/// The value of `_meta["weir/cache"]`: how an answer came about.
struct Provenance {
  var outcome: CallOutcome
  var age: Duration = .zero
  var freshUntil: WallTime?
  var savedRequests = 0
  var savedCost: MicroUSD = .zero
  /// Says more of merged answers and of those from buckets.
  var source: Fetched.Source?

  /// `{"outcome":"hit_memory","ageSeconds":12,"freshUntil":"2026-11-23T08:00:00Z","upstreamRequestsSaved":1,"costSavedUSD":0.01}`.
  var json: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(160)
    text.append(contentsOf: #"{"outcome":""#.utf8)
    text.append(contentsOf: outcome.rawValue.utf8)
    text.append(contentsOf: #"","ageSeconds":"#.utf8)
    text.append(contentsOf: String(max(0, age.saturatedMilliseconds / 1000)).utf8)
    if let freshUntil {
      text.append(contentsOf: #","freshUntil":""#.utf8)
      Self.write(freshUntil, to: &text)
      text.append(UInt8(ascii: "\""))
    }
    text.append(contentsOf: #","upstreamRequestsSaved":"#.utf8)
    text.append(contentsOf: String(savedRequests).utf8)
    text.append(contentsOf: #","costSavedUSD":"#.utf8)
    Self.write(savedCost, to: &text)
    switch source {
    case .merged(let members): text.append(contentsOf: #","merged":\#(members)"#.utf8)
    case .buckets(let known, let count): text.append(contentsOf: #","buckets":\#(count),"bucketsKnown":\#(known)"#.utf8)
    case .upstream, .memory, .redis, .coalesced, .stale, nil: break
    }
    text.append(UInt8(ascii: "}"))
    return text
  }

  /// RFC 3339 in UTC, to the second.
  private static func write(_ time: WallTime, to text: inout [UInt8]) {
    let date = CivilDate(time)
    let second = Int((time.milliseconds - Int64(date.days) * 86_400_000) / 1000)
    text.append(contentsOf: date.text.utf8)
    text.append(UInt8(ascii: "T"))
    for (number, end) in [(second / 3600, UInt8(ascii: ":")), (second / 60 % 60, UInt8(ascii: ":")), (second % 60, UInt8(ascii: "Z"))] {
      text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / 10))
      text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
      text.append(end)
    }
  }

  /// Dollars as an exact decimal number.
  private static func write(_ money: MicroUSD, to text: inout [UInt8]) {
    let (dollars, rest) = max(0, money.amount).quotientAndRemainder(dividingBy: 1_000_000)
    text.append(contentsOf: String(dollars).utf8)
    guard rest > 0 else { return }
    var digits = Array(String(rest).utf8)
    digits = Array(repeating: UInt8(ascii: "0"), count: 6 - digits.count) + digits
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    text.append(UInt8(ascii: "."))
    text.append(contentsOf: digits)
  }
}
