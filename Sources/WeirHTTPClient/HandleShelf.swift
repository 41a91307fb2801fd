import CCurl

/// Keeps the easy handles of `POST` requests that went well for the next ones: to make one and set what never changes costs more than the
/// request itself. Used under the driver's lock only.
final class HandleShelf {
  /// A handle with what it was told last, which need not be told again.
  struct Kept {
    let pointer: UnsafeMutableRawPointer
    let url: String
    let headers: HeaderList
  }

  let configuration: HTTPClientConfiguration
  private var kept: [Kept] = []
  private static let capacity = 8

  init(configuration: HTTPClientConfiguration) {
    self.configuration = configuration
  }

  deinit {
    for handle in kept { curl_easy_cleanup(handle.pointer) }
  }

  func take() -> Kept? { kept.popLast() }

  /// Takes a handle that no transfer uses any more, and makes it forget the one that did.
  func keep(_ kept: Kept) {
    let handle = kept.pointer
    let isBlank =
      weir_curl_set_list(handle, CURLOPT_HTTPHEADER, nil) == CURLE_OK
      // Frees libcurl's copy of the body, too.
      && weir_curl_set_pointer(handle, CURLOPT_POSTFIELDS, nil) == CURLE_OK
      && [CURLOPT_PRIVATE, CURLOPT_HEADERDATA, CURLOPT_WRITEDATA, CURLOPT_PREREQDATA].allSatisfy {
        weir_curl_set_pointer(handle, $0, nil) == CURLE_OK
      }
    if isBlank, self.kept.count < Self.capacity { self.kept.append(kept) } else { curl_easy_cleanup(handle) }
  }
}

extension HTTPRequest {
  /// Whether it is sent as a `POST`, and so with a body, if an empty one.
  var isPost: Bool { method == "POST" }
}
