import NIOConcurrencyHelpers
package import WeirCore
package import WeirJSON
import WeirMCP

/// An upstream whose callers share one session, but for those who need one of their own: because the server keeps state for each session, or
/// because in the handshake era a server learns only when a session is opened what its client can be asked.
package final class UpstreamFamily: Upstream {
  /// Who shares a session or process with whom.
  package enum Isolation: String, Sendable, CaseIterable {
    /// Everybody, but for those who can be asked something, where the server speaks the handshake era behind a URL.
    case shared
    /// Nobody. Who has no session has one for each principal.
    case session
    /// All sessions of one principal.
    case principal
  }

  /// Makes the upstream of one owner. Its observer hears nothing, and its lists are not kept.
  package typealias Make = @Sendable (UpstreamCaller) -> any Upstream

  private let shared: any SharedUpstream
  private let isolation: Isolation
  private let make: Make
  private let time: any TimeSource
  private let table: NIOLockedValueBox<MemberTable<FamilyMember>>
  /// Until when it is taken to speak the modern era alone: a session of the handshake era could not be opened.
  private let modernUntil = NIOLockedValueBox(Moment.zero)
  private let starts: AsyncStream<FamilyMember>
  private let sink: AsyncStream<FamilyMember>.Continuation

  package init(
    _ shared: any SharedUpstream, isolation: Isolation, limit: Int = 256, idleTimeout: Duration = .seconds(1800), time: any TimeSource,
    make: @escaping Make
  ) {
    self.shared = shared
    self.isolation = isolation
    self.make = make
    self.time = time
    table = NIOLockedValueBox(MemberTable(limit: limit, idleTimeout: idleTimeout))
    (starts, sink) = AsyncStream.makeStream()
  }

  package var name: Name { shared.name }
  package var state: UpstreamState { shared.state }
  package func watch(_ uris: Set<Name>) { shared.watch(uris) }
  package func listAgain(atOnce: Bool) { shared.listAgain(atOnce: atOnce) }

  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.shared.run() }
      group.addTask { await self.sweep() }
      for await member in starts { group.addTask { await member.run(self.time) } }
      group.cancelAll()
    }
  }

  private func sweep() async {
    while !Task.isCancelled {
      try? await time.sleep(until: time.now() + .seconds(30))
      for member in table.withLockedValue({ $0.expire(now: time.now()) }) { member.end() }
    }
  }

  package func send(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    do {
      return try await deliver(request)
    } catch  where error.refusesHeaders && request.method == MCPMethod.toolsCall {
      guard let again = await withHeadersOfToday(request) else { throw error }
      return try await deliver(again)
    }
  }

  /// A call that was refused for its headers, which is before it runs, with those that its tool wants by now; nil where they are the same (MCP
  /// 2026-07-28, tools, `x-mcp-header`: such a client lists anew and calls again).
  private func withHeadersOfToday(_ request: UpstreamRequest) async -> UpstreamRequest? {
    guard let catalog = await shared.listedAnew(until: request.deadline), let tool = catalog.tools.first(where: { $0.name == request.name }),
      let schema = (try? JSONDocument(parsing: tool.json))?.root["inputSchema"], let parameters = HeaderParameters(schema: schema)
    else { return nil }
    var again = request
    again.headers = parameters.headers(of: (try? JSONDocument(parsing: request.params))?.root["arguments"])
    let isSame = again.headers.count == request.headers.count && zip(again.headers, request.headers).allSatisfy { $0 == $1 }
    return isSame ? nil : again
  }

  private func deliver(_ request: UpstreamRequest) async throws(CallError) -> JSONDocument {
    guard let caller = request.caller, let ownership = ownership(of: caller) else { return try await shared.send(request) }
    let (owner, taken) = table.withLockedValue { take(ownership, for: caller, of: &$0) }
    let member: FamilyMember
    switch taken {
    case .known(let known): member = known
    case .new(let new, let ended):
      ended?.end()
      sink.yield(new)
      member = new
    case .full: throw CallError(.overloaded, "upstream \(name) has as many sessions as it may", retryAfter: .seconds(5))
    }
    member.seat?.sit(caller)
    defer {
      member.seat?.leave()
      table.withLockedValue { $0.release(owner, member, now: time.now()) }
    }
    do {
      return try await member.send(request, of: caller, time)
    } catch  where error.reason == .upstreamDown && isUnopened(member) {
      // Nothing was sent. For a while its callers share what there is.
      modernUntil.withLockedValue { $0 = time.now() + .seconds(600) }
      if table.withLockedValue({ $0.remove(owner, member) }) { member.end() }
      return try await shared.send(request)
    } catch {
      // The server may go on with what nobody waits for, and ask whoever calls next: that session is lent to nobody any more.
      if member.seat != nil, error.reason == .cancelled || error.reason == .timedOut,
        table.withLockedValue({ $0.remove(owner, member) })
      {
        member.end()
      }
      throw error
    }
  }

  /// A session that was opened in the hope that the server speaks the handshake era, too, and was not.
  private func isUnopened(_ member: FamilyMember) -> Bool {
    guard isolation == .shared, shared.furtherSessions == .perhapsForLegacy, shared.state == .ready, case .down = member.upstream.state else {
      return false
    }
    return true
  }

  /// The front's session has ended, and what was opened for it ends, too.
  package func sessionEnded(_ session: Name) {
    let (own, others) = table.withLockedValue { ($0.remove(Self.owner(session: session)), $0.members) }
    own?.end()
    for member in others { member.forget(session) }
  }

  package func rootsChanged(of session: Name) {
    table.withLockedValue { $0.member(of: Self.owner(session: session)) }?.upstream.tell(MCPMethod.rootsListChanged)
  }

  // MARK: Owners

  private enum Ownership {
    /// All requests of this owner share a session.
    case of(Name)
    /// The session is lent to one call at a time, and next to another of its kind: what the server asks has one addressee then.
    case lent(Name)
  }

  private func ownership(of caller: UpstreamCaller) -> Ownership? {
    switch isolation {
    case .principal: return .of(Self.owner(principal: caller.principal))
    case .session: return .of(caller.session.map(Self.owner(session:)) ?? Self.owner(principal: caller.principal))
    case .shared:
      guard caller.capabilities != nil || caller.logLevel != nil else { return nil }
      switch shared.furtherSessions {
      case .none: return nil
      case .forAll: break
      case .perhapsForLegacy: if caller.session == nil || time.now() < modernUntil.withLockedValue({ $0 }) { return nil }
      }
      if let session = caller.session { return .of(Self.owner(session: session)) }
      let principal = caller.principal.string
      return .lent(Name("\(principal.utf8.count) \(principal) \(String(decoding: caller.capabilities ?? [], as: UTF8.self))"))
    }
  }

  private static func owner(session: Name) -> Name { Name("session \(session)") }
  private static func owner(principal: Name) -> Name { Name("principal \(principal)") }

  private func take(
    _ ownership: Ownership, for caller: UpstreamCaller, of table: inout MemberTable<FamilyMember>
  ) -> (Name, MemberTable<FamilyMember>.Taken) {
    var caller = caller
    // Of a session that is not its client's alone the server asks whoever calls it.
    if isolation == .principal { caller.capabilities = ClientCapabilities.withoutNewsOfRoots(caller.capabilities) }
    switch ownership {
    case .of(let owner): return (owner, table.take(owner, principal: caller.principal, now: time.now()) { FamilyMember(make(caller)) })
    case .lent(let kind):
      // There are at most as many in use as members.
      let free = (0...table.count).lazy.map { Name("lent \($0) \(kind)") }.first { !table.isInUse($0) }
      let owner = free ?? Name("lent \(kind)")
      let taken = table.take(owner, principal: caller.principal, now: time.now()) {
        let seat = PeerSeat()
        var caller = caller
        caller.home = seat
        return FamilyMember(make(caller), seat: seat)
      }
      return (owner, taken)
    }
  }
}

/// The session or the processes that callers share unless they need their own.
package protocol SharedUpstream: Upstream {
  var furtherSessions: FurtherSessions { get }
  /// What it offers, from a listing that begins now; nil where that does not come about in time, or nothing would be gained.
  func listedAnew(until deadline: Moment) async -> UpstreamCatalog?
}

extension SharedUpstream {
  package func listedAnew(until deadline: Moment) async -> UpstreamCatalog? { nil }
}

/// Whether a further session costs little, and who would have it: from a session of the handshake era a server learns what its client can be asked.
package enum FurtherSessions: Sendable {
  case none
  /// It speaks the handshake era behind a URL.
  case forAll
  /// It speaks the modern era, and perhaps the handshake era, too, of which it does not tell: what it asks and when is another thing in each, so
  /// a legacy client has a session of its own era where that can be opened.
  case perhapsForLegacy
}
