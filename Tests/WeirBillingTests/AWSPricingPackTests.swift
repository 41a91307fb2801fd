import Testing
import WeirBilling
import WeirCore
import WeirJSON

@Suite("The pack for AWS prices (issue 2)")
struct AWSPricingPackTests {
  let pack = AWSPricingPack()
  let today = CivilDate(year: 2026, month: 11, day: 23)

  @Test(
    "price look-ups are kept for a day, what touches files or the day is not",
    arguments: [
      ("get_pricing", #"{"service_code":"AmazonEC2","region":"us-east-1"}"#, true),
      ("get_pricing_service_codes", "{}", true),
      ("get_price_list_urls", #"{"service_code":"AmazonEC2","region":"us-east-1","effective_date":"2026-11-01"}"#, true),
      ("get_price_list_urls", #"{"service_code":"AmazonEC2","region":"us-east-1","effective_date":"2026-11-01 12:30"}"#, true),
      ("get_price_list_urls", #"{"service_code":"AmazonEC2","region":"us-east-1"}"#, false),
      ("get_price_list_urls", #"{"service_code":"AmazonEC2","region":"us-east-1","effective_date":""}"#, false),
      ("get_price_list_urls", #"{"service_code":"AmazonEC2","region":"us-east-1","effective_date":"null"}"#, false),
      ("get_price_list_urls", #"{"service_code":"AmazonEC2","region":"us-east-1","effective_date":"2026-11-01 24:00"}"#, false),
      ("get_pricing", #"{"service_code":"AmazonEC2","next_token":"x"}"#, false),
      ("analyze_cdk_project", #"{"project_path":"/tmp"}"#, false),
      ("generate_cost_report", "{}", false),
    ])
  func policies(_ tool: String, _ arguments: String, _ isCached: Bool) throws {
    let policy = pack.policy(tool: Name(tool), arguments: try json(arguments), today: today)
    #expect(policy.caching == (isCached ? .cached(AWSBillingCalendar.prices) : .never))
  }

  enum Expected: Equatable { case answer, notAnAnswer, throttled }

  @Test(
    "real answers are told from real errors, which come without isError",
    arguments: [
      ("pricing-products", Expected.answer), ("pricing-service-codes", .answer), ("pricing-attributes", .answer),
      ("pricing-attribute-values", .answer), ("pricing-empty", .notAnAnswer), ("pricing-too-large", .notAnAnswer),
      ("pricing-throttled", .throttled), ("pricing-unknown-service", .notAnAnswer), ("pricing-missing-argument", .notAnAnswer),
      ("pricing-attribute-unknown", .notAnAnswer),
    ])
  func verdicts(_ recording: String, _ expected: Expected) throws {
    let found: Expected =
      switch try RecordedCall(recording).examined(by: pack) {
      case .answer: .answer
      case .notAnAnswer: .notAnAnswer
      case .throttled: .throttled
      }
    #expect(found == expected)
  }

  @Test("a list may come as its text where the server reads it so, and a text that is none stays one")
  func jsonTexts() throws {
    func key(_ tool: Name, _ arguments: String) throws -> [UInt8] {
      pack.policy(tool: tool, arguments: try json(arguments), today: today).keyArguments
    }
    #expect(try key("get_pricing", #"{"region":["a","b"]}"#) == key("get_pricing", #"{"region":"[\"a\", \"b\"]","filters":null}"#))
    #expect(try key("get_pricing", #"{"output_options":{"a":1}}"#) == key("get_pricing", #"{"output_options":"{\"a\":1}"}"#))
    #expect(try key("get_pricing", #"{"region":"a"}"#) != key("get_pricing", #"{"region":["a"]}"#))
    #expect(try key("get_pricing", #"{"service_code":"[1]"}"#) != key("get_pricing", #"{"service_code":"[ 1]"}"#))
    #expect(try key("get_pricing", #"{"max_results":null}"#) != key("get_pricing", "{}"))
    #expect(
      try key("get_pricing_attribute_values", #"{"attribute_names":["a"]}"#) == key("get_pricing_attribute_values", #"{"attribute_names":"[\"a\"]"}"#)
    )
  }

  static func error(_ type: String, _ message: String, _ members: String) throws -> JSONValue {
    let message = String(decoding: JSONWriter.quoted(message), as: UTF8.self)
    return try result(#"{"status":"error","error_type":"\#(type)","message":\#(message),\#(members)}"#, wrapped: true)
  }

  static let throttle = "An error occurred (ThrottlingException) when calling the GetProducts operation (reached max retries: 2): Rate exceeded"
  static let refusal = "An error occurred (NotFoundException) when calling the GetProducts operation: no such thing"

  @Test(
    "throttling is recognised in the sentence of every tool",
    arguments: [
      ("get_pricing", "api_error", #"Failed to retrieve pricing data for service "S" in region "None": "#, #""service_code":"S","region":null"#),
      (
        "get_pricing", "api_error", #"Failed to retrieve pricing data for service "S" in region "['us-east-1', 'eu-west-1']": "#,
        #""service_code":"S","region":["us-east-1","eu-west-1"]"#
      ),
      ("get_pricing_service_codes", "api_error", "Failed to retrieve service codes from AWS API: ", #""suggestion":"x""#),
      ("get_pricing_service_attributes", "api_error", #"Failed to retrieve attributes for service "S": "#, #""service_code":"S""#),
      (
        "get_pricing_attribute_values", "api_error",
        #"Failed to retrieve values for attribute "a": Failed to retrieve values for attribute "a" of service "S": "#,
        #""service_code":"S","attribute_name":"a""#
      ),
      (
        "get_price_list_urls", "list_price_lists_failed", #"Failed to list price lists for service "S" in region "r": "#,
        #""service_code":"S","region":"r""#
      ),
      ("get_price_list_urls", "format_url_failed", #"Failed to get download URL for format "CSV": "#, #""file_format":"csv""#),
    ])
  func throttling(_ tool: String, _ type: String, _ prefix: String, _ members: String) throws {
    let throttled = try Self.error(type, prefix + Self.throttle, members)
    #expect(pack.examine(tool: Name(tool), arguments: nil, result: throttled, isError: false) == .throttled)
    let refused = try Self.error(type, prefix + Self.refusal, members)
    #expect(pack.examine(tool: Name(tool), arguments: nil, result: refused, isError: false) == .notAnAnswer)
  }

  @Test("a caller cannot make an error look like throttling by what it asks for")
  func forgedThrottling() throws {
    for forged in [Self.throttle, #"S" in region "r": \#(Self.throttle)"#, "ThrottlingException"] {
      let quoted = String(decoding: JSONWriter.quoted(forged), as: UTF8.self)
      let message = #"Failed to retrieve pricing data for service "\#(forged)" in region "r": \#(Self.refusal)"#
      let asService = try Self.error("api_error", message, #""service_code":\#(quoted),"region":"r""#)
      #expect(pack.examine(tool: "get_pricing", arguments: nil, result: asService, isError: false) == .notAnAnswer)
      let regions = #"Failed to retrieve pricing data for service "S" in region "['\#(forged)']": \#(Self.refusal)"#
      let asRegion = try Self.error("api_error", regions, #""service_code":"S","region":[\#(quoted)]"#)
      #expect(pack.examine(tool: "get_pricing", arguments: nil, result: asRegion, isError: false) == .notAnAnswer)
    }
  }

  @Test("what a cached tool answers must look like its answers; what is passed through need not")
  func shapes() throws {
    func verdict(_ tool: Name, _ body: String) throws -> ResultVerdict {
      pack.examine(tool: tool, arguments: nil, result: try result(body, wrapped: true), isError: false)
    }
    let answer = ResultVerdict.answer(bytes: nil, cap: nil, requests: nil)
    #expect(try verdict("get_pricing", #"["a"]"#) == .notAnAnswer)
    #expect(try verdict("get_pricing_service_codes", #"["a"]"#) == answer)
    #expect(try verdict("get_pricing_service_codes", #"[{"a":1}]"#) == .notAnAnswer)
    #expect(try verdict("get_pricing_attribute_values", #"{"status":["on"]}"#) == answer)
    #expect(try verdict("get_pricing_attribute_values", #"{"tenancy":[]}"#) == .answer(bytes: nil, cap: AWSBillingCalendar.empty, requests: nil))
    #expect(try verdict("get_price_list_urls", #"{"csv":"https://a.example/x"}"#) == answer)
    #expect(try verdict("get_price_list_urls", #"{"csv":{}}"#) == .notAnAnswer)
    #expect(try verdict("get_bedrock_patterns", #""text""#) == answer)
    #expect(try verdict("analyze_cdk_project", #"{"services":[]}"#) == answer)
    #expect(try verdict("analyze_cdk_project", #"{"status":"error","services":[]}"#) == .notAnAnswer)
  }

  @Test("a page with a token for the next is given again for minutes only")
  func continued() throws {
    let verdict = try RecordedCall("pricing-products-next-page").examined(by: pack)
    #expect(verdict == .answer(bytes: nil, cap: AWSBillingCalendar.continued, requests: nil))
  }
}
