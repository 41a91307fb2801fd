import Testing
import WeirCore
import WeirFlow
import WeirTestSupport

/// A running lane on a manual clock.
struct RunningLane {
  let time = ManualTime()
  let lane: Lane
  let waits = Record<Duration>()
  let notices = Record<BudgetNotice>()
  private let run: Task<Void, Never>

  init(_ configuration: LaneConfiguration) async {
    let (waits, notices) = (self.waits, self.notices)
    let lane = Lane(
      name: "provider", configuration: configuration, time: time, jitter: { 0 }, onWait: { waits.append($0) }, onBudget: { notices.append($0) })
    self.lane = lane
    self.run = Task { await lane.run() }
    await lane.started()
  }

  func request(
    _ tenant: Name = "a", within: Duration = .seconds(3600), company: Companion? = nil, linger: Duration = .zero
  ) -> LaneRequest {
    LaneRequest(tenant: tenant, deadline: time.now() + within, company: company, linger: linger)
  }

  /// Takes a permit, marks it sent, gives it back when the gate opens.
  func call(_ tenant: Name = "a", within: Duration = .seconds(3600), until gate: Gate? = nil) -> Task<CallError.Reason?, Never> {
    let request = request(tenant, within: within)
    return Task { [lane] in
      do throws(CallError) {
        var permit = try await lane.acquire(request)
        permit.markSent()
        await gate?.wait()
        permit.release(.answeredOnce)
        return nil
      } catch {
        return error.reason
      }
    }
  }

  /// How a request left: the numbers of the batch where it went, nil where it was carried.
  func leave(_ request: LaneRequest, until gate: Gate? = nil) -> Task<Result<[Int]?, CallError>, Never> {
    Task { [lane] in
      do throws(CallError) {
        switch try await lane.leave(request) {
        case .permit(var permit):
          permit.markSent()
          let own = (request.company as? Companion).map { [$0.number] } ?? []
          let numbers = permit.batch.map { ($0 as? Batch)?.numbers ?? [] } ?? own
          #expect(permit.company.count == max(0, numbers.count - 1))
          await gate?.wait()
          permit.release(.answeredOnce)
          return .success(numbers)
        case .carried: return .success(nil)
        }
      } catch {
        return .failure(error)
      }
    }
  }

  func stop() { run.cancel() }

  func end() async {
    run.cancel()
    await run.value
    #expect(lane.stats.permitsInUse == 0)
    #expect(lane.stats.depth == 0)
  }
}
