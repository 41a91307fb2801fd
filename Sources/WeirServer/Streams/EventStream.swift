import HummingbirdCore
import NIOCore
import WeirCore
import WeirMCP

/// One event stream as a response body: what comes into the mailbox, and a comment where nothing has come for a while.
struct EventStream: Sendable {
  let core: FrontCore
  let mailbox: StreamMailbox
  /// Written before anything else.
  var opening: [UInt8]?
  /// Runs beside the writing and finishes the mailbox.
  let source: @Sendable () async -> Void
  /// The peer takes no more: whatever `source` waits for is to be given up.
  let onWriteFailure: @Sendable () -> Void
  /// The stream is over, however it ended.
  let onEnd: @Sendable () -> Void

  /// Returns when the mailbox is finished and empty. Each write waits until the one before it is taken by the channel.
  func write(to writer: inout any ResponseBodyWriter) async throws {
    core.table.count { $0.streams += 1 }
    defer {
      core.table.count { $0.streams -= 1 }
      onEnd()
    }
    try await withTaskCancellationHandler {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { [source] in await source() }
        group.addTask { await keepAlive() }
        defer { group.cancelAll() }
        do {
          if let opening { try await writer.write(ByteBuffer(bytes: opening)) }
          while var body = await mailbox.next() {
            while let part = body.next() {
              try await writer.write(part)
              if case .shared = body { try await Connection.current?.writesAreSeen() }
            }
          }
        } catch {
          mailbox.finish()
          onWriteFailure()
          throw error
        }
      }
    } onCancel: {
      mailbox.finish()
    }
  }

  private func keepAlive() async {
    let comment = ServerSentEventWriter.comment("keep-alive")
    while !Task.isCancelled {
      try? await core.time.sleep(until: core.time.now() + core.configuration.limits.streamKeepAlive)
      if !Task.isCancelled { mailbox.push(comment) }
    }
  }
}
