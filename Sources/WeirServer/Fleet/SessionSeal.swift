import WeirCore
import WeirMCP
import WeirPipeline

/// Names of sessions that say, to replicas alone, what every replica needs to know of them (decision 22).
struct SessionSeal: Sendable {
  /// What a name says.
  struct Facts: Sendable, Equatable {
    /// Which replica opened it.
    let replica: Name
    let revision: ProtocolRevision
    let capabilities: [UInt8]?
    /// False where the capabilities are too many to be carried: only the replica that opened the session knows them.
    let isWhole: Bool
  }

  /// A seal opens for so long, in case nobody ends the session and nobody forgets it.
  private static let life: Duration = .seconds(30 * 86_400)
  private static let purpose = "session 1"
  /// More are not carried with every request.
  private static let mostCapabilities = 1024
  /// Bytes at the beginning of a name that no other has: its nonce.
  static let markBytes = 16

  let sealer: Sealer
  let replica: Name

  /// A new name for a session of this principal at this place; nil where the system's cryptography fails.
  func make(principal: Name, place: Name, revision: ProtocolRevision, capabilities: [UInt8]?, now: WallTime) -> Name? {
    let isWhole = (capabilities?.count ?? 0) <= Self.mostCapabilities
    let version = Array(revision.rawValue.utf8)
    var payload = Array(replica.utf8) + [isWhole ? 1 : 0, UInt8(clamping: version.count)] + version
    if isWhole, let capabilities { payload += capabilities }
    return sealer.seal(payload, for: Self.purpose, of: [principal, place], until: now + Self.life).map { Name(Self.urlSafe($0)) }
  }

  /// What a name says; nil where it is none of this principal's at this place.
  func open(_ name: Name, principal: Name, place: Name, now: WallTime) -> Facts? {
    guard let text = Self.standard(name),
      let payload = sealer.open(text, for: Self.purpose, of: [principal, place], now: now), payload.count >= FrontFleet.replicaDigits + 2
    else { return nil }
    let replica = payload.prefix(FrontFleet.replicaDigits)
    var rest = payload.dropFirst(FrontFleet.replicaDigits)
    let isWhole = rest.removeFirst() == 1
    let length = Int(rest.removeFirst())
    guard FrontFleet.isReplica(replica), rest.count >= length, let name = Name(utf8: replica),
      let revision = ProtocolRevision(utf8: rest.prefix(length)), revision.era == .legacy
    else { return nil }
    let capabilities = Array(rest.dropFirst(length))
    return Facts(replica: name, revision: revision, capabilities: capabilities.isEmpty ? nil : capabilities, isWhole: isWhole)
  }

  /// What tells a name from all others.
  static func mark(of name: Name) -> Name { Name(utf8: name.utf8.prefix(markBytes)) ?? name }

  // Names stand in headers and in addresses: base64url without padding (RFC 4648, section 5).

  private static func urlSafe(_ text: String) -> String {
    let bytes = text.utf8.compactMap { byte -> UInt8? in
      switch byte {
      case UInt8(ascii: "+"): UInt8(ascii: "-")
      case UInt8(ascii: "/"): UInt8(ascii: "_")
      case UInt8(ascii: "="): nil
      default: byte
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func standard(_ name: Name) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(name.utf8.count + 3)
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "-"): bytes.append(UInt8(ascii: "+"))
      case UInt8(ascii: "_"): bytes.append(UInt8(ascii: "/"))
      case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
      default: bytes.append(byte)
      }
    }
    while bytes.count % 4 != 0 { bytes.append(UInt8(ascii: "=")) }
    return bytes
  }
}
