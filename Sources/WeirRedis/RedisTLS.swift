internal import NIOCore
internal import NIOSSL

/// PEM files for TLS.
package struct RedisTLSFiles: Sendable, Hashable {
  /// The certificate authorities to trust; nil for the system's.
  package var authorities: String?
  /// The certificate to show, with those between it and its authority behind it, and its key; nil for none.
  package var certificate: String?
  package var key: String?

  package init() {}
}

/// TLS to servers: their certificate and name are always verified (RFC 6125), TLS 1.2 or newer.
struct RedisTLS: Sendable {
  private let context: NIOSSLContext

  /// - Throws: `tls` where a file cannot be read or does not fit.
  init(_ files: RedisTLSFiles) throws(RedisError) {
    var settings = TLSConfiguration.makeClientConfiguration()
    settings.minimumTLSVersion = .tlsv12
    settings.certificateVerification = .fullVerification
    settings.trustRoots = files.authorities.map { .file($0) } ?? .default
    switch (files.certificate, files.key) {
    case (let certificate?, let key?):
      settings.certificateChain = try Self.read("certificate", certificate) { try NIOSSLCertificate.fromPEMFile($0).map { .certificate($0) } }
      if settings.certificateChain.isEmpty { throw RedisError(.tls, "there is no certificate in the file \(certificate)") }
      settings.privateKey = try Self.read("private key", key) { .privateKey(try NIOSSLPrivateKey(file: $0, format: .pem)) }
    case (nil, nil): break
    default: throw RedisError(.tls, "a client certificate and its key come together: give both files, or neither")
    }
    do {
      context = try NIOSSLContext(configuration: settings)
    } catch {
      if let key = files.key, files.authorities.map({ (try? NIOSSLCertificate.fromPEMFile($0))?.isEmpty == false }) ?? true {
        throw RedisError(.tls, "the private key in \(key) cannot be used with the certificate: \(error)")
      }
      let source = files.authorities.map { "the file \($0)" } ?? "the system's certificate store (package ca-certificates)"
      throw RedisError(.tls, "no certificate authorities could be read from \(source)")
    }
  }

  private static func read<Value>(_ what: String, _ file: String, _ body: (String) throws -> Value) throws(RedisError) -> Value {
    do { return try body(file) } catch { throw RedisError(.tls, "no \(what) could be read from the file \(file): it must be there, in PEM form") }
  }

  func makeHandler(for endpoint: RedisEndpoint) throws(RedisError) -> NIOSSLClientHandler {
    do {
      return try NIOSSLClientHandler(context: context, serverHostname: Self.serverName(of: endpoint))
    } catch {
      throw RedisError(.tls, "the host's name cannot be used as a TLS server name")
    }
  }

  /// An address is verified against the certificate's IP entries; as a server name RFC 6066 §3 forbids it.
  private static func serverName(of endpoint: RedisEndpoint) -> String? {
    guard case .tcp(let host, _) = endpoint, (try? SocketAddress(ipAddress: host, port: 0)) == nil else { return nil }
    return host
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
