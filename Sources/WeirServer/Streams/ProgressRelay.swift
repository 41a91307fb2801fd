import WeirCore
import WeirJSON
import WeirMCP
import WeirPipeline

/// Brings what comes before the answer of a call to one listener, in its order and progress at a bounded pace: an upstream that reports without
/// pause costs each listener little.
struct ProgressRelay: Sendable {
  private enum Item: Sendable {
    case progress(CallProgress)
    case event([UInt8])
    /// What the client is asked on its stream, under this id.
    case question(RPCID, [UInt8])
  }

  let core: FrontCore
  /// The caller's; nil where it wants no reports.
  let token: @Sendable () -> [UInt8]?
  /// Takes an event; false where there is no room for it.
  let push: @Sendable ([UInt8]) -> Bool
  /// The client is asked by an answer; nil: on its stream.
  var parked: ParkedCall?

  /// Waits for the call's reply; what came before it has been pushed by then.
  func reply(of call: WaitingCall) async -> CallReply? {
    let limit = max(1, core.configuration.limits.maxProgressBacklog)
    let (items, inbox) = AsyncStream.makeStream(of: Item.self, bufferingPolicy: .bufferingNewest(limit))
    let take: @Sendable (Item) -> Bool = { item in
      switch inbox.yield(item) {
      case .enqueued: return true
      // An older one gave way.
      case .dropped(let old):
        countDropped()
        unsaid(old, of: call)
      default: return false
      }
      return true
    }
    let scope = core.sessions.questions.newScope()
    defer { core.sessions.questions.end(scope) }
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { await relay(items, of: call) }
      let report: @Sendable (CallProgress) -> Void = { _ = take(.progress($0)) }
      let wantsReports = parked != nil || token() != nil
      let listener = CallListener(onProgress: wantsReports ? report : nil, peer: call.isConversation ? peer(of: call, scope, take) : nil)
      let reply = await call.reply(to: listener)
      // Ends the pauses; what waits is relayed all the same.
      inbox.finish()
      group.cancelAll()
      await group.waitForAll()
      return reply
    }
  }

  private func peer(of call: WaitingCall, _ scope: ClientQuestions.Scope, _ take: @escaping @Sendable (Item) -> Bool) -> any ClientPeer {
    let push: @Sendable ([UInt8]) -> Bool = { take(.event($0)) }
    guard let parked else {
      return StreamPeer(
        push: push, session: call.session, questions: core.sessions.questions, scope: scope, pushQuestion: { take(.question($0, $1)) },
        onDrop: { countDropped() })
    }
    return ParkedPeer(call: parked, push: push, patience: core.configuration.limits.questionPatience, time: core.time) { countDropped() }
  }

  private func relay(_ items: AsyncStream<Item>, of call: WaitingCall) async {
    var rise = ProgressRise()
    for await item in items {
      switch item {
      case .event(let event): if !push(event) { countDropped() }
      case .question(_, let event): if !push(event) { unsaid(item, of: call) }
      case .progress(let report):
        guard let token = token(), rise.admits(report, under: token), let event = MCPEndpoint.progressEvent(report, token: token) else { continue }
        if !push(event) { countDropped() }
        try? await core.time.sleep(until: core.time.now() + core.configuration.limits.progressInterval)
      }
    }
  }

  /// A question that its client will not hear is answered for it.
  private func unsaid(_ item: Item, of call: WaitingCall) {
    guard case .question(let id, _) = item, let session = call.session else { return }
    core.sessions.questions.answer(id, in: session, .refused("the client could not be asked: too much was said at once"))
  }

  private func countDropped() { core.table.count { $0.droppedNotifications += 1 } }
}

/// Admits reports whose number is higher than every one before it under the same token (MCP, progress): a call that goes out in several rounds, or
/// again, may begin to count anew. Pure.
struct ProgressRise {
  private var token: [UInt8] = []
  private var last = -Double.infinity

  mutating func admits(_ report: CallProgress, under token: [UInt8]) -> Bool {
    if token != self.token { (self.token, last) = (token, -.infinity) }
    guard let number = (try? JSONDocument(parsing: report.params).root)?["progress"]?.double, number > last else { return false }
    last = number
    return true
  }
}
