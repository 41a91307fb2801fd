internal import WeirCore

/// Which tools and operations of `awslabs.billing-cost-management-mcp-server` 0.0.42 may be cached. A tool that is neither here nor in
/// `refused` is one that nobody has looked at yet: it is passed through unless a rule of the operator says otherwise.
enum AWSBillingTools {
  /// Stands for any operation of a tool, and for tools without operations.
  static let anyOperation: Name = "*"

  static let explorer: Name = "aws-cost-explorer"
  static let billing: Name = "aws-billing"

  /// Never cached, whatever a rule says: `session-sql` reads and writes tables of one process, `storage-lens` starts queries that write to a
  /// bucket, and both analyzers start work and are polled for its state.
  static let refused: Set<Name> = ["session-sql", "storage-lens", "sp-purchase-analyzer", "compute-optimizer-automation"]

  /// Tools that call Cost Explorer (`create_aws_client('ce')` in the server's `tools/`) without being in the table, or for operations that are
  /// not in it.
  private static let uncachedProviders: [Name: Name] = [
    "sp-purchase-analyzer": explorer, "list-cost-allocation-tag-backfill-history": explorer, "describe-cost-category-definition": explorer,
  ]

  /// Who is asked by calls of a tool that are not cached. The operations of a tool share their client.
  static func provider(_ tool: Name) -> Name {
    uncachedProviders[tool] ?? table[tool]?.values.first?.provider ?? billing
  }

  /// Not in a tool's table means never: operations that start something (`start_…`), and those that are not known to be safe.
  static let table: [Name: [Name: AWSToolRule]] = [
    "cost-explorer": AWSCostExplorerTool.operations,
    "cost-comparison": [
      "getCostAndUsageComparisons": comparison("cost_and_usage_comparisons"),
      "getCostComparisonDrivers": comparison("cost_comparison_drivers"),
    ],
    "cost-anomaly": [
      anyOperation: AWSToolRule(
        provider: explorer, freshness: .fixed(.alerts),
        arguments: AWSArguments(nullable: [
          "monitor_arn", "feedback", "max_results", "total_impact_operator", "total_impact_start", "total_impact_end",
        ]), dates: .required(ends: ["end_date"]), rows: ["anomalies"], requests: AWSRequestCount.byRows("anomalies", pageSize: nil))
    ],
    "ri-performance": [
      "get_reservation_coverage": performance("coverages_by_time", hasTotal: true),
      "get_reservation_utilization": performance("utilizations_by_time", hasTotal: true),
    ],
    "sp-performance": [
      "get_savings_plans_coverage": performance("savings_plans_coverages", hasTotal: true),
      "get_savings_plans_utilization": performance("savings_plans_utilizations", hasTotal: false),
      "get_savings_plans_utilization_details": performance("savings_plans_utilization_details", hasTotal: false),
    ],
    "sp-recommendation": [
      "get_savings_plans_purchase_recommendation": purchase, "get_savings_plan_purchase_recommendation_details": purchase,
    ],
    "rec-details": [
      anyOperation: AWSToolRule(
        provider: explorer, freshness: .fixed(.recommendations), arguments: AWSArguments(nullable: []),
        requests: AWSRequestCount.purchaseDetails, holdsError: AWSPartialErrors.inDetails)
    ],
    "cost-optimization": [
      "list_recommendations": optimization(["recommendations"]), "list_recommendation_summaries": optimization(["summaries"]),
      "get_recommendation": optimization([]),
    ],
    "compute-optimizer": Dictionary(
      uniqueKeysWithValues: [
        "get_ec2_instance_recommendations", "get_auto_scaling_group_recommendations", "get_ebs_volume_recommendations",
        "get_lambda_function_recommendations", "get_rds_recommendations", "get_ecs_service_recommendations", "get_idle_recommendations",
      ].map { (Name($0), optimizer) }),
    "budgets": [anyOperation: free(.alerts, nullable: ["budget_name", "account_id"], rows: ["budgets"])],
    "free-tier-usage": [anyOperation: free(.open, nullable: ["filter", "max_results"], rows: ["freeTierUsages"])],
    "list-cost-allocation-tags": [
      anyOperation: AWSToolRule(
        provider: explorer, freshness: .fixed(.lists),
        arguments: AWSArguments(nullable: ["status", "tag_keys", "tag_type", "max_results", "next_token", "max_pages"]),
        rows: ["CostAllocationTags"])
    ],
    "list-cost-category-definitions": [
      anyOperation: AWSToolRule(
        provider: explorer, freshness: .fixed(.alerts),
        arguments: AWSArguments(nullable: ["effective_on", "supported_resource_types", "max_results", "next_token", "max_pages"]),
        rows: ["CostCategoryReferences"])
    ],
    "aws-pricing": [
      "get_service_codes": prices(["service_codes"]), "get_service_attributes": prices(["attributes"]),
      "get_attribute_values": prices(["values"]), "get_pricing_from_api": prices(["products"]),
    ],
  ]

  /// `group_by` and `filter` are texts here: the server takes no lists or objects for them.
  private static func comparison(_ rows: String) -> AWSToolRule {
    AWSToolRule(
      provider: explorer, freshness: .billing,
      arguments: AWSArguments(nullable: ["group_by", "filter", "max_results", "billing_view_arn"]),
      dates: .required(ends: ["baseline_end_date", "comparison_end_date"]), rows: [rows], requests: AWSRequestCount.byRows(rows, pageSize: 10))
  }

  /// `ri-performance` and `sp-performance`; `sort_by` is the former's.
  private static func performance(_ rows: String, hasTotal: Bool) -> AWSToolRule {
    var nullable: Set<Name> = ["start_date", "end_date", "metrics", "group_by", "filter", "max_results"]
    if ["coverages_by_time", "utilizations_by_time"].contains(rows) { nullable.insert("sort_by") }
    return AWSToolRule(
      provider: explorer, freshness: .billing, arguments: AWSArguments(nullable: nullable), dates: .range(days: 30), rows: [rows],
      requests: hasTotal ? AWSRequestCount.pagesAndTotal : AWSRequestCount.pagesFetched, extraRequests: hasTotal ? 1 : 0)
  }

  private static let purchase = AWSToolRule(
    provider: explorer, freshness: .fixed(.recalculated),
    arguments: AWSArguments(nullable: [
      "savings_plans_type", "term_in_years", "payment_option", "lookback_period_in_days", "account_scope", "filter", "recommendation_detail_id",
      "generation_status", "recommendation_ids", "next_page_token", "page_size", "max_pages",
    ]))

  private static func optimization(_ rows: [String]) -> AWSToolRule {
    free(
      .recommendations,
      nullable: [
        "recommendation_id", "max_results", "filters", "group_by", "include_all_recommendations", "next_token", "max_pages", "granularity",
        "start_date", "end_date", "order_by", "ranking_mode", "account_id",
      ], rows: rows)
  }

  private static let optimizer = free(
    .recommendations,
    nullable: [
      "region", "max_results", "filters", "account_ids", "next_token", "resource_arns", "order_by", "cpu_vendor_architectures",
    ], rows: ["recommendations"])

  private static func prices(_ rows: [String]) -> AWSToolRule {
    AWSToolRule(
      provider: AWSPricingPack.provider.name, freshness: .fixed(.prices),
      arguments: AWSArguments(nullable: ["service_code", "attribute_name", "filters", "max_results"]), rows: rows,
      holdsError: AWSPartialErrors.inProducts)
  }

  private static func free(_ freshness: FreshnessClass, nullable: Set<Name>, rows: [String]) -> AWSToolRule {
    AWSToolRule(provider: billing, freshness: .fixed(freshness), arguments: AWSArguments(nullable: nullable), rows: rows)
  }
}
