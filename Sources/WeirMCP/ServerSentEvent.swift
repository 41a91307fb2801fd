/// One event of an event stream (WHATWG HTML §9.2).
package struct ServerSentEvent: Equatable, Sendable {
  /// The last event id in force when the event was dispatched; it lasts from event to event. Nil where the stream has named none.
  package var id: String?
  /// The event's type; nil means `message`.
  package var event: String?
  /// The data lines, joined by line feeds.
  package var data: [UInt8]
  /// The reconnection time that this event's block set, in milliseconds.
  package var retry: Int?

  package init(id: String? = nil, event: String? = nil, data: [UInt8], retry: Int? = nil) {
    self.id = id
    self.event = event
    self.data = data
    self.retry = retry
  }
}
