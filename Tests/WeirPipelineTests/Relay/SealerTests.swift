import Testing
import WeirCore

@testable import WeirPipeline

@Suite("What Weir seals for clients")
struct SealerTests {
  private static let now = WallTime(milliseconds: 1_000_000)
  private static let payload = Array(#"{"round":1}"#.utf8)

  @Test("it is opened by a replica with the same secret, for the same purpose and names, before its end")
  func opened() throws {
    let sealer = Sealer(secret: Array("secret".utf8))
    let sealed = try #require(sealer.seal(Self.payload, for: "state", of: ["alice", "up"], until: Self.now + .seconds(10)))
    let bytes = Array(sealed.utf8)
    let other = Sealer(secret: Array("secret".utf8))
    #expect(other.open(bytes, for: "state", of: ["alice", "up"], now: Self.now) == Self.payload)
    #expect(other.open(bytes, for: "state", of: ["alice", "up"], now: Self.now + .seconds(10)) == nil)
    #expect(other.open(bytes, for: "task", of: ["alice", "up"], now: Self.now) == nil)
    #expect(other.open(bytes, for: "state", of: ["bob", "up"], now: Self.now) == nil)
    #expect(other.open(bytes, for: "state", of: ["alic", "eup"], now: Self.now) == nil)
    #expect(Sealer().open(bytes, for: "state", of: ["alice", "up"], now: Self.now) == nil)
  }

  @Test("no changed character is let through")
  func tampered() throws {
    let sealer = Sealer()
    let sealed = Array(try #require(sealer.seal(Self.payload, for: "state", of: [], until: Self.now + .seconds(10))).utf8)
    for index in sealed.indices {
      var changed = sealed
      changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(sealer.open(changed, for: "state", of: [], now: Self.now) == nil)
    }
    for count in 0..<sealed.count { #expect(sealer.open(Array(sealed.prefix(count)), for: "state", of: [], now: Self.now) == nil) }
  }
}
