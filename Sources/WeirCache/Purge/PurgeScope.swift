package import WeirCore

/// What a purge covers. Compared by bytes.
package enum PurgeScope: Hashable, Sendable {
  /// Every answer.
  case all
  /// One answer.
  case key(CacheKey)
  /// All of one upstream, its resources too.
  case upstream(Name)
  /// The answers of one tool, by its upstream's name for it.
  case tool(upstream: Name, tool: Name)
  /// What this tenant's callers are given: whatever was asked for before, by whomever, is no answer to them any more.
  case tenant(Name)
  /// Tools that the operator gave this tag.
  case tag(Name)

  /// What kind of scope; the names that people write.
  package enum Kind: String, Sendable, CaseIterable {
    case all, key, upstream, tool, tenant, tag
  }

  package var kind: Kind {
    switch self {
    case .all: .all
    case .key: .key
    case .upstream: .upstream
    case .tool: .tool
    case .tenant: .tenant
    case .tag: .tag
    }
  }

  /// What stands between an upstream and its tool, as in the tool's name at the aggregate. No upstream has it in its name.
  private static let separator = Array("__".utf8)

  /// `all`, or the kind, a colon and the name, such as `tool:aws-billing__get_cost_and_usage`.
  package var bytes: [UInt8] {
    let name: [UInt8] =
      switch self {
      case .all: []
      case .key(let key): Array(key.hex.utf8)
      case .upstream(let name), .tenant(let name), .tag(let name): Array(name.utf8)
      case .tool(let upstream, let tool): Array(upstream.utf8) + Self.separator + Array(tool.utf8)
      }
    return Array(kind.rawValue.utf8) + (self == .all ? [] : [UInt8(ascii: ":")] + name)
  }

  /// Nil where these are not the bytes of one.
  package init?(bytes: some Collection<UInt8>) {
    if bytes.elementsEqual(Self.all.bytes) {
      self = .all
      return
    }
    guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), let word = String(validating: bytes[..<colon], as: UTF8.self),
      let kind = Kind(rawValue: word), let name = Name(utf8: bytes[bytes.index(after: colon)...])
    else { return nil }
    self.init(kind, name)
  }

  /// Nil where nothing of this kind has such a name.
  package init?(_ kind: Kind, _ name: Name) {
    guard !name.string.isEmpty else { return nil }
    switch kind {
    case .all: return nil
    case .key:
      guard let key = CacheKey(hex: name.utf8) else { return nil }
      self = .key(key)
    case .upstream: self = .upstream(name)
    case .tenant: self = .tenant(name)
    case .tag: self = .tag(name)
    case .tool:
      let bytes = Array(name.utf8)
      guard let split = bytes.indices.first(where: { bytes[$0...].starts(with: Self.separator) }), split > 0,
        let upstream = Name(utf8: bytes[..<split]), let tool = Name(utf8: bytes[(split + Self.separator.count)...]), !tool.string.isEmpty
      else { return nil }
      self = .tool(upstream: upstream, tool: tool)
    }
  }
}

extension PurgeScope: CustomStringConvertible {
  package var description: String { String(decoding: bytes, as: UTF8.self) }
}
