internal import NIOConcurrencyHelpers
package import WeirCore
package import WeirRedis

/// What replicas tell each other of sessions: messages for all, and beside them a list of the sessions that are over, for who missed some. Redis
/// carries both and knows nothing of what they mean.
package final class SessionBoard: Sendable {
  /// For how long the list has a session, by Redis' clock.
  package static let memory = Duration.seconds(3600)
  private static let most = 100_000
  /// How often the list is looked at while messages arrive, and while they do not.
  private static let look = Duration.seconds(10)
  private static let lookWithoutMessages = Duration.seconds(1)
  /// How often it is tried to tell what others may not know otherwise.
  private static let attempts = 30

  private struct Item: Sendable {
    let message: [UInt8]
    let over: [UInt8]?
  }

  private struct Readers: Sendable {
    var onMessage: @Sendable ([UInt8]) -> Void = { _ in }
    var onOver: @Sendable ([[UInt8]]) -> Void = { _ in }
  }

  private let client: RedisClient
  private let list: [UInt8]
  private let channel: [UInt8]
  private let time: any TimeSource
  private let items: AsyncStream<Item>
  private let queue: AsyncStream<Item>.Continuation
  private let readers = NIOLockedValueBox(Readers())
  /// Redis' clock at the last look, in milliseconds since 1970.
  private let seen = NIOLockedValueBox<Int64?>(nil)

  package init(client: RedisClient, keys: FleetKeys, time: any TimeSource) {
    self.client = client
    self.time = time
    list = keys.part("sessions-over")
    channel = keys.channel("sessions")
    (items, queue) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(4096))
  }

  /// Tells every replica, this one too. Does not wait; where Redis is away, messages are lost.
  /// - Parameter over: what stands for a session that is over, at most a few bytes: it is put on the list.
  package func tell(_ message: [UInt8], over: [UInt8]? = nil) { queue.yield(Item(message: message, over: over)) }

  /// Who reads, to be said before `run`. Both must not block.
  /// - Parameter onOver: told of what the list has got since the last look; the same may come more than once.
  package func connect(onMessage: @escaping @Sendable ([UInt8]) -> Void, onOver: @escaping @Sendable ([[UInt8]]) -> Void) {
    readers.withLockedValue { $0 = Readers(onMessage: onMessage, onOver: onOver) }
  }

  /// Tells and reads until cancelled.
  package func run() async {
    let subscription = client.subscribe(to: channel)
    await withDiscardingTaskGroup { group in
      group.addTask { for await item in self.items { await self.publish(item) } }
      group.addTask {
        while !Task.isCancelled {
          await self.lookAtList()
          let pause = subscription.isReady ? Self.look : Self.lookWithoutMessages
          do { try await self.time.sleep(until: self.time.now() + pause) } catch { return }
        }
      }
      for await event in subscription {
        switch event {
        case .ready: await lookAtList()
        case .message(let message): readers.withLockedValue { $0.onMessage }(message)
        case .missed: break
        }
      }
      group.cancelAll()
    }
  }

  private func publish(_ item: Item) async {
    let arguments = [
      channel, item.message, item.over ?? [], Array(String(Self.memory.saturatedMilliseconds).utf8), Array(String(Self.most).utf8),
    ]
    for _ in 0..<(item.over == nil ? 1 : Self.attempts) {
      if (try? await client.evaluate(Self.telling, keys: [list], arguments: arguments)) != nil { return }
      do { try await time.sleep(until: time.now() + .seconds(1)) } catch { return }
    }
  }

  private func lookAtList() async {
    // What was written in the same moment may have come after the last look.
    let since = seen.withLockedValue { $0 }.map { String($0 - 2000) } ?? "-inf"
    guard let reply = try? await client.evaluate(Self.looking, keys: [list], arguments: [Array(since.utf8)]),
      case .array(let parts) = reply, parts.count == 2, case .integer(let clock) = parts[0], case .array(let names) = parts[1]
    else { return }
    seen.withLockedValue { $0 = Int64(clock) }
    let over = names.compactMap { name -> [UInt8]? in if case .bulk(let bytes) = name { bytes } else { nil } }
    if !over.isEmpty { readers.withLockedValue { $0.onOver }(over) }
  }

  /// KEYS list. ARGV channel, message, what goes on the list or nothing, milliseconds that it stays there, how many there may be.
  private static let telling = RedisScript(
    """
    if ARGV[3] ~= '' then
      local t = redis.call('TIME')
      local now = t[1] * 1000 + math.floor(t[2] / 1000)
      redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[3])
      redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now - tonumber(ARGV[4])))
      redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1 - tonumber(ARGV[5]))
      redis.call('PEXPIRE', KEYS[1], ARGV[4])
    end
    return redis.call('PUBLISH', ARGV[1], ARGV[2])
    """)

  /// KEYS list. ARGV the least score.
  private static let looking = RedisScript(
    """
    local t = redis.call('TIME')
    return {t[1] * 1000 + math.floor(t[2] / 1000), redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf')}
    """)
}
