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
    let requests: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    let connection: Connection

    var channel: any Channel { requests.channel }
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
      try pipeline.addHandler(ConnectionGuard(core: core, listener: listener, connection: connection, meter: meter))
      try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
      let requests = try NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>(
        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
      // One that arrives while the server ends is served by nobody: let go before it is closed, it would end the process.
      channel.closeFuture.whenComplete { _ in withExtendedLifetime(requests) {} }
      return Served(requests: requests, connection: connection)
    }
  }

  func handle(value: Served, logger: Logger) async {
    let runner = CallRunner(core: core, connection: value.connection, channel: value.channel)
    await withDiscardingTaskGroup { group in
      group.addTask(executorPreference: EventLoopExecutor(value.channel.eventLoop)) { await runner.run() }
      await Connection.$current.withValue(value.connection) {
        await handleHTTP(asyncChannel: value.requests, logger: logger)
      }
      value.connection.takesNoMoreCalls()
    }
    await value.connection.abandon()
  }
}
