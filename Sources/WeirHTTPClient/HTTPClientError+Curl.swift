import CCurl

extension HTTPClientError {
  /// The one place where libcurl's codes become errors. Its static description of the code is quoted; its error buffer, which may name URLs, is not.
  init(curl code: CURLcode) {
    let (kind, text) = Self.meaning(of: code)
    self.init(kind, "\(text) (\(String(cString: curl_easy_strerror(code))))")
  }

  private static func meaning(of code: CURLcode) -> (Code, String) {
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_INTERFACE_FAILED, CURLE_PROXY:
      (.connectFailed, "the server could not be reached")
    case CURLE_OPERATION_TIMEDOUT:
      (.timedOut(.connect), "connecting to the server took longer than the connect timeout")
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_USE_SSL_FAILED,
      CURLE_SSL_CLIENTCERT, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_SHUTDOWN_FAILED:
      (.tls, "no trusted TLS connection to the server could be made")
    case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_SEND_FAIL_REWIND, CURLE_READ_ERROR:
      (.closedEarly, "the connection ended before the response did")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_HTTP2, CURLE_HTTP2_STREAM:
      (.protocolError, "the server's answer is not well-formed HTTP/1.1")
    case CURLE_URL_MALFORMAT:
      (.invalidRequest, "the URL is malformed")
    case CURLE_FILESIZE_EXCEEDED:
      (.bodyTooLarge, "the response body is longer than the request allows")
    default:
      (.internalFault, "libcurl could not carry out the request")
    }
  }

  /// Throws what a code other than `CURLE_OK` means.
  static func check(_ code: CURLcode) throws(HTTPClientError) {
    if code != CURLE_OK { throw HTTPClientError(curl: code) }
  }

  /// Throws where a function on the multi handle failed: never the peer's doing.
  static func check(_ code: CURLMcode) throws(HTTPClientError) {
    if code != CURLM_OK {
      throw HTTPClientError(.internalFault, "libcurl's multi handle failed (\(String(cString: curl_multi_strerror(code))))")
    }
  }
}
