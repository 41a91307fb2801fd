internal import WeirCore
internal import WeirJSON

/// Everything that Weir knows of one operation of an AWS server's tool whose answers may be cached.
struct AWSToolRule: Sendable {
  /// How an answer ages.
  enum Aging: Sendable {
    /// By the days that were asked for.
    case billing
    case fixed(FreshnessClass)

    func words(_ freshness: FreshnessTable) -> String {
      switch self {
      case .billing: "by the days asked for"
      case .fixed(let kind): freshness[kind].words
      }
    }

    func value(of ranges: [TimeBucket], _ context: PolicyContext) -> Freshness {
      switch self {
      case .fixed(let kind): context.freshness[kind]
      case .billing: context.freshness.freshness(of: ranges, today: context.today)
      }
    }
  }

  /// What an answer looks like; anything else is not kept.
  enum Shape: Sendable {
    /// `{"status":"success",…}`.
    case status
    /// A list of names, without a status.
    case names
    /// Lists of names under the name of their attribute, without a status.
    case lists
    /// Addresses under the name of their format, without a status.
    case addresses
  }

  let provider: Name
  let freshness: Aging
  let arguments: AWSArguments
  var dates: AWSDates = .none
  var shape: Shape = .status
  /// The members of `data` that hold the rows; where all that are there are empty, so is the answer.
  var rows: [String] = []
  /// How many provider requests an answer's `data` took, where it can be told; the arguments are those of the call.
  var requests: @Sendable (_ data: JSONValue, _ arguments: JSONValue?) -> Int? = AWSRequestCount.pagesFetched
  /// Requests beyond the first page that a call makes as a rule, for the estimate before it.
  var extraRequests = 0
  /// Whether a success holds, beside or in the place of what was asked for, an error of one of the services behind it.
  var holdsError: @Sendable (_ data: JSONValue) -> Bool = AWSPartialErrors.anywhere

  /// The query that the arguments ask, dates written out, where it is exactly understood.
  var understand: @Sendable (_ arguments: JSONValue) -> CostQuery? = { _ in nil }

  /// The policy of a call of this operation.
  /// - Parameter book: what is known of the sizes of answers, for an operation that is understood.
  func policy(_ query: JSONValue, _ context: PolicyContext, _ book: CostBook? = nil) -> CallPolicy {
    let requests = AWSRequestCount.estimate(query) + extraRequests
    var never = CallPolicy(caching: .never, provider: provider, requests: requests)
    if AWSArguments.havePageToken(query) {
      never.sentArguments = nextPage(query, context)
      return never
    }
    guard let explicit = dates.madeExplicit(in: query, today: context.today) else { return never }
    guard let canonical = arguments.canonical(explicit.document.root) else { return never }
    var policy = CallPolicy(
      caching: .cached(freshness.value(of: explicit.ranges, context)), keyArguments: canonical,
      sentArguments: explicit.isChanged ? explicit.document.bytes : nil, provider: provider, requests: requests)
    if let book, let query = understand(explicit.document.root) {
      // What is sent is the same for all that share the key: the answer is never that of one spelling.
      policy.keyArguments = query.canonical
      policy.sentArguments = query.sent
      policy.merging = CostAndUsageMerge.call(query, book)
      policy.buckets = CostAndUsageBuckets.call(query, book, freshness: BucketFreshness(table: context.freshness, today: context.today))
    }
    return policy
  }

  /// A token belongs to the question as it was sent: the next page is asked for in the form in which the first one was.
  private func nextPage(_ query: JSONValue, _ context: PolicyContext) -> [UInt8]? {
    let name = "next_token"
    guard let token = query[name], let first = try? JSONDocument(parsing: query.removing([name])),
      let explicit = dates.madeExplicit(in: first.root, today: context.today), let sent = understand(explicit.document.root)?.sent,
      let document = try? JSONDocument(parsing: sent)
    else { return nil }
    return document.root.setting(name, to: token.raw)
  }

  /// What an answer without an error is.
  func examine(_ body: AWSResultBody, arguments: JSONValue?, _ freshness: FreshnessTable) -> ResultVerdict {
    let requests = body.data.flatMap { self.requests($0, arguments) }
    guard body.has(shape), !body.isStoredElsewhere, !(body.data.map(holdsError) ?? false) else { return .notAnAnswer }
    let cap = freshness.cap(isEmpty: body.isEmpty(rows), isContinued: body.isContinued, isEstimated: body.isEstimated)
    return .answer(bytes: body.withoutResponseMetadata(), cap: cap, requests: requests)
  }
}
