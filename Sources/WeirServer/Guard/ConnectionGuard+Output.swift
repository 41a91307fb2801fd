import NIOCore
import WeirCore

/// Answers that need no Hummingbird, on their way out.
extension ConnectionGuard {
  func send(_ reply: Reply, _ context: ChannelHandlerContext) {
    if reply.closes { machine.closeAfterResponse() }
    var isShared = false
    if case .shared(let answer) = reply.body { (outgoing, isShared) = (answer, true) }
    var buffer = context.channel.allocator.buffer(capacity: (isShared ? 0 : reply.body.count) + 320)
    ReplyEncoder.encode(reply, date: date.now(core.time.wall()), closes: machine.closesAfterResponse, into: &buffer)
    queued += Int64(buffer.readableBytes)
    meter.send(buffer)
    core.answered(reply.label, status: reply.status)
    sendOn(context)
  }

  /// Writes as much of a large answer as the channel takes now. The answer ends with its last part.
  func sendOn(_ context: ChannelHandlerContext) {
    // A write can tell at once that the channel is writable again.
    if isSending { return }
    isSending = true
    while outgoing != nil, context.channel.isWritable, let part = outgoing?.next() {
      queued += Int64(part.readableBytes)
      meter.send(part)
    }
    isSending = false
    if machine.phase == .responding, outgoing?.isEmpty != false {
      outgoing = nil
      responseEnded(context)
    }
    watchOutput(context)
  }

  /// Where output is backed up: takes the time of it, and counts it among that of all connections.
  func watchOutput(_ context: ChannelHandlerContext) {
    let isBackedUp = !context.channel.isWritable
    guard isBackedUp || isHeld, machine.phase != .closed else { return }
    let buffered = buffered(context)
    let now = core.time.now()
    machine.note(now: now, queued: queued, buffered: buffered)
    isHeld = isBackedUp && buffered > 0
    core.table.hold(context.channel, answerBytes: isHeld ? buffered : 0, since: machine.outputSince, lease: outgoing?.lease)
    arm(context)
  }

  func buffered(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }
}
