internal import WeirCore
internal import WeirJSON

/// A call of `query-costs` for days that are written out, of costs, with a filter that is taken apart.
struct VantageCostQuery: Sendable {
  let workspace: Name
  let filter: VantageFilter
  let start: CivilDate
  /// The last day, included.
  let end: CivilDate
  /// `day` where it is left out.
  let bin: Name
  let groupings: [Name]
  /// The canonical JSON of the settings.
  let settings: [UInt8]

  var range: TimeBucket { TimeBucket(start: start, end: end + 1) }

  init?(_ arguments: JSONValue) {
    let known: Set<Name> = ["page", "filter", "start_date", "end_date", "workspace_token", "date_bin", "groupings"]
    var settings = JSONWriter()
    settings.beginObject()
    for (name, value) in arguments.members {
      guard let name = name.string else { return nil }
      if known.contains(Name(name)) { continue }
      guard Self.isSetting(Name(name), value) else { return nil }
      settings.memberRaw(name, value.raw)
    }
    settings.endObject()
    guard arguments.kind == .object, arguments["page"].map({ $0.int == 1 }) ?? true else { return nil }
    guard let workspace = arguments["workspace_token"]?.string, let filter = (arguments["filter"]?.stringBytes).flatMap(VantageFilter.init) else {
      return nil
    }
    guard let start = arguments["start_date"]?.stringBytes.flatMap(CivilDate.init),
      let end = arguments["end_date"]?.stringBytes.flatMap(CivilDate.init)
    else { return nil }
    let bin = arguments["date_bin"].map { $0.string ?? "" } ?? "day"
    guard start <= end, ["day", "week", "month"].contains(bin), let groupings = Self.groupings(arguments["groupings"]) else { return nil }
    guard let canonical = try? JSONDocument(parsing: settings.bytes).root.canonical() else { return nil }
    self.workspace = Name(workspace)
    self.filter = filter
    self.start = start
    self.end = end
    self.bin = Name(bin)
    self.groupings = groupings
    self.settings = canonical
  }

  /// Settings that change what is counted or what a row is, are left alone; `false` is no different from the others.
  private static func isSetting(_ name: Name, _ value: JSONValue) -> Bool {
    switch name {
    case "settings_include_credits", "settings_include_refunds", "settings_include_discounts", "settings_include_tax", "settings_amortize",
      "settings_unallocated":
      value.kind == .bool
    case "settings_aggregate_by": value.isString("cost")
    case "settings_show_previous_period": value.bool == false
    default: false
    }
  }

  private static func groupings(_ value: JSONValue?) -> [Name]? {
    guard let value else { return ["provider", "service", "region"] }
    let names = value.elements.compactMap { $0.string.map { Name($0) } }
    return value.kind == .array && names.count == value.count && Set(names).count == names.count ? names : nil
  }
}
