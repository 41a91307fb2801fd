internal import WeirJSON

/// Errors inside answers that call themselves a success.
enum AWSPartialErrors {
  /// Where the tools put them: `errors` (compute-optimizer passes on what AWS could not tell of single resources), `error`, `warnings`.
  @Sendable
  static func anywhere(_ data: JSONValue) -> Bool {
    ["error", "errors", "warning", "warnings"].contains { data[$0].map(isSaid) ?? false }
  }

  /// `rec-details` answers with the base recommendation though the service that knows the details failed.
  @Sendable
  static func inDetails(_ data: JSONValue) -> Bool {
    anywhere(data) || (data["additional_details"].map(anywhere) ?? false)
  }

  /// `aws-pricing` puts an error in the place of a product that it could not read.
  @Sendable
  static func inProducts(_ data: JSONValue) -> Bool {
    anywhere(data) || (data["parsing_failures"].map(isSaid) ?? false)
      || (data["products"]?.elements.contains { $0["attributes"]?["error"] != nil } ?? false)
  }

  /// Cost Explorer throttled the second request of `rec-details`.
  static func isThrottledDetail(_ data: JSONValue) -> Bool {
    guard let text = data["additional_details"]?["error"]?.stringBytes else { return false }
    return ["Savings Plans", "Reserved Instance"].contains { AWSErrorText.isThrottling(text, after: "Error getting \($0) recommendation: ") }
  }

  private static func isSaid(_ value: JSONValue) -> Bool {
    switch value.kind {
    case .null: false
    case .array, .object: value.count > 0
    case .string: value.stringBytes != []
    case .bool: value.bool == true
    case .number: value.int != 0
    }
  }
}
