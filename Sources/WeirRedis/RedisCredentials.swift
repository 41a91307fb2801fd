internal import NIOPosix

/// Who a client says it is.
package struct RedisCredentials: Sendable {
  /// The ACL user, or nil for `default`.
  package var user: String?
  package var password = RedisPasswordSource.none

  package init() {}
}

/// Where the password is taken from whenever a connection is made.
package struct RedisPasswordSource: Sendable {
  private enum Kind {
    case fixed(RedisPassword?)
    case reread(@Sendable () throws -> String)
  }

  private let kind: Kind

  package static let none = RedisPasswordSource(kind: .fixed(nil))

  package static func fixed(_ password: RedisPassword) -> RedisPasswordSource {
    RedisPasswordSource(kind: .fixed(password))
  }

  /// Read anew for every connection and every few seconds, so that it can be changed while the program runs.
  /// - Parameter read: May block; its errors say what cannot be read, without what was.
  package static func reread(_ read: @escaping @Sendable () throws -> String) -> RedisPasswordSource {
    RedisPasswordSource(kind: .reread(read))
  }

  var changes: Bool {
    if case .reread = kind { true } else { false }
  }

  /// - Throws: `authentication` where it cannot be read, or is empty.
  func current() async throws(RedisError) -> RedisPassword? {
    switch kind {
    case .fixed(let password): return password
    case .reread(let read):
      let text: String
      do {
        text = try await NIOThreadPool.singleton.runIfActive { try read() }
      } catch {
        throw RedisError(.authentication, "the password cannot be read: \(error)")
      }
      guard !text.isEmpty else { throw RedisError(.authentication, "the password was read and is empty") }
      return RedisPassword(text)
    }
  }
}
