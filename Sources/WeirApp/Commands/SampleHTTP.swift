internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import WeirSample

/// The sample server over HTTP at `/mcp`, for set-ups where Weir and its upstream are different containers. It asks nobody who they are: it
/// has nothing to hide.
package enum SampleHTTP {
  /// Runs until SIGTERM or SIGINT.
  package static func run(address: String, latency: Duration) async throws {
    guard let (host, port) = SettingsReader.address(address) else {
      throw CommandError("\"\(address)\" is no address; write for example 127.0.0.1:9000")
    }
    let server = SampleServer(latency: latency)
    let router = Router()
    router.get("/healthz") { _, _ in "ok\n" }
    router.post("/mcp") { request, _ -> Response in
      let body = try await request.body.collect(upTo: 1 << 20)
      guard let answer = await server.answer(to: Array(body.readableBytesView)) else { return Response(status: .accepted) }
      return Response(status: .ok, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: ByteBuffer(bytes: answer)))
    }
    let application = Application(
      router: router, configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
      logger: Logger(label: "weir.sample"))
    try await application.runService()
  }
}
