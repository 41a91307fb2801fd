import Testing
import WeirCore
import WeirFlow

@Suite("RetryAfter")
struct RetryAfterTests {
  /// 1994-11-06T08:49:37Z.
  private let now = WallTime(milliseconds: 784_111_777_000)

  @Test(
    "seconds and the three forms of a date",
    arguments: [
      ("12", 12), (" 0 ", 0), ("86400", 86_400), ("99999999999999999999999", 1_000_000_000),
      ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sunday, 06-Nov-94 08:49:47 GMT", 10), ("Sun Nov  6 08:49:47 1994", 10),
      ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sun, 06 Nov 1990 08:49:37 GMT", 0), ("Mon, 07 Nov 1994 08:49:37 GMT", 86_400),
    ])
  func valid(text: String, seconds: Int) {
    #expect(RetryAfter.delay(text, now: now) == .seconds(seconds))
  }

  @Test(
    "anything else is nothing",
    arguments: [
      "", " ", "-5", "1.5", "12 13", "soon", "12s", "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 1994 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "\u{661}\u{662}", "٣",
    ])
  func garbage(text: String) {
    #expect(RetryAfter.delay(text, now: now) == nil)
  }
}
