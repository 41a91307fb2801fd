import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// The channel of one connection: parser, guard, and Hummingbird's own way of serving behind them.
struct FrontChannel: HTTPChannelHandler {
  /// The connection with its two ends: the channel for Hummingbird, the shared state for the guard.
  struct Served: ServerChildChannelValue {
    let channel: any Channel
    let connection: Connection
  }

  let core: FrontCore
  let listener: ReceivedRequest.Listener
  let responder: HTTPChannelHandler.Responder

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Served> {
    channel.eventLoop.makeCompletedFuture {
      let limits = core.configuration.limits
      var decoder = NIOHTTPDecoderLimitConfiguration()
      decoder.maxHeaderFieldSize = limits.maxHeaderBytes
      decoder.maxHeaderListSize = limits.maxHeaderBytes
      decoder.maxHeaderFieldCount = limits.maxHeaderFields
      let connection = Connection(eventLoop: channel.eventLoop)
      let meter = RawMeter()
      let pipeline = channel.pipeline.syncOperations
      try pipeline.addHandler(meter)
      try pipeline.configureHTTPServerPipeline(
        withPipeliningAssistance: false, withServerUpgrade: nil, withErrorHandling: false, withOutboundHeaderValidation: false,
        withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
      let guarding = ConnectionGuard(core: core, listener: listener, connection: connection, meter: meter) { try Self.serve($0, connection) }
      try pipeline.addHandler(guarding)
      return Served(channel: channel, connection: connection)
    }
  }

  /// Puts Hummingbird's own way of serving behind the guard.
  private static func serve(_ channel: any Channel, _ connection: Connection) throws {
    try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
    let requests = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
      wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    // One that is served by nobody, since the connection ends meanwhile: let go before it is closed, it would end the process.
    channel.closeFuture.whenComplete { _ in withExtendedLifetime(requests) {} }
    connection.serve(requests)
  }

  /// Serves the connection until it is closed: its calls, and from the first request on that needs Hummingbird, what comes by that.
  func handle(value: Served, logger: Logger) async {
    let runner = CallRunner(core: core, connection: value.connection, channel: value.channel)
    let executor = EventLoopExecutor(value.channel.eventLoop)
    await withTaskCancellationHandler {
      let requests = await withTaskExecutorPreference(executor) { await runner.run() }
      guard let requests else { return }
      await withDiscardingTaskGroup { group in
        group.addTask(executorPreference: executor) { _ = await runner.run() }
        await Connection.$current.withValue(value.connection) {
          await handleHTTP(asyncChannel: requests, logger: logger)
        }
        value.connection.takesNoMoreCalls()
      }
    } onCancel: {
      value.channel.close(promise: nil)
    }
    await value.connection.abandon()
  }
}
