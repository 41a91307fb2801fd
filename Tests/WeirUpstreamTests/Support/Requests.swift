import WeirCore
import WeirJSON
import WeirMCP

@testable import WeirUpstream

/// Short forms of what the tests send and read.
enum Call {
  /// The clock of all tests with real processes: moments of two clocks cannot be compared.
  static let time = SystemTime()

  static func tool(
    _ name: String, _ arguments: String = "{}", repeatable: Bool = false, within: Duration = .seconds(30),
    onProgress: (@Sendable (CallProgress) -> Void)? = nil
  ) -> UpstreamRequest {
    UpstreamRequest(
      method: MCPMethod.toolsCall, name: Name(name), params: Array(#"{"name":"\#(name)","arguments":\#(arguments)}"#.utf8),
      deadline: time.now() + within, isRepeatable: repeatable, onProgress: onProgress)
  }
}

extension JSONDocument {
  /// The text of the first content block of a tool result.
  var text: String? { root["content"]?[0]?["text"]?.string }
}

extension Upstream {
  /// The result or the error of one call.
  func outcome(_ request: UpstreamRequest) async -> Result<JSONDocument, CallError> {
    do { return .success(try await send(request)) } catch { return .failure(error) }
  }

  func text(_ name: String, _ arguments: String = "{}") async throws -> String {
    try await send(Call.tool(name, arguments)).text ?? ""
  }
}

extension Result where Failure == CallError {
  var error: CallError? { if case .failure(let error) = self { error } else { nil } }
}
