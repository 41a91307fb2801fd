import RedisTestSupport
import Testing
import WeirCore
import WeirFleet
import WeirRedis

@Suite(
  "What replicas tell each other of sessions", .serialized, .enabled(if: RedisServer.executable != nil, "redis-server is not on PATH"),
  .timeLimit(.minutes(3)))
struct SessionBoardTests {
  /// What one board's reader got.
  private final class Reader: Sendable {
    let messages: AsyncStream<[UInt8]>
    let marks: AsyncStream<[[UInt8]]>

    init(_ board: SessionBoard) {
      let (messages, message) = AsyncStream.makeStream(of: [UInt8].self)
      let (marks, mark) = AsyncStream.makeStream(of: [[UInt8]].self)
      (self.messages, self.marks) = (messages, marks)
      board.connect(onMessage: { message.yield($0) }, onOver: { mark.yield($0) })
    }
  }

  @Test("a message reaches every replica, and who comes later finds on the list what is over")
  func messages() async throws {
    try await withRedis { client in
      let keys = FleetKeys(prefix: "test")
      let boards = (0..<3).map { _ in SessionBoard(client: client, keys: keys, time: SystemTime()) }
      let readers = boards.map { Reader($0) }
      await withTaskGroup(of: Void.self) { group in
        for board in boards.prefix(2) { group.addTask { await board.run() } }
        // A message is lost to who is not subscribed yet.
        group.addTask {
          while !Task.isCancelled {
            boards[0].tell(Array("ea".utf8), over: Array("a".utf8))
            boards[0].tell(Array("ub".utf8))
            try? await Task.sleep(for: .milliseconds(50))
          }
        }
        for reader in readers.prefix(2) {
          var found: Set<[UInt8]> = []
          for await message in reader.messages {
            found.insert(message)
            if found.count == 2 { break }
          }
          #expect(found == [Array("ea".utf8), Array("ub".utf8)])
        }
        group.addTask { await boards[2].run() }
        for await marks in readers[2].marks {
          #expect(marks == [Array("a".utf8)])
          break
        }
        group.cancelAll()
      }
    }
  }

  @Test("a replica that has just come is found, also by one that has just looked, and one that has left is not")
  func locations() async throws {
    try await withRedis { client in
      let first = roster(client, "10.0.0.1:80")
      let second = roster(client, "10.0.0.2:80")
      _ = await first.locate(second.id)
      try await ageRoster(client, keys)
      #expect(await first.locate(second.id) == .gone)
      _ = await second.locate(.random())
      #expect(await first.locate(second.id) == .at("10.0.0.2:80"))
      await second.leave()
      let third = roster(client, nil)
      #expect(await third.locate(second.id) == .gone)
      #expect(await third.locate(first.id) == .at("10.0.0.1:80"))
      for one in [first, third] { await one.leave() }
      #expect(await roster(client, nil).locate(first.id) == .gone)
    }
  }

  /// What can have happened to the list.
  enum Loss: CaseIterable {
    case flushed, isOld
  }

  @Test(
    "after Redis has lost everything, or has come back with an old list, nobody is called gone until all have had time to say that they are there (issue 5)",
    arguments: Loss.allCases)
  func lost(_ loss: Loss) async throws {
    try await withRedis { client in
      let first = roster(client, "10.0.0.1:80")
      let second = roster(client, "10.0.0.2:80")
      for _ in 0..<2 { for one in [first, second] { _ = await one.locate(.random()) } }
      try await ageRoster(client, keys)
      switch loss {
      case .flushed: _ = try await client.send(RedisCommand("FLUSHALL"))
      case .isOld:
        for one in [first, second] { _ = try await client.send(RedisCommand("ZINCRBY", keys.part("roster"), Array("-20000".utf8), one.id.bytes)) }
      }
      _ = await first.locate(.random())
      #expect(first.members.count == 2)
      #expect(await first.locate(second.id) == .at("10.0.0.2:80"))
      // One that knew nobody before.
      let third = roster(client, nil)
      #expect(await third.locate(second.id) == .unknown)
      // The second does not come back.
      try await ageRoster(client, keys)
      #expect(await third.locate(second.id) == .gone)
      _ = await first.locate(.random())
      #expect(await first.locate(second.id) == .gone)
    }
  }

  private let keys = FleetKeys(prefix: "test")

  private func roster(_ client: RedisClient, _ address: String?) -> Roster {
    Roster(id: .random(), address: address, client: client, keys: keys, time: SystemTime())
  }
}
