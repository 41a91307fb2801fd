import Logging
import Testing

@testable import WeirHTTPClient

let quiet = Logger(label: "weir.http.tests") { _ in SwiftLogNoOpLogHandler() }

/// Runs `body` with a client that is shut down afterwards.
func withClient<R>(
  _ change: (inout HTTPClientConfiguration) -> Void = { _ in }, body: (HTTPClient) async throws -> R
) async throws -> R {
  var configuration = HTTPClientConfiguration()
  change(&configuration)
  let client = HTTPClient(configuration: configuration, logger: quiet)
  do {
    let result = try await body(client)
    await client.shutdown()
    return result
  } catch {
    await client.shutdown()
    throw error
  }
}

/// The code of the `HTTPClientError` that `body` throws; nil where it throws none.
func failure<R>(of body: () async throws -> R) async throws -> HTTPClientError.Code? {
  do {
    _ = try await body()
    return nil
  } catch let error as HTTPClientError {
    return error.code
  }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
