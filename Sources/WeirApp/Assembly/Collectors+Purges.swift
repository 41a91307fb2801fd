package import WeirCache
package import WeirCore

extension Collectors {
  /// - Parameter isShared: whether purges come through Redis.
  package static func purges(_ marks: PurgeMarks, isShared: Bool, time: any TimeSource) -> @Sendable (inout MetricsPage) -> Void {
    { page in
      page.gauge("weir_purge_marks", "Scopes whose purge is remembered.", [], Double(marks.count))
      guard isShared else { return }
      page.gauge("weir_purge_marks_unconfirmed", "Purges of this replica that Redis has not confirmed yet.", [], Double(marks.pendingCount))
      // Before the first word of Redis there is no age.
      if let heardAt = marks.heardAt {
        page.gauge("weir_purge_marks_age_seconds", "Time since this replica knew all purges of the others.", [], (time.now() - heardAt).inSeconds)
      }
    }
  }
}
