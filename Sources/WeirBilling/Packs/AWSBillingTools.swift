package import WeirCore

/// One row of the table: how calls of a tool's operation are cached.
struct AWSToolRule: Sendable {
  /// How an answer ages.
  enum Aging: Sendable {
    /// By the newest day that was asked for.
    case billing
    case fixed(Freshness)

    var words: String {
      switch self {
      case .billing: "by the newest day asked for"
      case .fixed(let freshness): freshness.words
      }
    }

    func value(end: CivilDate?, today: CivilDate) -> Freshness {
      switch self {
      case .fixed(let freshness): freshness
      case .billing: AWSBillingCalendar.freshness(endingBefore: end ?? today, today: today)
      }
    }
  }

  let provider: Name
  let freshness: Aging
  let dates: AWSDates
  /// The arguments that may come as a JSON text or as the value itself.
  var jsonArguments: Set<Name> = []
}

/// Which tools and operations of `awslabs.billing-cost-management-mcp-server` 0.0.42 may be cached. What is not here is passed through:
/// operations that start something (`start_…`), `session-sql` and `storage-lens`, whose answers live in one process, and all tools that
/// nobody has looked at yet.
enum AWSBillingTools {
  /// Stands for any operation of a tool, and for tools without operations.
  static let anyOperation: Name = "*"

  static let table: [Name: [Name: AWSToolRule]] = [
    "cost-explorer": costExplorer,
    "cost-comparison": [
      "getCostAndUsageComparisons": comparison,
      "getCostComparisonDrivers": comparison,
    ],
    "cost-anomaly": [anyOperation: explorer(.fixed(AWSBillingCalendar.alerts), .required(end: "end_date"))],
    "ri-performance": [
      "get_reservation_coverage": explorer(.billing, .range(days: 30)),
      "get_reservation_utilization": explorer(.billing, .range(days: 30)),
    ],
    "sp-performance": [
      "get_savings_plans_coverage": explorer(.billing, .range(days: 30)),
      "get_savings_plans_utilization": explorer(.billing, .range(days: 30)),
      "get_savings_plans_utilization_details": explorer(.billing, .range(days: 30)),
    ],
    "sp-recommendation": [
      "get_savings_plans_purchase_recommendation": explorer(.fixed(AWSBillingCalendar.recommendations), .none)
    ],
    "rec-details": [anyOperation: billing(AWSBillingCalendar.recommendations)],
    "cost-optimization": [
      "list_recommendations": billing(AWSBillingCalendar.recommendations),
      "list_recommendation_summaries": billing(AWSBillingCalendar.recommendations),
      "get_recommendation": billing(AWSBillingCalendar.recommendations),
    ],
    "compute-optimizer": Dictionary(
      uniqueKeysWithValues: [
        "get_ec2_instance_recommendations", "get_auto_scaling_group_recommendations", "get_ebs_volume_recommendations",
        "get_lambda_function_recommendations", "get_rds_recommendations", "get_ecs_service_recommendations", "get_idle_recommendations",
      ].map { (Name($0), billing(AWSBillingCalendar.recommendations)) }),
    "budgets": [anyOperation: billing(AWSBillingCalendar.alerts)],
    "free-tier-usage": [anyOperation: billing(AWSBillingCalendar.open)],
    "list-cost-allocation-tags": [anyOperation: explorer(.fixed(AWSBillingCalendar.lists), .none)],
    "list-cost-category-definitions": [anyOperation: explorer(.fixed(AWSBillingCalendar.alerts), .none)],
    "aws-pricing": Dictionary(
      uniqueKeysWithValues: ["get_service_codes", "get_service_attributes", "get_attribute_values", "get_pricing_from_api"].map { operation in
        let provider = AWSPricingPack.provider.name
        return (Name(operation), AWSToolRule(provider: provider, freshness: .fixed(AWSBillingCalendar.prices), dates: .none, jsonArguments: ["filters"]))
      }),
  ]

  private static let costExplorer: [Name: AWSToolRule] = [
    "getCostAndUsage": explorer(.billing, .range(days: 30)),
    "getCostAndUsageWithResources": explorer(.billing, .range(days: 7)),
    "getDimensionValues": explorer(.fixed(AWSBillingCalendar.lists), .range(days: 30)),
    "getTagsOrValues": explorer(.fixed(AWSBillingCalendar.lists), .range(days: 30)),
    "getCostCategories": explorer(.fixed(AWSBillingCalendar.lists), .range(days: 30)),
    "getSavingsPlansUtilization": explorer(.billing, .range(days: 30)),
    "getCostForecast": explorer(.fixed(AWSBillingCalendar.forecast), .forecast(days: 90)),
    "getUsageForecast": explorer(.fixed(AWSBillingCalendar.forecast), .forecast(days: 90)),
  ]

  private static let comparison = explorer(.billing, .required(end: "comparison_end_date"))

  private static func explorer(_ freshness: AWSToolRule.Aging, _ dates: AWSDates) -> AWSToolRule {
    AWSToolRule(provider: "aws-cost-explorer", freshness: freshness, dates: dates, jsonArguments: ["metrics", "group_by", "filter"])
  }

  private static func billing(_ freshness: Freshness) -> AWSToolRule {
    AWSToolRule(provider: "aws-billing", freshness: .fixed(freshness), dates: .none)
  }
}
