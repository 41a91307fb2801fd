import WeirCore

/// What a client may take of the front: time, bytes and numbers. The defaults are those of docs/security.md and hold without configuration.
package struct FrontLimits: Sendable, Equatable {
  /// From the connection (or the first byte of a later request) to the end of the header section. Absolute: a drip does not extend it.
  package var headerTimeout: Duration = .seconds(10)
  /// From the end of the header section to the end of the body. Absolute.
  package var bodyTimeout: Duration = .seconds(30)
  /// Bytes per second that a body must reach on average, counted after `bodyRateGrace`.
  package var minimumBodyRate = 1024
  /// For how long the rate of a body is not looked at.
  package var bodyRateGrace: Duration = .seconds(5)
  /// How long a connection may wait for its next request.
  package var keepAliveTimeout: Duration = .seconds(60)
  /// How long output may wait for a peer that reads nothing.
  package var writeStallTimeout: Duration = .seconds(30)
  /// Bytes per second that a peer must take of an answer that waits for it, on average over each `answerRateGrace`.
  package var minimumAnswerRate = 1024
  /// How long each measurement of that rate lasts.
  package var answerRateGrace: Duration = .seconds(30)
  /// Bytes of answers that wait for their peers, over all connections: what is backed up in them (more than 64 KiB), and the large answers that
  /// are being written, each counted once. Above it the connection whose peer has taken nothing for longest is closed.
  package var maxBufferedAnswerBytes = 256 * 1024 * 1024
  /// Bytes of a tool's result from which on it is not copied for every client.
  package var minSharedAnswerBytes = 64 * 1024
  /// Who has taken something within this time is not closed to make room for another's large answer; that one is refused then.
  package var answerPatience: Duration = .seconds(3)
  /// How long a connection stays readable after its last answer, so that the answer is not lost to a reset.
  package var lingerTimeout: Duration = .seconds(2)
  /// Connections, over all listeners of one front.
  package var maxConnections = 16_384
  /// Connections from one address. Behind a proxy every connection has the proxy's address.
  package var maxConnectionsPerAddress = 4096
  /// Field lines in a header section.
  package var maxHeaderFields = 100
  /// Bytes in a header section: names and values.
  package var maxHeaderBytes = 32 * 1024
  /// Bytes in a request target.
  package var maxTargetBytes = 8 * 1024
  /// Bytes in a request body.
  package var maxBodyBytes = 4 * 1024 * 1024
  /// Bytes of request bodies being read, over all connections.
  package var maxBufferedBodyBytes = 256 * 1024 * 1024
  /// Bytes of chunk framing that a body may carry beyond eight times its own size.
  package var maxChunkOverhead = 16 * 1024
  /// Body bytes up to which a request is worked on the event loop; larger ones are handed to the concurrent pool.
  package var maxInlineBodyBytes = 64 * 1024
  /// Bytes of further requests that are kept while one is being answered, 64 more counted for each part. Beyond it all of them are dropped
  /// and the connection ends after the running answer: reading never stops, so that a peer that leaves is noticed.
  package var maxReadAheadBytes = 16 * 1024
  /// Sessions of legacy clients.
  package var maxSessions = 16_384
  /// Sessions of one principal. Beyond it, a new one takes the place of the one that was unused for longest.
  package var maxSessionsPerPrincipal = 1000
  /// After this time without a request, an open stream or a call, a session is forgotten.
  package var sessionIdleTimeout: Duration = .seconds(30 * 60)
  /// Open event streams (`GET`), over all clients.
  package var maxStreams = 16_384
  /// Open event streams (`GET`) of one principal.
  package var maxStreamsPerPrincipal = 1000
  /// Bytes that wait in one event stream for its reader; progress reports beyond it are dropped and counted.
  package var maxStreamBufferBytes = 256 * 1024
  /// Progress reports that wait for one listener; the newest are kept, the others dropped and counted.
  package var maxProgressBacklog = 16
  /// Time between two progress reports to one listener. Those that wait when the answer comes go before it at once.
  package var progressInterval: Duration = .milliseconds(50)
  /// Time between comments that keep a silent event stream open through proxies.
  package var streamKeepAlive: Duration = .seconds(15)
  /// A `GET` stream is ended after this time; clients open it again.
  package var maxStreamAge: Duration = .seconds(60 * 60)
  /// Bytes of past events that are kept of one stream of a session, for a client that lost its connection.
  package var maxEventLogBytes = 64 * 1024
  /// The same over all streams. Where there is no room, a stream cannot be taken up again.
  package var maxEventLogsBytes = 64 * 1024 * 1024
  /// Streams of ended calls that a session keeps for a client that lost its connection.
  package var maxEndedCallStreams = 16
  /// How long the stream of an ended call is kept.
  package var resumePatience: Duration = .seconds(5 * 60)
  /// How long a client may take to answer what an upstream asks it.
  package var questionPatience = UpstreamCaller.questionPatience
  /// Calls of modern clients that wait for them to come back with an answer.
  package var maxParkedCalls = 4096
  /// The same of one principal.
  package var maxParkedCallsPerPrincipal = 256
  /// How long calls in flight may go on once the front drains.
  package var drainGrace: Duration = .seconds(10)

  package init() {}
}
