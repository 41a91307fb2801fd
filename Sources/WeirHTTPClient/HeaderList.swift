import CCurl

/// libcurl's list of request header lines.
final class HeaderList {
  private(set) var head: UnsafeMutablePointer<curl_slist>?
  private let headers: [(name: String, value: String)]

  deinit { curl_slist_free_all(head) }

  /// What libcurl would add by itself and nobody asked for is switched off by a line with nothing after the colon.
  init(_ headers: [(name: String, value: String)]) throws(HTTPClientError) {
    self.headers = headers
    for silenced in ["Expect", "Accept", "Content-Type"] where !headers.contains(where: { HTTPHeaders.isSame($0.name, silenced) }) {
      try append("\(silenced):")
    }
    for header in headers { try append(Self.line(header)) }
  }

  /// Whether it has been made of these, byte by byte.
  func isMade(of headers: [(name: String, value: String)]) -> Bool {
    headers.count == self.headers.count
      && zip(headers, self.headers).allSatisfy { $0.name.utf8.elementsEqual($1.name.utf8) && $0.value.utf8.elementsEqual($1.value.utf8) }
  }

  /// "Name;" is how libcurl spells a field with an empty value.
  private static func line(_ header: (name: String, value: String)) -> String {
    let isEmpty = header.value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
    return isEmpty ? "\(header.name);" : "\(header.name): \(header.value)"
  }

  private func append(_ line: String) throws(HTTPClientError) {
    guard let longer = curl_slist_append(head, line) else { throw HTTPClientError(curl: CURLE_OUT_OF_MEMORY) }
    head = longer
  }
}
