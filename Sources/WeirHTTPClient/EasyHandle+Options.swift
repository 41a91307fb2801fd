import CCurl

extension EasyHandle {
  /// What is the same for every request: nothing happens that was not asked for.
  func apply(_ configuration: HTTPClientConfiguration) throws(HTTPClientError) {
    // Without it libcurl uses SIGALRM. It sends so that no SIGPIPE comes of it.
    try set(CURLOPT_NOSIGNAL, true)
    // A cancelled HTTP/2 stream costs 7.88 the connection's window; a cancelled HTTP/1.1 transfer costs its connection only.
    try set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    try set(CURLOPT_HTTP09_ALLOWED, false)
    try set(CURLOPT_PROTOCOLS_STR, "http,https")
    try set(CURLOPT_FOLLOWLOCATION, false)
    try set(CURLOPT_DISALLOW_USERNAME_IN_URL, true)
    try set(CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    // A transfer that ends during name resolution must not make the driver wait for the resolver's thread.
    try set(CURLOPT_QUICK_EXIT, true)
    try set(CURLOPT_TCP_KEEPALIVE, true)
    try set(CURLOPT_TCP_KEEPIDLE, 60)
    try set(CURLOPT_TCP_KEEPINTVL, 30)
    try set(CURLOPT_MAXAGE_CONN, Int(clamping: max(1, TransferDeadlines.bounded(configuration.maxIdleTime).components.seconds)))
    try applyTLS(configuration)
    try applyProxy(configuration)
  }

  private func applyTLS(_ configuration: HTTPClientConfiguration) throws(HTTPClientError) {
    try set(CURLOPT_SSL_VERIFYPEER, true)
    try set(CURLOPT_SSL_VERIFYHOST, 2)
    try set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let file = configuration.certificateAuthorityFile {
      try set(CURLOPT_CAINFO, file)
      // Otherwise the system's directory of certificates is trusted beside the file.
      try set(CURLOPT_CAPATH, UnsafeMutableRawPointer?.none)
    }
  }

  /// An empty string, other than none, keeps libcurl from reading the environment.
  private func applyProxy(_ configuration: HTTPClientConfiguration) throws(HTTPClientError) {
    try set(CURLOPT_PROXY, configuration.proxy ?? "")
    try set(CURLOPT_NOPROXY, "")
    try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
  }

  /// What `HandleShelf` relies on: a `POST` sets everything that a `POST` before it has set.
  /// - Parameter known: the URL that the handle has been told before.
  func apply(_ request: HTTPRequest, to known: String?) throws(HTTPClientError) {
    if known.map({ $0.utf8.elementsEqual(request.url.utf8) }) != true { try set(CURLOPT_URL, request.url) }
    try set(CURLOPT_CONNECTTIMEOUT_MS, Int(max(1, TransferDeadlines.milliseconds(request.connectTimeout))))
    switch request.method {
    case "GET" where request.body.isEmpty:
      try set(CURLOPT_HTTPGET, true)
    case "HEAD":
      try set(CURLOPT_NOBODY, true)
    case "DELETE" where request.body.isEmpty, "OPTIONS" where request.body.isEmpty:
      try set(CURLOPT_HTTPGET, true)
      try set(CURLOPT_CUSTOMREQUEST, request.method)
    default:
      try set(CURLOPT_POST, true)
      try setBody(request.body)
      if !request.isPost { try set(CURLOPT_CUSTOMREQUEST, request.method) }
    }
  }
}
