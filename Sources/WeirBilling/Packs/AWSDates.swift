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
  /// The caller must give them; the named one is the newest day's.
  case required(end: String)

  struct Explicit {
    var document: JSONDocument
    /// The first day that the answer does not cover.
    var end: CivilDate?
    var isChanged: Bool
  }

  /// The arguments with every date written out; nil where a date is there but is none.
  func madeExplicit(in arguments: JSONValue, today: CivilDate) -> Explicit? {
    guard let document = try? JSONDocument(parsing: arguments.raw) else { return nil }
    switch self {
    case .none:
      return Explicit(document: document, end: nil, isChanged: false)
    case .required(let end):
      guard let end = Self.date(end, in: document.root) else { return nil }
      return Explicit(document: document, end: end, isChanged: false)
    case .range(let days):
      return Self.filled(document, start: { today - days }, end: { _ in today })
    case .forecast(let days):
      return Self.filled(document, start: { today + 1 }, end: { $0 + days })
    }
  }

  private static func filled(_ document: JSONDocument, start: () -> CivilDate, end: (CivilDate) -> CivilDate) -> Explicit? {
    var document = document
    var isChanged = false
    func value(_ name: String, _ makeDefault: () -> CivilDate) -> CivilDate? {
      if let given = document.root[name], !given.isNull, given.stringBytes != [] {
        return given.stringBytes.flatMap { CivilDate($0) }
      }
      let date = makeDefault()
      guard let changed = try? JSONDocument(parsing: document.root.setting(name, to: JSONWriter.quoted(date.text))) else { return nil }
      document = changed
      isChanged = true
      return date
    }
    guard let first = value("start_date", start), let last = value("end_date", { end(first) }) else { return nil }
    return Explicit(document: document, end: last, isChanged: isChanged)
  }

  private static func date(_ name: String, in arguments: JSONValue) -> CivilDate? {
    arguments[name]?.stringBytes.flatMap { CivilDate($0) }
  }
}
