internal import WeirCore
internal import WeirFleet
internal import WeirPipeline

/// Everything that one reading of the configuration has made, and what it has taken over from the one before.
final class Generation: Sendable {
  /// Counts from 1.
  let number: Int
  let settings: Settings
  let directory: ToolDirectory
  let upstreams: [Name: LiveUpstream]
  let lanes: [Name: LiveLane]
  let pipeline: Pipeline
  /// The calls that were begun with it.
  let calls = CallCount()

  init(
    number: Int, settings: Settings, directory: ToolDirectory, upstreams: [Name: LiveUpstream], lanes: [Name: LiveLane], pipeline: Pipeline
  ) {
    self.number = number
    self.settings = settings
    self.directory = directory
    self.upstreams = upstreams
    self.lanes = lanes
    self.pipeline = pipeline
  }
}

/// A provider's lane that runs, for as many generations as it has the provider.
struct LiveLane: Sendable {
  let provider: Settings.Provider
  /// How many tenants there are beside each other in it.
  let tenants: Int
  let lane: ProviderLane
  /// What keeps it to the rate of all replicas; nil where there is no Redis.
  let rate: SharedRate?
  let job: Jobs.Job
}
