import CCurl

/// libcurl's list of request header lines.
struct HeaderList: ~Copyable {
  private(set) var head: UnsafeMutablePointer<curl_slist>?

  deinit { curl_slist_free_all(head) }

  /// What libcurl would add by itself and nobody asked for is switched off by a line with nothing after the colon.
  init(_ headers: [(name: String, value: String)]) throws(HTTPClientError) {
    head = nil
    for silenced in ["Expect", "Accept", "Content-Type"] where !headers.contains(where: { HTTPHeaders.isSame($0.name, silenced) }) {
      try append("\(silenced):")
    }
    for header in headers { try append(Self.line(header)) }
  }

  /// "Name;" is how libcurl spells a field with an empty value.
  private static func line(_ header: (name: String, value: String)) -> String {
    let isEmpty = header.value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    return isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
  }

  private mutating func append(_ line: String) throws(HTTPClientError) {
    guard let longer = curl_slist_append(head, line) else { throw HTTPClientError(curl: CURLE_OUT_OF_MEMORY) }
    head = longer
  }
}
