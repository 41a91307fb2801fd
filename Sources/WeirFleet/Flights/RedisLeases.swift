package import WeirCache
package import WeirCore
internal import WeirFlow
package import WeirRedis

/// Leases in Redis: a random token under `…{<digest>}:lease` for three seconds, renewed by its holder, and a set of the replicas that follow, each
/// of which is told on a channel of its own when the lease ends.
package final class RedisLeases: LeaseStore {
  private let client: RedisClient
  private let keys: FleetKeys
  private let id: ReplicaID
  private let book = WakeBook()
  private let endings = LeaseEndings()
  private let channels: [UInt8]
  private let time: any TimeSource
  private let clock: @Sendable () -> Int64?
  /// Between attempts to say what Redis did not hear.
  private static let pause: Duration = .milliseconds(250)
  private static let lease = Array(String(LeaseMachine.lease.saturatedMilliseconds).utf8)

  /// - Parameter clock: what Redis' clock shows now at the least, in microseconds since 1970; nil where that is not known.
  package init(
    id: ReplicaID, client: RedisClient, keys: FleetKeys, time: any TimeSource = SystemTime(), clock: @escaping @Sendable () -> Int64? = { nil }
  ) {
    self.id = id
    self.time = time
    self.clock = clock
    self.client = client
    self.keys = keys
    channels = keys.wakeChannels
    // Who follows would hear nothing of a server that says nothing.
    client.whenSilent { [book] in book.wakeAll() }
  }

  /// Hears of leases that end, and says what is said behind callers' backs, until cancelled.
  package func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.hear() }
      group.addTask { await self.endings.run { await self.insist($0) } }
    }
  }

  /// Says what is left to be said; to be called when `run` has returned and no flight is under way, while the Redis client still runs.
  package func leave() async { await endings.drain { await self.say($0) != .unavailable } }

  // MARK: LeaseStore

  package var patience: Duration { client.commandTimeout }

  package var hearsWakes: Bool { book.isHearing }

  package func look(for key: CacheKey, _ question: LeaseQuestion) async -> LeaseAnswer {
    let freshness = question.fresherThan.map { String(max(0, $0.saturatedMilliseconds)) } ?? ""
    let arguments = [question.token.bytes, id.bytes, Self.lease, Array(freshness.utf8), question.disbelieved]
    do throws(RedisError) {
      return Self.answer(try await client.evaluate(LeaseScripts.look, keys: keys.lease(of: key), arguments: arguments)) ?? .unavailable
    } catch {
      return error.code == .overloaded ? .late : .unavailable
    }
  }

  package func renew(_ key: CacheKey, _ token: LeaseToken) async -> LeaseReceipt {
    Self.receipt(try? await client.evaluate(LeaseScripts.renew, keys: keys.lease(of: key), arguments: [token.bytes, Self.lease]))
  }

  /// Said a second time where the connection was lost: nobody knows then whether it was done, and doing it twice changes nothing.
  package func end(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd, within patience: Duration) async -> LeaseReceipt {
    await say(job(key, token, end), within: patience)
  }

  private func say(_ job: LeaseEndings.Job, within patience: Duration? = nil) async -> LeaseReceipt {
    let (kind, bytes, ttl): (String, [UInt8], Duration) =
      switch job.end {
      case .value(let bytes, let ttl): ("value", bytes, ttl)
      case .marker(let bytes, let ttl): ("marker", bytes, ttl)
      case .nothing: ("", [], .zero)
      }
    let milliseconds = Array(String(max(1, ttl.saturatedMilliseconds)).utf8)
    let arguments = [job.token.bytes, Array(kind.utf8), bytes, milliseconds, job.key.bytes, channels, job.began]
    func send() async throws(RedisError) -> RedisReply {
      try await client.evaluate(LeaseScripts.end, keys: keys.lease(of: job.key), arguments: arguments, timeout: patience)
    }
    do {
      return Self.receipt(try await send())
    } catch {
      return error.code == .connectionLost ? Self.receipt(try? await send()) : .unavailable
    }
  }

  package func endLater(_ key: CacheKey, _ token: LeaseToken, as end: LeaseEnd) {
    endings.add(job(key, token, end))
  }

  package func listen(for key: CacheKey, _ onWake: @escaping @Sendable () -> Void) -> LeaseListener { book.add(key.bytes, onWake) }

  package func stopListening(_ listener: LeaseListener) { book.remove(listener) }

  // MARK: Inside

  private func hear() async {
    for await event in client.subscribe(to: keys.wakeChannel(of: id)) {
      switch event {
      case .ready: book.wakeAll(isHearing: true)
      case .missed: book.wakeAll(isHearing: false)
      case .message(let key): book.wake(key)
      }
    }
    book.wakeAll(isHearing: false)
  }

  private func job(_ key: CacheKey, _ token: LeaseToken, _ end: LeaseEnd) -> LeaseEndings.Job {
    LeaseEndings.Job(key: key, token: token, end: end, began: LeaseScripts.beginning(clock()), until: time.now() + LeaseMachine.lease)
  }

  /// Says it until Redis has heard it, or the lease has ended by itself: nobody is to wait for a lease that nobody needs. False where it was
  /// interrupted.
  private func insist(_ job: LeaseEndings.Job) async -> Bool {
    repeat {
      if await say(job) != .unavailable { return true }
      do { try await time.sleep(until: min(job.until, time.now() + Self.pause)) } catch { return false }
    } while time.now() < job.until
    return true
  }

  private static func answer(_ reply: RedisReply) -> LeaseAnswer? {
    guard case .array(let parts) = reply, case .integer(let kind)? = parts.first else { return nil }
    switch (kind, parts.count) {
    case (1, 3), (2, 3):
      guard case .bulk(let bytes?) = parts[1], case .integer(let left) = parts[2] else { return nil }
      return kind == 1 ? .value(bytes, remaining: .milliseconds(left)) : .marker(bytes, remaining: .milliseconds(left))
    case (3, 1): return .led
    case (4, 2):
      guard case .integer(let left) = parts[1] else { return nil }
      return .followed(remaining: .milliseconds(left))
    default: return nil
    }
  }

  private static func receipt(_ reply: RedisReply?) -> LeaseReceipt {
    switch reply {
    case .integer(0)?: .refused
    case .integer(1)?: .accepted
    default: .unavailable
    }
  }
}
