import WeirCore
import WeirPipeline

/// Brings the progress of a call to one listener at a bounded pace: an upstream that reports without pause costs each listener little.
struct ProgressRelay: Sendable {
  let core: FrontCore
  /// The caller's; nil where it wants no reports.
  let token: [UInt8]?
  let mailbox: StreamMailbox

  /// Waits for the call's reply; what was reported before it stands in the mailbox by then.
  func reply(of call: WaitingCall) async -> CallReply? {
    let limit = max(1, core.configuration.limits.maxProgressBacklog)
    let (reports, inbox) = AsyncStream.makeStream(of: CallProgress.self, bufferingPolicy: .bufferingNewest(limit))
    return await withTaskGroup(of: Void.self) { group in
      if let token { group.addTask { await relay(reports, token) } }
      let onProgress: @Sendable (CallProgress) -> Void = { if case .dropped = inbox.yield($0) { countDropped() } }
      let peer = StreamPeer(mailbox: mailbox, session: call.session, questions: core.sessions.questions, onDrop: countDropped)
      let reply = await call.reply(to: CallListener(onProgress: token == nil ? nil : onProgress, peer: call.isConversation ? peer : nil))
      // Ends the pauses; what waits is relayed all the same.
      inbox.finish()
      group.cancelAll()
      await group.waitForAll()
      return reply
    }
  }

  private func relay(_ reports: AsyncStream<CallProgress>, _ token: [UInt8]) async {
    for await report in reports {
      guard let event = MCPEndpoint.progressEvent(report, token: token) else { continue }
      if !mailbox.push(event) { countDropped() }
      try? await core.time.sleep(until: core.time.now() + core.configuration.limits.progressInterval)
    }
  }

  @Sendable private func countDropped() { core.table.count { $0.droppedNotifications += 1 } }
}
