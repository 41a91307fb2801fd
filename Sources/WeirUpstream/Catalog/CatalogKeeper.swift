import Logging
import NIOConcurrencyHelpers
import WeirCore
import WeirJSON
import WeirMCP

/// Keeps the list of an upstream's tools: lists when a session opens, when the server says so, and from time to time.
final class CatalogKeeper: Sendable {
  typealias Send = @Sendable (UpstreamRequest) async throws(CallError) -> JSONDocument

  /// Why the tools are listed.
  private enum Wish: Sendable { case opened, changed, changedElsewhere, due }

  private struct State {
    var catalog: UpstreamCatalog?
    var due = Moment.distantFuture
    var backoff: Backoff
    var lastDoubt: Moment?
    /// What the server said to have changed since `takeAnnounced`.
    var announced: UpstreamFeatures = []
    var pace = ChangePace(interval: .seconds(5))
    /// How many listings have begun, which of them ended last, and which of them was the last to give a catalog.
    var begun = 0
    var ended = 0
    var succeeded = 0
  }

  /// The shortest time between two listings that only find out whether the credential still works.
  private static let doubtInterval: Duration = .seconds(30)

  private let configuration: UpstreamConfiguration
  private let redactor: Redactor
  private let time: any TimeSource
  private let logger: Logger
  private let state: NIOLockedValueBox<State>
  private let dueMoved = Gate()
  /// Opened when a listing has ended.
  private let listingEnded = Gate()
  private let wishes: AsyncStream<Wish>
  private let sink: AsyncStream<Wish>.Continuation

  init(configuration: UpstreamConfiguration, redactor: Redactor = .patterns, time: any TimeSource, logger: Logger) {
    self.configuration = configuration
    self.redactor = redactor
    self.time = time
    self.logger = logger
    state = NIOLockedValueBox(State(backoff: Backoff(configuration.retryDelays)))
    (wishes, sink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// The last complete listing, also while the upstream is down.
  var catalog: UpstreamCatalog? { state.withLockedValue { $0.catalog } }

  /// A session has opened: its tools may be other ones.
  func sessionOpened() { sink.yield(.opened) }
  /// The server announced a change of these lists; none: one may have been missed.
  /// - Returns: whether it announced one for the first time since the last listing.
  func changed(_ lists: UpstreamFeatures) -> Bool {
    let isFirst = state.withLockedValue { state in
      defer { state.announced.formUnion(lists) }
      return state.announced.isEmpty && !lists.isEmpty
    }
    sink.yield(.changed)
    return isFirst
  }

  /// A change may have been announced that was not heard here.
  /// - Parameter atOnce: without waiting for further ones.
  func listAgain(atOnce: Bool) { sink.yield(atOnce ? .changedElsewhere : .changed) }

  /// Lists because somebody found the lists old, and waits for that; nil where it fails or takes too long.
  func listedAnew(until deadline: Moment) async -> UpstreamCatalog? {
    let wanted = state.withLockedValue { $0.begun + 1 }
    let hasEnded = { @Sendable in self.state.withLockedValue { $0.ended >= wanted } }
    listAgain(atOnce: false)
    while !hasEnded() {
      guard await listingEnded.wait(time, until: deadline, isOpen: hasEnded) else { return nil }
    }
    return state.withLockedValue { $0.succeeded >= wanted ? $0.catalog : nil }
  }

  /// What was announced before the listing that has just been reported.
  func takeAnnounced() -> UpstreamFeatures {
    state.withLockedValue { state in
      defer { state.announced = [] }
      return state.announced
    }
  }

  /// The server refused a credential to a call. Whether it still serves others is seen by listing; that is done twice a minute at most.
  func credentialDoubted() {
    let now = time.now()
    let isDue = state.withLockedValue { state in
      if let last = state.lastDoubt, now - last < Self.doubtInterval { return false }
      state.lastDoubt = now
      return true
    }
    if isDue { sink.yield(.due) }
  }

  /// Lists until cancelled. `info` is nil while there is no session, and then nothing is asked. `report` hears of every listing.
  func run(
    send: @escaping Send, info: @escaping @Sendable () -> SessionInfo?, report: @escaping @Sendable (Result<UpstreamCatalog, CallError>) -> Void
  ) async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.remind() }
      for await wish in wishes {
        if wish == .changed { try? await time.sleep(until: time.now() + configuration.listDebounce) }
        guard configuration.listsCatalog, let info = info(), !Task.isCancelled, isTime(for: wish) else { continue }
        await refresh(send, info, report)
      }
      group.cancelAll()
    }
  }

  /// False where a change is to be listed later, of which `remind` will speak.
  private func isTime(for wish: Wish) -> Bool {
    let now = time.now()
    let later = state.withLockedValue { state in
      let later = wish == .changed || wish == .changedElsewhere ? state.pace.changed(now: now) : nil
      if let later { state.due = min(state.due, later) } else { state.pace.listing(now: now) }
      return later
    }
    if later != nil { dueMoved.open() }
    return later == nil
  }

  private func refresh(
    _ send: Send, _ info: SessionInfo, _ report: @Sendable (Result<UpstreamCatalog, CallError>) -> Void
  ) async {
    let number = state.withLockedValue { state in
      state.begun += 1
      return state.begun
    }
    defer {
      state.withLockedValue { $0.ended = number }
      listingEnded.open()
    }
    do throws(CallError) {
      let (catalog, ttl) = try await list(send, info)
      if !info.features.contains(.tools) { logger.warning("upstream declares no tools") }
      let interval = ttl.map { min(max($0, configuration.refreshBounds.lowerBound), configuration.refreshBounds.upperBound) }
      let isNew = state.withLockedValue { state in
        state.backoff.reset()
        state.succeeded = number
        defer { state.catalog = catalog }
        return state.catalog != catalog
      }
      setDue(in: (interval ?? configuration.refreshInterval) * Double.random(in: 0.9..<1.1))
      if isNew { logger.info("upstream listed its tools", metadata: ["tools": "\(catalog.tools.count)"]) }
      report(.success(catalog))
    } catch {
      if error.reason == .cancelled { return }
      let delay = state.withLockedValue { $0.backoff.next(random: .random(in: 0..<1)) }
      setDue(in: delay)
      logger.warning("upstream did not list its tools", metadata: ["reason": "\(error.message)", "retry_s": "\(delay.inSeconds)"])
      report(.failure(error))
    }
  }

  private func list(_ send: Send, _ info: SessionInfo) async throws(CallError) -> (UpstreamCatalog, Duration?) {
    var catalog = UpstreamCatalog(tools: [], features: info.features, instructions: info.instructions)
    var ttl: Duration?
    if info.features.contains(.tools) { (catalog.tools, ttl) = try await tools(send) }
    for kind in CatalogKind.allCases where info.features.contains(kind.feature) { catalog.items[kind] = await items(kind, send) }
    return (catalog, ttl)
  }

  private func tools(_ send: Send) async throws(CallError) -> ([ToolDefinition], Duration?) {
    var pager = ToolPager(
      upstream: configuration.name, maxPages: configuration.maxListPages, maxTools: configuration.maxTools, redactor: redactor)
    var params = PageTurner.firstParams
    while case .request(let next) = try pager.add(try await page(MCPMethod.toolsList, params, send)) { params = next }
    for warning in pager.warnings { logger.warning("upstream lists a tool that cannot be offered", metadata: ["why": "\(warning)"]) }
    return (pager.tools, pager.ttl)
  }

  /// What cannot be listed leaves the list as it was: the tools are what an upstream is there for.
  private func items(_ kind: CatalogKind, _ send: Send) async -> [CatalogItem] {
    var pager = ItemPager(
      kind, upstream: configuration.name, maxPages: configuration.maxListPages, maxItems: configuration.maxTools, redactor: redactor)
    var params = PageTurner.firstParams
    do throws(CallError) {
      while case .request(let next) = try pager.add(try await page(kind.listMethod, params, send)) { params = next }
      for warning in pager.warnings { logger.warning("upstream lists something that cannot be offered", metadata: ["why": "\(warning)"]) }
      return pager.items
    } catch {
      // Servers that declare resources and have no templates say so by not knowing the method.
      let isUnknown = error.upstreamCode == RPCErrorObject.methodNotFound
      if !isUnknown, error.reason != .cancelled {
        logger.warning("upstream did not list everything", metadata: ["method": "\(kind.listMethod)", "reason": "\(error.message)"])
      }
      return isUnknown ? [] : catalog?.items[kind] ?? []
    }
  }

  private func page(_ method: String, _ params: [UInt8], _ send: Send) async throws(CallError) -> JSONDocument {
    try await send(UpstreamRequest(method: method, params: params, deadline: time.now() + configuration.listTimeout, isRepeatable: true))
  }

  private func setDue(in delay: Duration) {
    state.withLockedValue { $0.due = time.now() + delay }
    dueMoved.open()
  }

  /// Wishes for a listing whenever one is due.
  private func remind() async {
    while !Task.isCancelled {
      let due = state.withLockedValue { $0.due }
      // An hour at most, which any clock can count.
      let wake = min(due, time.now() + .seconds(3600))
      let hasMoved = await dueMoved.wait(time, until: wake) { self.state.withLockedValue { $0.due != due } }
      guard !hasMoved, !Task.isCancelled, due <= time.now() else { continue }
      state.withLockedValue { $0.due = .distantFuture }
      sink.yield(.due)
    }
  }
}
