/// The text of an AWS error as botocore writes it: `An error occurred (<Code>) when calling the <Operation> operation…: <message>`
/// (`botocore.exceptions.ClientError.MSG_TEMPLATE`).
enum AWSErrorText {
  /// The codes with which AWS services refuse a request for its rate.
  static let throttlingCodes = [
    "ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException",
  ]

  /// Whether `text` is exactly `prefix` and then an AWS error that says the provider throttled. What a caller wrote may stand in `prefix` and
  /// in the error's message, never where the code is looked for.
  static func isThrottling(_ text: [UInt8], after prefix: String) -> Bool {
    throttlingCodes.contains { text.starts(with: "\(prefix)An error occurred (\($0)) when calling the ".utf8) }
  }
}
