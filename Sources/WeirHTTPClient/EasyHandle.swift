import CCurl

/// One of libcurl's easy handles. Used under the driver's lock only.
final class EasyHandle {
  let pointer: UnsafeMutableRawPointer
  private let shelf: HandleShelf
  private let url: String
  /// libcurl's list of header lines has to live as long as the transfer.
  private let headers: HeaderList
  private let isPost: Bool
  /// Set where a transfer went well: its handle may serve another one, if it is one of a `POST`. What others are told is never taken back.
  var servesAgain = false

  /// A handle for this request: a new one, or one that has served a request of the same kind.
  init(for request: HTTPRequest, from shelf: HandleShelf) throws(HTTPClientError) {
    self.shelf = shelf
    url = request.url
    isPost = request.isPost
    let kept = isPost ? shelf.take() : nil
    guard let pointer = kept?.pointer ?? curl_easy_init() else { throw HTTPClientError(curl: CURLE_FAILED_INIT) }
    self.pointer = pointer
    do throws(HTTPClientError) {
      headers = if let known = kept?.headers, known.isMade(of: request.headers) { known } else { try HeaderList(request.headers) }
    } catch {
      curl_easy_cleanup(pointer)
      throw error
    }
    if kept == nil { try apply(shelf.configuration) }
    try apply(request, to: kept?.url)
    try HTTPClientError.check(weir_curl_set_list(pointer, CURLOPT_HTTPHEADER, headers.head))
  }

  deinit {
    if servesAgain, isPost { shelf.keep(.init(pointer: pointer, url: url, headers: headers)) } else { curl_easy_cleanup(pointer) }
  }

  func set(_ option: CURLoption, _ value: Int) throws(HTTPClientError) {
    try HTTPClientError.check(weir_curl_set_long(pointer, option, value))
  }

  func set(_ option: CURLoption, _ value: Bool) throws(HTTPClientError) {
    try set(option, value ? 1 : 0)
  }

  /// libcurl keeps a copy.
  func set(_ option: CURLoption, _ value: String) throws(HTTPClientError) {
    try HTTPClientError.check(weir_curl_set_string(pointer, option, value))
  }

  func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) throws(HTTPClientError) {
    try HTTPClientError.check(weir_curl_set_pointer(pointer, option, value))
  }

  func set(_ option: CURLoption, _ callback: @escaping curl_write_callback) throws(HTTPClientError) {
    try HTTPClientError.check(weir_curl_set_write(pointer, option, callback))
  }

  func setPrerequest(_ callback: @escaping curl_prereq_callback) throws(HTTPClientError) {
    try HTTPClientError.check(weir_curl_set_prerequest(pointer, callback))
  }

  /// libcurl keeps a copy.
  func setBody(_ bytes: [UInt8]) throws(HTTPClientError) {
    try HTTPClientError.check(weir_curl_set_offset(pointer, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count)))
    let code = bytes.withUnsafeBytes { buffer in
      weir_curl_set_pointer(pointer, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: buffer.baseAddress))
    }
    try HTTPClientError.check(code)
  }

  /// How many connections the transfer opened: 0 where it reused one.
  var connectionsOpened: Int {
    var count = 0
    return weir_curl_get_long(pointer, CURLINFO_NUM_CONNECTS, &count) == CURLE_OK ? count : 0
  }

  /// The length that the response declares, if it does.
  var declaredLength: Int? {
    var length: curl_off_t = -1
    guard weir_curl_get_offset(pointer, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK, length >= 0 else { return nil }
    return Int(length)
  }
}
