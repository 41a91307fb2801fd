/// Status and fields of a final (not 1xx) response.
package struct HTTPResponseHead: Sendable, Equatable {
  /// 200 to 999. Redirects are answers like any other: nothing is followed.
  package let status: Int
  package let headers: HTTPHeaders

  package init(status: Int, headers: HTTPHeaders) {
    self.status = status
    self.headers = headers
  }
}
