internal import WeirCore
internal import WeirJSON

/// Which dates an operation fills in by itself when the caller leaves them out. The server counts from its local clock at the moment of the
/// call, so that the same arguments mean another day tomorrow: Weir writes the dates out (UTC) before it takes the key, and sends them.
enum AWSDates: Sendable {
  /// No argument depends on the day.
  case none
  /// `start_date` defaults to this many days ago, `end_date` (exclusive) to today.
  case range(days: Int)
  /// `start_date` defaults to tomorrow, `end_date` (exclusive) to this many days after the start.
  case forecast(days: Int)
  /// The caller must give them; each ends a range that begins on the first of a month.
  case required(ends: [String])
  /// The caller must give it, or the answer depends on the minute of the call: `YYYY-MM-DD` or `YYYY-MM-DD HH:MM`.
  case moment(String)

  struct Explicit {
    var document: JSONDocument
    /// The days that the answer is about; none where it is not about days.
    var ranges: [TimeBucket]
    var isChanged: Bool
  }

  /// The arguments with every date written out; nil where a date is missing or cannot be read.
  func madeExplicit(in arguments: JSONValue, today: CivilDate) -> Explicit? {
    guard let document = try? JSONDocument(parsing: arguments.raw) else { return nil }
    switch self {
    case .none:
      return Explicit(document: document, ranges: [], isChanged: false)
    case .required(let names):
      let ends = names.compactMap { document.root[$0].flatMap(Self.time)?.end }
      guard ends.count == names.count else { return nil }
      return Explicit(document: document, ranges: ends.map { TimeBucket(start: ($0 - 1).firstOfMonth, end: $0) }, isChanged: false)
    case .moment(let name):
      guard document.root[name]?.stringBytes.map(Self.isMinute) == true else { return nil }
      return Explicit(document: document, ranges: [], isChanged: false)
    case .range(let days):
      return Self.filled(document, start: today - days) { _ in today }
    case .forecast(let days):
      // The server adds the days to a plain date only.
      return Self.filled(document, start: today + 1) { $0.isPlain ? $0.end + days : nil }
    }
  }

  private static func filled(_ document: JSONDocument, start: CivilDate, end: (Time) -> CivilDate?) -> Explicit? {
    var document = document
    var isChanged = false
    func value(_ name: String, _ makeDefault: () -> CivilDate?) -> Time? {
      if let given = document.root[name], !given.isNull, given.stringBytes != [] { return time(given) }
      guard let date = makeDefault() else { return nil }
      guard let changed = try? JSONDocument(parsing: document.root.setting(name, to: JSONWriter.quoted(date.text))) else { return nil }
      document = changed
      isChanged = true
      return Time(start: date, end: date, isPlain: true)
    }
    guard let first = value("start_date", { start }), let last = value("end_date", { end(first) }) else { return nil }
    return Explicit(document: document, ranges: [TimeBucket(start: first.start, end: last.end)], isChanged: isChanged)
  }

  /// A date, or the hour of one as Cost Explorer takes it with `HOURLY`.
  private struct Time {
    /// As the start of a range: its first day.
    var start: CivilDate
    /// As an exclusive end: the first day of which nothing is covered.
    var end: CivilDate
    var isPlain: Bool
  }

  private static func time(_ value: JSONValue) -> Time? {
    guard let text = value.stringBytes else { return nil }
    if let date = CivilDate(text) { return Time(start: date, end: date, isPlain: true) }
    // `YYYY-MM-DDTHH:MM:SSZ`.
    guard text.count == 20, text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
      text[19] == UInt8(ascii: "Z"), let date = CivilDate(text[0..<10]), let hour = number(text[11..<13]), let minute = number(text[14..<16]),
      let second = number(text[17..<19]), hour < 24, minute < 60, second < 60
    else { return nil }
    return Time(start: date, end: hour + minute + second == 0 ? date : date + 1, isPlain: false)
  }

  private static func isMinute(_ text: [UInt8]) -> Bool {
    if text.count == 10 { return CivilDate(text) != nil }
    guard text.count == 16, text[10] == UInt8(ascii: " "), text[13] == UInt8(ascii: ":"), CivilDate(text[0..<10]) != nil else { return false }
    guard let hour = number(text[11..<13]), let minute = number(text[14..<16]) else { return false }
    return hour < 24 && minute < 60
  }

  /// Two digits.
  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    var number = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + Int(digit - UInt8(ascii: "0"))
    }
    return number
  }
}
