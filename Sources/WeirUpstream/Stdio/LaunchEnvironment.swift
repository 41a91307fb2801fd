package import WeirCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The environment of a child: a short list of inherited variables and what the configuration adds. Weir's own secrets stay with Weir.
package enum LaunchEnvironment {
  /// What children inherit where it is set: how to find programs, the home of caches and profiles, language and time zone, temporary files,
  /// certificates, and the proxy of the network.
  package static let inherited = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TMP", "TEMP",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "no_proxy",
  ]

  /// The inherited variables of this process, with `given` added to them or in their place.
  package static func variables(adding given: [String: Secret]) -> [String: String] {
    var result: [String: String] = [:]
    for name in inherited { if let value = getenv(name) { result[name] = String(cString: value) } }
    for (name, value) in given { result[name] = value.reveal }
    return result
  }
}
