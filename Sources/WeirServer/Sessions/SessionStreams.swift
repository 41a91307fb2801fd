import WeirCore

/// The event streams of sessions: the one that a client reads by `GET`, and what a client that lost its connection may come back to.
struct SessionStreams {
  /// What a session's client can come back to.
  private struct Kept {
    var home: ResumableStream?
    var calls: [Int: ResumableStream] = [:]
    var lastNumber = 0
  }

  /// The readers of the sessions' own streams.
  private(set) var views: [Name: NotificationStream] = [:]
  private var perPrincipal: [Name: Int] = [:]
  private var kept: [Name: Kept] = [:]

  /// Everybody who reads a stream by `GET`.
  private(set) var readers = 0

  func count(of principal: Name) -> Int { perPrincipal[principal, default: 0] }

  mutating func addReader(of principal: Name) {
    readers += 1
    perPrincipal[principal, default: 0] += 1
  }

  mutating func removeReader(of principal: Name) {
    readers -= 1
    let count = perPrincipal[principal, default: 1] - 1
    perPrincipal[principal] = count > 0 ? count : nil
  }

  /// A reader of the session's own stream, in the place of the one there was.
  mutating func open(_ view: NotificationStream) {
    if views.updateValue(view, forKey: view.session) == nil { addReader(of: view.principal) }
  }

  /// False where the reader was replaced, or is none.
  mutating func close(_ view: NotificationStream) -> Bool {
    guard views[view.session] === view else { return false }
    views[view.session] = nil
    removeReader(of: view.principal)
    return true
  }

  /// The session's own stream, number 0.
  func home(of session: Name) -> ResumableStream? { kept[session]?.home }

  mutating func home(of session: Name, make: () -> ResumableStream) -> ResumableStream {
    if let home = kept[session]?.home { return home }
    let home = make()
    kept[session, default: Kept()].home = home
    return home
  }

  /// A stream for the answer of one call. Of streams whose calls have ended, the oldest give way beyond `limit`.
  mutating func add(to session: Name, limit: Int, make: (Int) -> ResumableStream) -> ResumableStream {
    var streams = kept[session] ?? Kept()
    streams.lastNumber += 1
    let stream = make(streams.lastNumber)
    streams.calls[stream.number] = stream
    let ended = streams.calls.values.filter { $0.finishedAt != nil }.map(\.number).sorted()
    for number in ended.prefix(max(0, ended.count - limit)) { streams.calls[number] = nil }
    kept[session] = streams
    return stream
  }

  func stream(_ number: Int, of session: Name) -> ResumableStream? {
    number == 0 ? kept[session]?.home : kept[session]?.calls[number]
  }

  /// The session is over. The return value is what was kept of it.
  mutating func remove(_ session: Name) -> [ResumableStream] {
    guard let streams = kept.removeValue(forKey: session) else { return [] }
    return Array(streams.calls.values) + [streams.home].compactMap { $0 }
  }

  /// Lets streams go whose calls ended longer ago than this.
  mutating func expire(_ patience: Duration, now: Moment) {
    for (session, streams) in kept where streams.calls.contains(where: { $0.value.ended(patience, before: now) }) {
      kept[session]?.calls = streams.calls.filter { !$0.value.ended(patience, before: now) }
    }
  }
}

extension ResumableStream {
  fileprivate func ended(_ patience: Duration, before now: Moment) -> Bool { finishedAt.map { now - $0 > patience } ?? false }
}
