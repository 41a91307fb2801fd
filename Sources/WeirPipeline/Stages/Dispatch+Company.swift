internal import WeirBilling
internal import WeirCore
internal import WeirFlow
internal import WeirJSON
internal import WeirTenancy

/// Several requests as one.
extension Dispatch {
  /// Asks for all of the company at once and gives each member its own answer. Where the common answer tells nobody's, what came along stays behind,
  /// then each half is asked for; whom it does not tell while it tells others is asked alone, once.
  func lead(_ company: Company, _ permit: consuming LanePermit, _ terms: Terms, _ way: Way) async throws(CallError) -> Examined {
    let head = company.members[0].outgoing
    guard let merged = company.merged else { return try await sendAlone(head, permit, terms, way) }
    let others = company.members.dropFirst()
    // Whatever happens here, nobody waits for it in vain.
    defer { for member in others { member.share.give(.alone) } }
    guard terms.onDispatch() else {
      permit.release(.notSent)
      throw CallError(.cancelled, "Every caller went away before the request was sent.")
    }
    let request = head.request(merged: merged.arguments, deadline: terms.deadline, onProgress: terms.onProgress)
    let common: Examined
    do throws(CallError) {
      common = try await exchange(request, arguments: merged.arguments, for: head, permit, way)
    } catch {
      // What would meet each of them too is theirs as well; for anything else they are asked again.
      guard !error.concernsAll else {
        for member in others { member.share.give(.failed(error)) }
        throw error
      }
      guard error.reason != .cancelled else { throw error }
      return try await leadAgain(company, answered: false, terms, way)
    }
    let shares = self.shares(of: common, merged, company, way)
    if shares.allSatisfy(\.isAlone) { return try await leadAgain(company, answered: common.isAnswer, terms, way) }
    for (member, share) in zip(others, shares.dropFirst()) { member.share.give(share) }
    arrive(company, common, merged, way)
    if case .answered(let own)? = shares.first { return own }
    return try await sendAlone(head.alone, terms, way, queued: time.now())
  }

  // MARK: Again

  /// Asks again after a request that was of no use to anybody.
  /// - Parameter answered: there was an answer, so that a smaller one may be of use; each of those to whom there was none is asked alone, since
  ///   halves would end there too.
  private func leadAgain(_ company: Company, answered: Bool, _ terms: Terms, _ way: Way) async throws(CallError) -> Examined {
    guard company.passengers.isEmpty else {
      if !answered { company.members[0].call.refuseNeighbours(on: CivilDate(time.wall())) }
      return try await ask(Company(company.members, within: company.limits), terms, way)
    }
    guard answered, company.members.count > 2 else {
      for member in company.members.dropFirst() { member.share.give(.alone) }
      return try await sendAlone(company.members[0].outgoing.alone, terms, way, queued: time.now())
    }
    return try await askHalves(of: company, terms, way)
  }

  private func ask(_ company: Company, _ terms: Terms, _ way: Way) async throws(CallError) -> Examined {
    // The answer has shown that it would be too large.
    guard company.merged != nil || company.members.count == 1 else { return try await askHalves(of: company, terms, way) }
    let head = company.members[0].outgoing
    let permit = try await way.lane.acquire(tenant: head.permitted.caller.tenant, requests: head.requests, deadline: terms.deadline)
    return try await lead(company, permit, terms, way)
  }

  private func askHalves(of company: Company, _ terms: Terms, _ way: Way) async throws(CallError) -> Examined {
    let half = company.members.count / 2
    let first = Company(Array(company.members[..<half]), within: company.limits)
    let second = Company(Array(company.members[half...]), within: company.limits)
    async let rest: Void = give(second, terms, way)
    let own: Result<Examined, CallError>
    do throws(CallError) { own = .success(try await ask(first, terms, way)) } catch { own = .failure(error) }
    await rest
    return try own.get()
  }

  /// Asks for a company whose head waits for its share like the others.
  private func give(_ company: Company, _ terms: Terms, _ way: Way) async {
    defer { for member in company.members { member.share.give(.alone) } }
    guard let own = try? await ask(company, terms, way) else { return }
    company.members[0].share.give(.answered(own))
  }

  // MARK: Shares

  /// What each member gets of a common answer, in order.
  private func shares(of common: Examined, _ merged: MergedCall, _ company: Company, _ way: Way) -> [Companion.Share] {
    // The provider would refuse each of them too.
    if common.verdict == .throttled {
      // The provider's own words may name what the others asked for: the head gets them, the others that it throttles.
      let refusal = CallError(.throttled, "The provider throttles; try again in a minute.", retryAfter: .seconds(60))
      return company.members.indices.map { $0 == 0 ? .answered(common) : .failed(refusal) }
    }
    guard common.isAnswer, let document = common.document else { return company.members.map { _ in .alone } }
    return company.members.enumerated().map { index, member in
      guard var examined = cut(document, merged, index, for: member.outgoing, way) else { return .alone }
      examined.members = company.members.count
      examined.isCarried = index > 0
      return .answered(examined)
    }
  }

  /// What came along is kept.
  private func arrive(_ company: Company, _ common: Examined, _ merged: MergedCall, _ way: Way) {
    guard !company.passengers.isEmpty, common.isAnswer, let document = common.document else { return }
    for (index, passenger) in company.passengers.enumerated() {
      if let examined = cut(document, merged, company.members.count + index, for: passenger.outgoing, way) { passenger.arrive(examined) }
    }
  }

  /// The answer of one of those who were asked for together; nil where the common one does not tell it.
  private func cut(_ common: JSONDocument, _ merged: MergedCall, _ index: Int, for outgoing: Outgoing, _ way: Way) -> Examined? {
    guard let bytes = merged.split(common.root, for: index), let own = try? JSONDocument(parsing: bytes, limits: .upstreamResult),
      let examined = try? Examined(
        own.root, arguments: Self.arguments(of: outgoing), estimate: outgoing.requests, of: outgoing.permitted, price: way.lane),
      examined.isAnswer
    else { return nil }
    return examined
  }
}

extension CallError {
  /// The provider or the upstream answers nobody now.
  fileprivate var concernsAll: Bool {
    switch reason {
    case .throttled, .upstreamDown: true
    default: false
    }
  }
}
