internal import Logging
internal import NIOConcurrencyHelpers
internal import WeirCore
internal import WeirFleet
internal import WeirFlow
internal import WeirPipeline
internal import WeirServer

/// Reads the configuration again while Weir serves: a new generation is made beside the one there is, takes its place between two requests, and the
/// old one ends when its last call has (decision 23). What cannot be read changes nothing.
package final class Reloader: Sendable {
  /// What came of reloads, for metrics.
  struct Tally: Sendable {
    var succeeded = 0
    var refused = 0
    /// When the configuration that holds now was read.
    var readAt: WallTime
  }

  /// How long new upstreams may take to come up before they are offered all the same.
  private static let patience: Duration = .seconds(30)
  /// How long the old generation may have calls: what they may take, and a person's time to think.
  private static let longestCall: Duration = .seconds(15 * 60)

  private let file: String?
  private let read: @Sendable () throws -> Settings
  private let workshop: Workshop
  private let gateway: GatewaySwitch
  private let front: Front
  private let logger: Logger
  private let time: any TimeSource
  private let state: NIOLockedValueBox<Tally>
  private let retired: AsyncStream<Retirement>
  private let retirement: AsyncStream<Retirement>.Continuation

  private struct Retirement: Sendable {
    let old: Generation
    let next: Generation
  }

  /// - Parameters:
  ///   - file: for messages; nil where there is none to read.
  ///   - read: reads and checks the whole file.
  init(file: String?, read: @escaping @Sendable () throws -> Settings, workshop: Workshop, gateway: GatewaySwitch, front: Front) {
    self.file = file
    self.read = read
    self.workshop = workshop
    self.gateway = gateway
    self.front = front
    logger = workshop.logger
    time = workshop.time
    state = NIOLockedValueBox(Tally(readAt: workshop.time.wall()))
    (retired, retirement) = AsyncStream.makeStream()
  }

  var tally: Tally { state.withLockedValue { $0 } }

  /// Reads again at each of these, until cancelled, and ends what has been replaced.
  package func run(at signals: some AsyncSequence<some Sendable, Never> & Sendable) async {
    await withDiscardingTaskGroup { group in
      // Beside the reloads, which need not wait for calls of what they replaced; it ends with them.
      group.addTask { await self.retire() }
      for await _ in signals {
        if Task.isCancelled { break }
        await reload()
      }
      group.cancelAll()
    }
  }

  // MARK: One reload

  /// One after the other, never two at once.
  func reload() async {
    let settings: Settings
    do {
      settings = try checked()
    } catch {
      state.withLockedValue { $0.refused += 1 }
      return logger.error("the configuration is not changed: \(error)")
    }
    let former = gateway.current
    let next = workshop.make(settings, number: former.number + 1, after: former)
    for (name, lane) in next.lanes where former.lanes[name] == nil { await lane.lane.lane.started() }
    await settle(next, after: former)
    _ = gateway.change(to: next)
    workshop.changes.generation = next.number
    for (name, live) in former.upstreams where next.upstreams[name]?.feed === live.feed { live.feed.disconnect(former.directory) }
    next.pipeline.tellWatched()
    front.dismiss { next.pipeline.knows(principal: $0) }
    if next.looksOtherThan(former) { front.notifier.listsChanged() }
    state.withLockedValue { tally in
      tally.succeeded += 1
      tally.readAt = time.wall()
    }
    logger.notice("the configuration was read again", metadata: next.differences(from: former))
    retirement.yield(Retirement(old: former, next: next))
  }

  /// The settings with those of now in the place of what cannot change while Weir runs.
  private func checked() throws -> Settings {
    guard let file else { throw CommandError("Weir was started without a file (weir serve --config FILE), so there is none to read again") }
    var settings = try read()
    let now = gateway.current.settings
    for key in settings.fixedKeys(otherThanIn: now) { logger.warning("\(file): \(key) changes with the next start only; the old value holds") }
    settings.keepFixed(of: now)
    try SettingsReader.refuseOpenDoors(settings, file: file, line: nil)
    return settings
  }

  /// Waits until new upstreams have come up or failed to, so that nobody misses their tools in between.
  private func settle(_ next: Generation, after former: Generation) async {
    let deadline = time.now() + Self.patience
    let new = next.upstreams.filter { former.upstreams[$0.key]?.feed !== $0.value.feed }.keys
    while time.now() < deadline, !Task.isCancelled {
      let snapshot = next.directory.snapshot
      if new.allSatisfy({ snapshot.state(of: $0) ?? .connecting != .connecting }) { return }
      try? await time.sleep(until: time.now() + .milliseconds(20))
    }
  }

  // MARK: What was replaced

  /// Ends what the generation after it has not taken over, one generation after the other: an earlier one may have calls with the same upstream.
  private func retire() async {
    for await retirement in retired {
      let (old, next) = (retirement.old, retirement.next)
      await withTaskGroup(of: Void.self) { group in
        // The first to end ends the other: a call that never ends is no reason to keep its generation.
        group.addTask { await old.calls.isZero() }
        group.addTask { try? await self.time.sleep(until: self.time.now() + Self.longestCall) }
        await group.next()
        group.cancelAll()
      }
      for (name, live) in old.upstreams where next.upstreams[name]?.feed !== live.feed {
        live.job.stop()
        await live.job.ended()
        logger.info("upstream has ended since the configuration has it no more, or otherwise", metadata: ["upstream": "\(name)"])
      }
      for (name, live) in old.lanes where next.lanes[name]?.job !== live.job {
        live.job.stop()
        await live.job.ended()
        await live.rate?.leave(live.lane.lane)
      }
    }
  }
}
