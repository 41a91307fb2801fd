/// A response whose head has arrived and whose body is still to be read. Dropping it unread ends the transfer and closes its connection.
package struct HTTPResponse: Sendable {
  package let head: HTTPResponseHead
  package let body: HTTPBody

  init(head: HTTPResponseHead, body: HTTPBody) {
    self.head = head
    self.body = body
  }
}
