import Testing
import WeirRedis

@Suite struct RedisURLTests {
  struct Good: CustomTestStringConvertible {
    let text: String
    var endpoint = RedisEndpoint.tcp(host: "h", port: 6379)
    var tls = false
    var user: String?
    var password: String?
    var database = 0
    var testDescription: String { text }
  }

  static let good: [Good] = [
    Good(text: "redis://h"),
    Good(text: "redis://h/"),
    Good(text: "REDIS://h:7000/3", endpoint: .tcp(host: "h", port: 7000), database: 3),
    Good(text: "rediss://cache.internal:6379/0", endpoint: .tcp(host: "cache.internal", port: 6379), tls: true),
    Good(text: "redis://:p@h", password: "p"),
    Good(text: "redis://u:p@h:1/15", endpoint: .tcp(host: "h", port: 1), user: "u", password: "p", database: 15),
    Good(text: "redis://u:a:b@h", user: "u", password: "a:b"),
    Good(text: "redis://us%20er:%40%2F%3a%25%C3%A9@h", user: "us er", password: "@/:%é"),
    Good(text: "redis://[::1]:6380/1", endpoint: .tcp(host: "::1", port: 6380), database: 1),
    Good(text: "rediss://u:p@[2001:db8::1]", endpoint: .tcp(host: "2001:db8::1", port: 6379), tls: true, user: "u", password: "p"),
    Good(text: "unix:///run/redis/redis.sock", endpoint: .unix(path: "/run/redis/redis.sock")),
    Good(text: "unix://:p@/run/a%20b.sock?db=2", endpoint: .unix(path: "/run/a b.sock"), password: "p", database: 2),
  ]

  @Test("addresses of every form", arguments: good)
  func parses(_ case: Good) throws {
    let url = try RedisURL(parsing: `case`.text)
    #expect(url.endpoint == `case`.endpoint)
    #expect(url.usesTLS == `case`.tls)
    #expect(url.user == `case`.user)
    #expect(url.password?.reveal == `case`.password)
    #expect(url.database == `case`.database)
  }

  @Test(
    "a text that is no Redis URL is refused with advice and without its password",
    arguments: [
      ("", "no scheme"), ("localhost:6379", "no scheme"), ("http://:hunter2@h", "scheme"), ("redis://", "no host"), ("redis://:hunter2@", "no host"),
      ("redis://:hunter2@h:0", "port"), ("redis://:hunter2@h:65536", "port"), ("redis://:hunter2@h:+1", "port"), ("redis://:hunter2@h:", "port"),
      ("redis://:hunter2@h:6379/x", "database"), ("redis://:hunter2@h/-1", "database"), ("redis://:hunter2@h/0/1", "database"),
      ("redis://:hunter2/x@h", "%2F"), ("redis://user:1/hunter2@h", "%2F"),
      ("redis://:hunter2@x@h", "%40"), ("redis://:hunter2#x@h", "%23"), ("redis://:hunter2?x@h", "%3F"),
      ("redis://:hunter2%zz@h", "%25"), ("redis://:hunter2%2@h", "%25"), ("redis://:hunter2%ff@h", "UTF-8"), ("redis://:hunter2%00@h", "UTF-8"),
      ("redis://:hunter2@h?timeout=1", "query"), ("redis://hunter2@h", "user:password"), ("redis://:@h", "empty"),
      ("redis://:hunter2@::1", "brackets"),
      ("redis://:hunter2@[::1", "]"), ("redis://:hunter2@[::1]x", "]"), ("redis://:hunter2 @h", "space"), ("redis://:hunter2\r\n@h", "control"),
      ("unix://hunter2", "three slashes"), ("unix:///", "three slashes"), ("unix:///a?x=hunter2", "db=N"), ("unix:///a?db=hunter2", "database"),
    ])
  func refuses(text: String, advice: String) {
    let error = #expect(throws: RedisURLError.self) { try RedisURL(parsing: text) }
    #expect(error?.message.contains(advice) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("hunter") == false)
  }

  @Test("a password never shows, however it is printed")
  func secrecy() throws {
    let url = try RedisURL(parsing: "redis://user:hunter2@h/1")
    var configuration = RedisConfiguration(url: url)
    configuration.clientName = "x"
    var dumped = ""
    dump(configuration, to: &dumped)
    for text in ["\(url)", String(reflecting: url), "\(configuration)", String(reflecting: configuration), dumped] {
      #expect(!text.contains("hunter2"))
      #expect(!text.isEmpty)
    }
    #expect("\(RedisPassword("hunter2"))" == "***")
  }
}
