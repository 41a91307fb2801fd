internal import NIOCore
internal import NIOSSL

/// TLS for `rediss`: the server's certificate and name are always verified (RFC 6125), TLS 1.2 or newer.
struct RedisTLS: Sendable {
  private let context: NIOSSLContext
  private let serverName: String?

  /// - Throws: `tls` where the certificate authorities cannot be read.
  init(host: String, certificateAuthorityFile: String?) throws(RedisError) {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.minimumTLSVersion = .tlsv12
    settings.certificateVerification = .fullVerification
    settings.trustRoots = certificateAuthorityFile.map { .file($0) } ?? .default
    do {
      context = try NIOSSLContext(configuration: settings)
    } catch {
      let source = certificateAuthorityFile.map { "the file \($0)" } ?? "the system's certificate store (package ca-certificates)"
      throw RedisError(.tls, "no certificate authorities could be read from \(source)")
    }
    // An address is verified against the certificate's IP entries; as a server name RFC 6066 §3 forbids it.
    serverName = (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
  }

  func makeHandler() throws(RedisError) -> NIOSSLClientHandler {
    do {
      return try NIOSSLClientHandler(context: context, serverHostname: serverName)
    } catch {
      throw RedisError(.tls, "the host's name cannot be used as a TLS server name")
    }
  }

  static func isTLSError(_ error: any Error) -> Bool {
    error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
  }

  static func failure(_ error: any Error) -> RedisError {
    if case .handshakeFailed(let cause)? = error as? NIOSSLError {
      return RedisError(.tls, "the TLS handshake failed: check the server's certificate, its name and the CA file (\(cause))")
    }
    if error is NIOSSLExtraError {
      return RedisError(.tls, "the server's certificate does not fit: check the host's name and the CA file (\(error))")
    }
    return RedisError(.connectionLost, "the TLS connection failed: \(error)")
  }
}
