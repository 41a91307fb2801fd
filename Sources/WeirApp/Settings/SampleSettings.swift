internal import WeirBilling
internal import WeirCache
internal import WeirCore
internal import WeirTenancy

extension Settings {
  /// What `weir serve` does without a file: the built-in sample server, on loopback, cached in memory, charged and paced like the real one.
  package static func sample() throws(SettingsError) -> Settings {
    try SettingsReader.read(
      """
      upstreams:
        sample:
          command: ["\(thisProgram)", sample]
          pack: aws-billing-cost-management
          share: all
      """, file: "built-in sample")
  }
}
