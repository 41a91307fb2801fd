internal import NIOCore

/// Where other replicas reach this one.
enum FleetAddress {
  /// `host:port`: what the operator says, or where this one listens; where it listens everywhere, an address of this machine or container. Nil
  /// where the port is not known before, or there is no such address.
  static func choose(_ settings: Settings) -> String? {
    if let address = settings.fleetAddress { return address }
    let listen = settings.listen
    guard listen.port != 0 else { return nil }
    let isEverywhere = ["0.0.0.0", "::"].contains { $0.utf8.elementsEqual(listen.host.utf8) }
    guard let host = isEverywhere ? machine() : listen.host else { return nil }
    return "\(host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host):\(listen.port)"
  }

  /// The first address of this machine that others may know, IPv4 before IPv6.
  private static func machine() -> String? {
    let addresses = ((try? System.enumerateDevices()) ?? []).compactMap(\.address)
    for address in addresses {
      if case .v4 = address, let text = address.ipAddress, !text.utf8.starts(with: "127.".utf8) { return text }
    }
    for address in addresses {
      // Not those of one link, which need its name.
      if case .v6 = address, let text = address.ipAddress, text != "::1", !text.utf8.starts(with: "fe80".utf8) { return text }
    }
    return nil
  }
}
