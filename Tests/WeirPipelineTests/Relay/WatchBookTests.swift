import Testing
import WeirCore

@testable import WeirPipeline

@Suite("Who watches which resources")
struct WatchBookTests {
  @Test("a resource is watched once, until the last who watches it leaves")
  func counted() {
    let book = WatchBook()
    #expect(book.add("s1", of: "team", upstream: "up", uri: "a://x", alias: "a://x"))
    #expect(book.add("s2", of: "team", upstream: "up", uri: "a://x", alias: "up+a://x"))
    #expect(book.uris(of: "up") == ["a://x"])
    #expect(
      Dictionary(uniqueKeysWithValues: book.changed("a://x", of: "up").map { ($0.watcher, $0.uri) }) == ["s1": "a://x", "s2": "up+a://x"])
    #expect(book.changed("a://x", of: "other").isEmpty)
    #expect(book.remove("s1", uri: "a://x").isEmpty)
    #expect(book.remove("s2", uri: "a://x").isEmpty)
    #expect(book.remove("s2", uri: nil) == ["up"])
    #expect(book.uris(of: "up").isEmpty)
  }

  @Test("nobody watches without end")
  func bounded() {
    let book = WatchBook()
    for number in 0..<256 { #expect(book.add("s", of: "team", upstream: "up", uri: Name("a://\(number)"), alias: Name("a://\(number)"))) }
    #expect(!book.add("s", of: "team", upstream: "up", uri: "a://one-more", alias: "a://one-more"))
    #expect(book.add("t", of: "team", upstream: "up", uri: "a://one-more", alias: "a://one-more"))
    #expect(book.add("s", of: "team", upstream: "up", uri: "a://7", alias: "a://7"), "what it watches already is no more")
    #expect(!book.add("t", of: "team", upstream: "up", uri: Name(String(repeating: "u", count: 2049)), alias: "a"))
    for watcher in 0..<20 {
      for number in 0..<256 {
        _ = book.add(Name("w\(watcher)"), of: Name("team-\(watcher / 4)"), upstream: "up", uri: Name("b://\(watcher)/\(number)"), alias: "b")
      }
    }
    #expect(book.uris(of: "up").count == 4096)
    #expect(book.add("late", of: "team-0", upstream: "other", uri: "b://0", alias: "b"), "other upstreams are not full")
    for watcher in 0..<20 { _ = book.remove(Name("w\(watcher)"), uri: nil) }
    #expect(book.uris(of: "up").count == 257)
  }

  @Test("issue 4: one team leaves room for the others")
  func shared() {
    let book = WatchBook()
    for watcher in 0..<8 {
      for number in 0..<256 { _ = book.add(Name("w\(watcher)"), of: "greedy", upstream: "up", uri: Name("b://\(watcher)/\(number)"), alias: "b") }
    }
    #expect(book.uris(of: "up").count == 1024)
    #expect(book.add("s", of: "modest", upstream: "up", uri: "a://1", alias: "a"))
    #expect(book.add("w9", of: "greedy", upstream: "up", uri: "a://1", alias: "a"), "what is watched already costs nothing more")
    for watcher in 0..<8 { _ = book.remove(Name("w\(watcher)"), uri: nil) }
    #expect(book.add("w1", of: "greedy", upstream: "up", uri: "c://1", alias: "c"))
  }

  @Test("every change makes a new generation of its upstream")
  func generations() {
    let book = WatchBook()
    let first = book.generation(of: "up")
    _ = book.changed("a://x", of: "up")
    #expect(book.generation(of: "up") != first)
    #expect(book.generation(of: "other") == first)
  }
}

@Suite("Templates of URIs")
struct URITemplateTests {
  @Test(
    "a URI belongs to the template that it can be made from",
    arguments: [
      ("test://template/{id}/data", "test://template/7/data", true), ("test://template/{id}/data", "test://template/7", false),
      ("file:///{+path}", "file:///a/b", true), ("test://fixed", "test://fixed", false), ("a://{x}", "b://1", false),
    ])
  func made(_ template: String, _ uri: String, _ expected: Bool) {
    #expect(URITemplate.mayMake(Name(uri), from: Name(template)) == expected)
  }
}
