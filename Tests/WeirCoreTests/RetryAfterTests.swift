import Testing
import WeirCore

@Suite("RetryAfter")
struct RetryAfterTests {
  /// 1994-11-06T08:49:37Z.
  private let now = WallTime(milliseconds: 784_111_777_000)

  @Test(
    "seconds and the three forms of a date",
    arguments: [
      ("12", 12), (" 0 ", 0), ("120", 120), ("86400", 86_400),
      ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sunday, 06-Nov-94 08:49:47 GMT", 10), ("Sun Nov  6 08:49:47 1994", 10),
      ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sun, 06 Nov 1990 08:49:37 GMT", 0), ("Mon, 07 Nov 1994 08:49:36 GMT", 86_399),
      ("Sun, 06 Nov 1994 08:49:60 GMT", 23), ("Saturday, 06-Nov-93 08:49:47 GMT", 0), ("Monday, 01-Jan-45 00:00:00 GMT", 0),
    ])
  func valid(text: String, seconds: Int) {
    #expect(RetryAfter.parse(text, now: now) == .seconds(seconds))
  }

  @Test(
    "no wait is longer than a day",
    arguments: [
      "86401", "99999999999999999999999", "9223372036854775807", "Mon, 07 Nov 1994 08:49:38 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
      "Tue, 29 Feb 2028 00:00:00 GMT", "Friday, 01-Jan-44 00:00:00 GMT", "Saturday, 01-Jan-00 00:00:00 GMT",
    ])
  func longest(text: String) {
    #expect(RetryAfter.parse(text, now: now) == .seconds(86_400))
  }

  @Test(
    "anything else is nothing",
    arguments: [
      "", " ", "-5", "-1", "+5", "1.5", "12 13", "soon", "12s", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
      "Sun, 06 Nov 1994 GMT", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "\u{661}\u{662}", "٣",
    ])
  func garbage(text: String) {
    #expect(RetryAfter.parse(text, now: now) == nil)
  }
}
