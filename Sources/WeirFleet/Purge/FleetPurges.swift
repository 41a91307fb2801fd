internal import NIOConcurrencyHelpers
package import WeirCache
package import WeirCore
internal import WeirFlow
package import WeirRedis

/// Brings the purges of all replicas together: what is purged here is told to Redis, and what was purged elsewhere is learnt from it, each
/// second and when a message says so. Who can't reach Redis keeps its own purges until it can.
package final class FleetPurges: Sendable {
  /// Somewhat less than the second within which a purge counts everywhere, messages or none.
  package static let interval = Duration.milliseconds(900)
  /// As many marks as a replica remembers.
  private static let mostMarks = 1024
  /// Questions of one look: one, one more where there was news, and some more where Redis has lost what it knew.
  private static let mostQuestions = 8

  private static let attempts = 3
  /// How long a purge waits for others to say that they know of it: some looks without a message, since a busy machine may miss one.
  private static let hearing = Duration.seconds(3)
  private static let pauses = (shortest: Duration.milliseconds(5), longest: Duration.milliseconds(80))

  private let id: ReplicaID
  package let marks: PurgeMarks
  private let client: RedisClient
  private let keys: FleetKeys
  private let channel: [UInt8]
  private let time: any TimeSource
  private let patience: Duration
  /// Those who wait for the look that is under way; nil while none is.
  private let waiting = NIOLockedValueBox<[OneShot<Bool>]?>(nil)

  /// - Parameter patience: for Redis, at a purge: an operator waits longer than calls do.
  package init(id: ReplicaID, marks: PurgeMarks, client: RedisClient, keys: FleetKeys, time: any TimeSource, patience: Duration = .seconds(1)) {
    self.id = id
    self.marks = marks
    self.client = client
    self.keys = keys
    self.time = time
    self.patience = patience
    channel = keys.channel("purges")
  }

  /// Keeps up with the others, until cancelled.
  package func run() async {
    let (looks, look) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    await withDiscardingTaskGroup { group in
      group.addTask { [client, channel] in
        // Whatever comes, `ready` and `missed` too, is a reason to look.
        for await _ in client.subscribe(to: channel) { look.yield() }
      }
      group.addTask { [time] in
        while !Task.isCancelled {
          look.yield()
          do { try await time.sleep(until: time.now() + Self.interval) } catch { return }
        }
      }
      for await _ in looks { _ = await exchange() }
    }
  }

  /// Purges these scopes: here at once, in the fleet as soon as Redis and its replicas have heard of it.
  package func purge(_ scopes: [PurgeScope]) async -> PurgeReach {
    marks.purge(scopes, now: time.now())
    for attempt in 1...Self.attempts {
      if await exchange(timeout: patience) == .told, !marks.isPending(scopes) { break }
      guard attempt < Self.attempts else { return .replica }
      try? await time.sleep(until: time.now() + .milliseconds(100))
    }
    for case .key(let key) in scopes { await invalidate(key) }
    guard let unheard = await unheard(scopes) else { return .replica }
    return .redis(unheard: unheard)
  }

  /// Waits until each replica of the fleet has said that it knows of these purges, for as long as one takes that is well.
  /// - Returns: those that have not, as far as Redis said last; nil where it never did.
  private func unheard(_ scopes: [PurgeScope]) async -> [ReplicaID: String]? {
    let deadline = time.now() + Self.hearing
    var pause = Self.pauses.shortest
    var purged = marks.time(of: scopes)
    var unheard: [ReplicaID: String]?
    while true {
      let epoch = marks.epoch
      let silent = await replicas(unawareOf: purged)
      // Only now is it sure that Redis had not lost these purges when it said so.
      if await exchange(timeout: patience) == .told {
        if marks.epoch == epoch { unheard = silent ?? unheard } else { purged = marks.clock }
      }
      if let unheard, unheard.isEmpty { return unheard }
      guard time.now() < deadline, (try? await time.sleep(until: time.now() + pause)) != nil else { return unheard }
      pause = min(pause * 2, Self.pauses.longest)
    }
  }

  /// The other replicas of the fleet that have not said that they know all marks up to then, each with its address. Nil where Redis does not say.
  private func replicas(unawareOf clock: Int64) async -> [ReplicaID: String]? {
    let arguments = [id.bytes, Array(String(clock).utf8)]
    let reply = try? await client.evaluate(
      PurgeScript.unaware, keys: [keys.part("addresses"), keys.part("listeners")], arguments: arguments, timeout: patience)
    return reply.flatMap(FleetMembers.addresses)
  }

  /// Learns of the purges of others now, where the last word of them is too old to rely on.
  /// - Returns: false where this process was too busy to ask or to hear, which says nothing of Redis.
  @discardableResult
  package func catchUp() async -> Bool {
    guard !marks.isCurrent(at: time.now()) else { return true }
    let slot = OneShot<Bool>()
    let isFirst = waiting.withLockedValue { waiting in
      defer { waiting = (waiting ?? []) + [slot] }
      return waiting == nil
    }
    guard isFirst else { return await slot.value() ?? true }
    let isPunctual = await exchange() != .late
    let waiters = waiting.withLockedValue { waiting in
      defer { waiting = nil }
      return waiting ?? []
    }
    for waiter in waiters { waiter.give(isPunctual) }
    return isPunctual
  }

  private enum Exchange {
    /// Both sides know the same.
    case told
    /// This process was too busy.
    case late
    /// Redis can't be reached.
    case away
  }

  /// Tells and asks, until both sides know the same.
  private func exchange(timeout: Duration? = nil) async -> Exchange {
    var question = marks.question
    for _ in 0..<Self.mostQuestions {
      let arguments = PurgeScript.arguments(question, of: id, channel: channel, most: Self.mostMarks)
      let reply: RedisReply
      do throws(RedisError) {
        reply = try await client.evaluate(PurgeScript.script, keys: PurgeScript.keys(keys), arguments: arguments, timeout: timeout)
      } catch {
        return error.code == .overloaded ? .late : .away
      }
      guard let answer = PurgeScript.answer(reply) else { return .away }
      guard let next = marks.take(answer, to: question, now: time.now()) else { return .told }
      question = next
    }
    return .away
  }

  /// Removes what there is of a key, and ends the lease of whoever fetches it: its answer is refused. The mark holds without that.
  private func invalidate(_ key: CacheKey) async {
    _ = try? await client.evaluate(
      LeaseScripts.remove, keys: keys.lease(of: key), arguments: [key.bytes, keys.wakeChannels], timeout: patience)
  }
}
