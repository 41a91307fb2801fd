/// The slots of a shard whose entries some purge may concern, to be told by their age alone: a sweep asks this of thousands in a second.
struct PurgeSuspects {
  /// By slot.
  let stamps: [PurgeStamp]
  let purges: PurgeMarks

  func contains(_ slot: Int) -> Bool { slot < stamps.count && purges.mayCover(stamps[slot]) }
}
