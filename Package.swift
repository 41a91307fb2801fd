// swift-tools-version:6.2
import Foundation
import PackageDescription

/// One list for every Swift target, each flag with the proposal that explains it.
let swiftSettings: [SwiftSetting] = {
  var settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0470-isolated-conformances.md
    .enableUpcomingFeature("InferIsolatedConformances"),
  ]
  if ProcessInfo.processInfo.environment["CI"] != nil {
    settings.append(.treatAllWarnings(as: .error))
  }
  return settings
}()

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let locks = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

/// A target may import only what stands above it in this list (docs/architecture.md).
let package = Package(
  name: "weir",
  platforms: [.macOS(.v15)],
  products: [.executable(name: "weir", targets: ["weir"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .systemLibrary(
      name: "CHiredis", pkgConfig: "hiredis",
      providers: [.apt(["libhiredis-dev"]), .brew(["hiredis"])]),
    .systemLibrary(
      name: "CCurl", pkgConfig: "libcurl",
      providers: [.apt(["libcurl4-openssl-dev"]), .brew(["curl"])]),
    .target(name: "WeirJSON", swiftSettings: swiftSettings),
    .target(name: "WeirMCP", dependencies: ["WeirJSON"], swiftSettings: swiftSettings),
    .target(name: "WeirCore", dependencies: ["WeirJSON", locks], swiftSettings: swiftSettings),
    .target(name: "WeirTenancy", dependencies: ["WeirCore", "WeirJSON", crypto, locks], swiftSettings: swiftSettings),
    .target(name: "WeirCache", dependencies: ["WeirCore", crypto, deque, locks], swiftSettings: swiftSettings),
    .target(name: "WeirFlow", dependencies: ["WeirCore", deque, locks, logging], swiftSettings: swiftSettings),
    .target(name: "WeirBilling", dependencies: ["WeirCore", "WeirJSON", "WeirMCP", locks], swiftSettings: swiftSettings),
    .target(
      name: "WeirRedis", dependencies: ["CHiredis", crypto, deque, logging, locks, nioCore, nioPosix, nioSSL],
      swiftSettings: swiftSettings),
    .target(
      name: "WeirFleet", dependencies: ["WeirCache", "WeirCore", "WeirFlow", "WeirRedis", crypto, locks, logging], swiftSettings: swiftSettings),
    .target(name: "WeirHTTPClient", dependencies: ["CCurl", locks, logging], swiftSettings: swiftSettings),
    .target(
      name: "WeirUpstream",
      dependencies: [
        "WeirCore", "WeirHTTPClient", "WeirJSON", "WeirMCP", crypto, locks, logging, subprocess,
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "WeirStdio", dependencies: ["WeirCore", "WeirHTTPClient", "WeirJSON", "WeirMCP", "WeirUpstream", locks, logging],
      swiftSettings: swiftSettings),
    .target(
      name: "WeirPipeline",
      dependencies: [
        "WeirBilling", "WeirCache", "WeirCore", "WeirFlow", "WeirJSON", "WeirMCP", "WeirTenancy", crypto, locks, logging,
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "WeirServer",
      dependencies: [
        "WeirCore", "WeirFlow", "WeirHTTPClient", "WeirJSON", "WeirMCP", "WeirPipeline", "WeirTenancy", locks, logging, lifecycle, nioCore, nioHTTP1,
        nioPosix,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
      ],
      swiftSettings: swiftSettings),
    .target(name: "WeirSample", dependencies: ["WeirCore", "WeirJSON", "WeirMCP"], swiftSettings: swiftSettings),
    .target(
      name: "WeirApp",
      dependencies: [
        "WeirBilling", "WeirCache", "WeirCore", "WeirFleet", "WeirFlow", "WeirHTTPClient", "WeirJSON", "WeirMCP", "WeirPipeline",
        "WeirRedis", "WeirSample", "WeirServer", "WeirStdio", "WeirTenancy", "WeirUpstream", crypto, locks, logging, lifecycle, nioCore,
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: swiftSettings),
    // What the tests of several targets need: a manual clock, the files of test data, programs that are run.
    .target(name: "WeirTestSupport", dependencies: ["WeirCore", locks, logging, subprocess], path: "Tests/Support", swiftSettings: swiftSettings),
    // A real redis-server, for the tests of what speaks to one.
    .target(
      name: "RedisTestSupport", dependencies: ["WeirRedis", "WeirTestSupport", nioCore, nioPosix, locks, subprocess], path: "Tests/RedisSupport",
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "weir",
      dependencies: ["WeirApp", "WeirUpstream", logging, .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: swiftSettings),
    // Benchmarks/trace: the pipeline in virtual time.
    .executableTarget(
      name: "weir-trace",
      dependencies: [
        "WeirBilling", "WeirCache", "WeirCore", "WeirFlow", "WeirJSON", "WeirMCP", "WeirPipeline", "WeirTenancy", "WeirTestSupport", deque, locks,
        logging,
      ],
      path: "Benchmarks/TraceReplay", exclude: ["company.py"], swiftSettings: swiftSettings),
  ]
    + [
      ("WeirJSON", []), ("WeirMCP", ["WeirJSON"]), ("WeirCore", ["WeirJSON"]), ("WeirTenancy", ["WeirCore", "WeirJSON"]),
      ("WeirCache", ["WeirCore", "WeirJSON", crypto]), ("WeirFlow", ["WeirCore"]), ("WeirBilling", ["WeirCore", "WeirJSON", "WeirMCP"]),
      ("WeirRedis", ["RedisTestSupport", nioCore, nioPosix, nioEmbedded, logging, locks]),
      ("WeirFleet", ["RedisTestSupport", "WeirCache", "WeirCore", "WeirFlow", "WeirRedis", nioCore, nioPosix, logging, locks]),
      ("WeirHTTPClient", [nioCore, nioPosix, locks, logging, subprocess]),
      ("WeirUpstream", ["WeirCore", "WeirHTTPClient", "WeirJSON", "WeirMCP", logging, locks, subprocess]),
      ("WeirStdio", ["WeirCore", "WeirHTTPClient", "WeirJSON", "WeirMCP"]),
      ("WeirPipeline", ["WeirBilling", "WeirCache", "WeirCore", "WeirFlow", "WeirJSON", "WeirMCP", "WeirTenancy", logging, locks]),
      (
        "WeirServer",
        ["WeirCore", "WeirJSON", "WeirMCP", "WeirPipeline", "WeirTenancy", nioCore, nioPosix, nioHTTP1, nioEmbedded, logging, locks, lifecycle]
      ),
      ("WeirSample", ["WeirJSON", "WeirMCP"]),
      (
        "WeirApp",
        ["WeirBilling", "WeirCache", "WeirCore", "WeirFleet", "WeirFlow", "WeirJSON", "WeirPipeline", "WeirServer", "WeirTenancy", logging, locks]
      ),
    ].map { (name: String, extra: [Target.Dependency]) in
      .testTarget(name: "\(name)Tests", dependencies: [.init(stringLiteral: name), "WeirTestSupport"] + extra, swiftSettings: swiftSettings)
    }
)
