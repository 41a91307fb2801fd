import WeirCore
import WeirPipeline

/// Brings the progress of a call to one listener at a bounded pace: an upstream that reports without pause costs each listener little.
struct ProgressRelay: Sendable {
  let core: FrontCore
  let token: [UInt8]
  let mailbox: StreamMailbox

  /// Waits for the call's reply; what was reported before it stands in the mailbox by then.
  func reply(of call: WaitingCall) async -> CallReply? {
    let limit = max(1, core.configuration.limits.maxProgressBacklog)
    let (reports, inbox) = AsyncStream.makeStream(of: CallProgress.self, bufferingPolicy: .bufferingNewest(limit))
    return await withTaskGroup(of: Void.self) { group in
      group.addTask { await relay(reports) }
      let reply = await call.reply { if case .dropped = inbox.yield($0) { countDropped() } }
      // Ends the pauses; what waits is relayed all the same.
      inbox.finish()
      group.cancelAll()
      await group.waitForAll()
      return reply
    }
  }

  private func relay(_ reports: AsyncStream<CallProgress>) async {
    for await report in reports {
      guard let event = MCPEndpoint.progressEvent(report, token: token) else { continue }
      if !mailbox.push(event) { countDropped() }
      try? await core.time.sleep(until: core.time.now() + core.configuration.limits.progressInterval)
    }
  }

  private func countDropped() { core.table.count { $0.droppedNotifications += 1 } }
}
