/// What a flight finds in the shared store.
package enum LeasedLookup<Payload: CachePayload>: Sendable {
  /// As wanted; in the first cache too now.
  case hit(MemoryHit<Payload>)
  case marker(LeaseMarker)
  /// This flight is the one to ask.
  case led
  /// Another flight asks; its lease ends in `remaining` unless it is renewed.
  case followed(remaining: Duration)
  /// Nobody knows yet: this process was too busy to ask or to hear.
  case late
  /// Nobody knows.
  case unavailable
}
