internal import WeirCore

/// Which scopes were purged, and when: the state of `PurgeMarks`.
///
/// A mark says two things: after which of the purges that this process heard of an answer must have been asked for, and after what time on
/// Redis' clock. One of the two is enough. Redis' time of a mark is unknown until Redis has confirmed it: only the first counts then.
struct PurgeBook {
  /// More marks than this become one of everything, as old as the youngest of those that are given up.
  static let most = 1024

  struct Mark {
    /// Which purge, of those that this process heard of.
    var generation: UInt64
    /// Redis' time in microseconds; 0 while it has none.
    var time: Int64 = 0
    /// The purge of this process that Redis has not confirmed.
    var pending: UInt64?
    var heardAt: Moment

    /// Redis' time, as far as it is known that nothing later is to come.
    var limit: Int64 { pending == nil ? time : .max }

    func covers(_ stamp: PurgeStamp) -> Bool { generation > stamp.generation && limit > stamp.asked }
  }

  private(set) var marks: [PurgeScope: Mark] = [:]
  /// How many purges were heard of.
  private(set) var generation: UInt64 = 0
  /// The latest time of a mark, past every clock while one is pending.
  private(set) var latest: Int64 = 0
  /// Redis' clock at the last contact: every mark up to then is here.
  private(set) var clock: Int64 = 0
  private(set) var epoch: Int64 = 0
  private(set) var heardAt: Moment?

  func covers(_ stamp: PurgeStamp, _ key: CacheKey, _ scopes: PurgeScopes) -> Bool {
    guard stamp.generation < generation, stamp.asked < latest else { return false }
    let isMarked: (PurgeScope) -> Bool = { marks[$0]?.covers(stamp) ?? false }
    return isMarked(.all) || isMarked(.key(key)) || scopes.contains(where: isMarked)
  }

  /// Purges here and now; what Redis says of it comes later.
  mutating func purge(_ scopes: [PurgeScope], now: Moment) {
    for scope in scopes { mark(scope, now: now) { $0.pending = $0.generation } }
    tidy(now: now)
  }

  // MARK: What Redis is told, and what it says

  var question: PurgeQuestion {
    let pending = marks.compactMap { scope, mark in mark.pending.map { (scope: scope, purge: $0) } }
    return PurgeQuestion(clock: clock, since: clock, epoch: epoch, pending: pending)
  }

  /// - Returns: what Redis has to be asked or told yet, if only that this process knows now what it did not; nil where both know all.
  mutating func take(_ answer: PurgeAnswer, to question: PurgeQuestion, now: Moment) -> PurgeQuestion? {
    // Those of others, from before the own ones were told.
    let news = answer.marks.filter { $0.time > (marks[$0.scope]?.time ?? 0) }
    for (scope, time) in news { mark(scope, now: now) { $0.time = max($0.time, time) } }
    for (scope, purge) in question.pending where marks[scope]?.pending == purge {
      marks[scope]?.time = answer.clock
      marks[scope]?.pending = nil
    }
    defer { tidy(now: now) }
    guard answer.epoch == epoch || question.isWhole else { return PurgeQuestion(clock: max(clock, answer.clock), since: 0, epoch: epoch) }
    let lost = answer.epoch == epoch ? [] : forgotten(in: answer)
    (clock, heardAt) = (max(clock, answer.clock), now)
    // Until Redis has them again, this is no epoch to go on from: what is told now may not arrive.
    if lost.isEmpty { epoch = answer.epoch }
    return lost.isEmpty && news.isEmpty ? nil : PurgeQuestion(clock: clock, since: clock, epoch: epoch, restored: lost)
  }

  /// What Redis has lost: it was flushed, or another server took over that had not heard of it.
  private func forgotten(in answer: PurgeAnswer) -> [(scope: PurgeScope, time: Int64)] {
    let known = Dictionary(answer.marks.map { ($0.scope, $0.time) }) { max($0, $1) }
    // What is older Redis gives up by itself, or has made part of this one.
    let oldest = max(known[.all] ?? 0, answer.clock - PurgeMarks.horizon.saturatedNanoseconds / 1000)
    return marks.filter { $0.value.time > max(known[$0.key] ?? 0, oldest) }.map { ($0.key, $0.value.time) }
  }

  // MARK: Upkeep

  private mutating func mark(_ scope: PurgeScope, now: Moment, _ change: (inout Mark) -> Void) {
    generation += 1
    var mark = marks[scope] ?? Mark(generation: generation, heardAt: now)
    (mark.generation, mark.heardAt) = (generation, now)
    change(&mark)
    marks[scope] = mark
  }

  /// Lets go of marks that are older than every answer can be.
  private mutating func tidy(now: Moment) {
    marks = marks.filter { now - $0.value.heardAt <= PurgeMarks.horizon }
    if marks.count > Self.most {
      // Half of them at once, so that it is rare.
      let oldest = marks.filter { $0.key != .all }.sorted { $0.value.generation < $1.value.generation }.prefix(Self.most / 2)
      var all = marks[.all] ?? Mark(generation: 0, heardAt: now)
      for (scope, mark) in oldest {
        marks[scope] = nil
        all.generation = max(all.generation, mark.generation)
        all.time = max(all.time, mark.time)
        if let pending = mark.pending { all.pending = max(all.pending ?? 0, pending) }
      }
      all.heardAt = now
      marks[.all] = all
    }
    latest = marks.values.map(\.limit).max() ?? 0
  }
}
