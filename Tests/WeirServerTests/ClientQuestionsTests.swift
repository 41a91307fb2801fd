import NIOConcurrencyHelpers
import Testing
import WeirCore
import WeirMCP

@testable import WeirServer

@Suite("Questions to clients")
struct ClientQuestionsTests {
  private static func ask(_ questions: ClientQuestions, in session: Name, then: @escaping @Sendable (RPCID) -> Void) async -> ClientQuestions.Answer {
    await questions.ask(in: session) { id in
      then(id)
      return true
    }
  }

  @Test("an answer reaches who asked, once, and only from its session")
  func answered() async {
    let questions = ClientQuestions(patience: .seconds(60), time: SystemTime())
    let answer = await Self.ask(questions, in: "s") { id in
      #expect(!questions.answer(id, in: "other", .success([1])))
      #expect(questions.answer(id, in: "s", .success([2])))
      #expect(!questions.answer(id, in: "s", .success([3])))
    }
    #expect(answer == .success([2]))
    #expect(questions.count == 0)
  }

  @Test("nobody waits for a session that has ended, nor for a question that could not be sent")
  func ended() async {
    let questions = ClientQuestions(patience: .seconds(60), time: SystemTime())
    let answer = await Self.ask(questions, in: "s") { _ in questions.end("s") }
    guard case .failure = answer else { return #expect(Bool(false), "an answer came from nowhere") }
    guard case .failure = await questions.ask(in: "s", send: { _ in false }) else { return #expect(Bool(false), "an answer came from nowhere") }
    #expect(questions.count == 0)
  }

  @Test("issue 4: what nobody wants to know any more is taken back from the client, and what was answered is not")
  func withdrawn() async {
    let questions = ClientQuestions(patience: .milliseconds(1), time: SystemTime())
    let withdrawn = NIOLockedValueBox<[RPCID]>([])
    let asked = NIOLockedValueBox<[RPCID]>([])
    func ask(_ isAnswered: Bool) async {
      _ = await questions.ask(in: "s", withdraw: { id in withdrawn.withLockedValue { $0.append(id) } }) { id in
        asked.withLockedValue { $0.append(id) }
        if isAnswered { questions.answer(id, in: "s", .success([])) }
        return true
      }
    }
    await ask(true)
    #expect(withdrawn.withLockedValue { $0 }.isEmpty)
    await ask(false)
    #expect(withdrawn.withLockedValue { $0 } == asked.withLockedValue { [$0[1]] })
    _ = await questions.ask(in: "s", withdraw: { id in withdrawn.withLockedValue { $0.append(id) } }) { _ in false }
    #expect(withdrawn.withLockedValue { $0.count } == 1)
  }

  @Test("who leaves gives the question up")
  func left() async {
    let questions = ClientQuestions(patience: .seconds(60), time: SystemTime())
    let answer = await withTaskGroup(of: ClientQuestions.Answer.self) { group in
      group.cancelAll()
      group.addTask { await questions.ask(in: "s") { _ in true } }
      return await group.next()
    }
    guard case .failure? = answer else { return #expect(Bool(false), "an answer came from nowhere") }
    #expect(questions.count == 0)
  }
}
