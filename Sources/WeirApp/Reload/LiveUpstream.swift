internal import WeirCore
internal import WeirHTTPClient
internal import WeirUpstream

/// An upstream that runs, for as many generations as its connection stays what it is.
struct LiveUpstream: Sendable {
  let family: UpstreamFamily
  let feed: UpstreamFeed
  let connection: [String]
  /// Runs it, and lets its HTTP client go afterwards.
  let job: Jobs.Job
}

extension Settings.Upstream {
  /// All that a change of means another process or session: what is not here holds from the next call on.
  var connection: [String] {
    var parts = [
      UpstreamFactory.credential(of: self).string, era, "\(urlTransport)", isolation.rawValue, "\(maxSessions)", "\(startTimeout)",
      "\(maxResultBytes)",
    ]
    switch transport {
    case .stdio(_, _, let processes): parts.append("\(processes)")
    case .http(_, _, let caFile): parts.append(caFile ?? "")
    }
    return parts
  }
}
