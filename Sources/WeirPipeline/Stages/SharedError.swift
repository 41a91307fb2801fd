internal import WeirCore
internal import WeirJSON

/// Errors that replicas tell each other: what came of a request, so that who asks now would meet it too. Never what concerns a caller, a tenant or
/// this replica.
extension CallError {
  static let providerThrottles = {
    var error = CallError(.throttled, "The provider throttles; try again in a minute.", retryAfter: .seconds(60))
    error.isFromUpstream = true
    return error
  }()

  /// For how long others are told; nil: they are not.
  var sharedLifetime: Duration? {
    guard isFromUpstream else { return nil }
    return switch reason {
    case .throttled: min(max(retryAfter ?? .seconds(1), .milliseconds(500)), .seconds(5))
    case .timedOut, .upstreamInvalid: .seconds(1)
    case .upstreamDown: .milliseconds(500)
    // Without a code it is a refusal of the credential.
    case .upstreamError where upstreamCode != nil: .seconds(1)
    default: nil
    }
  }

  /// As JSON.
  var shared: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("reason", reason.rawValue)
    writer.member("message", message)
    if let retryAfter { writer.memberRaw("retryAfterMs", Array(String(retryAfter.saturatedMilliseconds).utf8)) }
    if forbidsStale { writer.memberRaw("forbidsStale", Array("true".utf8)) }
    if let upstreamCode { writer.memberRaw("code", Array(String(upstreamCode).utf8)) }
    if let upstreamMessage { writer.member("upstreamMessage", upstreamMessage) }
    if let upstreamData { writer.memberRaw("data", upstreamData) }
    writer.endObject()
    return writer.bytes
  }

  /// What another replica has told. What this version cannot read is an error all the same.
  init(shared bytes: [UInt8]) {
    let root = try? JSONDocument(parsing: bytes, limits: .upstreamResult).root
    let reason = root?["reason"]?.string.flatMap { Reason(rawValue: $0) }
    self.init(
      reason ?? .upstreamInvalid, root?["message"]?.string ?? "The upstream gave no valid answer.",
      retryAfter: root?["retryAfterMs"]?.int.map { .milliseconds($0) }, upstreamCode: root?["code"]?.int,
      upstreamData: root?["data"]?.raw, upstreamMessage: root?["upstreamMessage"]?.string)
    forbidsStale = root?["forbidsStale"] != nil
    isFromUpstream = true
  }
}
