import Testing

@testable import WeirServer

@Suite("What a connection's task is to do next")
struct ItemQueueTests {
  @Test("items come in their order, those from before and those that are waited for")
  func order() async {
    let queue = ItemQueue<Int>()
    #expect(queue.add(1) && queue.add(2))
    #expect(await queue.next() == 1)
    #expect(await queue.next() == 2)
    async let third = queue.next()
    await Task.yield()
    queue.add(3)
    #expect(await third == 3)
  }

  @Test("at the end what is there is still taken, and nothing more comes")
  func end() async {
    let queue = ItemQueue<Int>()
    queue.add(1)
    queue.end()
    #expect(!queue.add(2))
    #expect(await queue.next() == 1)
    #expect(await queue.next() == nil)
  }

  @Test("who waits is let go at the end and by its cancellation, which is the end", .timeLimit(.minutes(5)), arguments: [true, false])
  func letGo(isCancelled: Bool) async {
    let queue = ItemQueue<Int>()
    await withTaskGroup(of: Int?.self) { group in
      group.addTask { await queue.next() }
      await Task.yield()
      if isCancelled { group.cancelAll() } else { queue.end() }
      #expect(await group.next() == .some(nil))
    }
    #expect(!queue.add(1))
  }

  @Test("nothing is lost or doubled between those who give and the one who takes", .timeLimit(.minutes(5)))
  func concurrent() async {
    let queue = ItemQueue<Int>()
    await withDiscardingTaskGroup { group in
      for giver in 0..<4 {
        group.addTask { for number in 0..<1000 { queue.add(giver * 1000 + number) } }
      }
      var taken: [Int] = []
      while taken.count < 4000, let item = await queue.next() { taken.append(item) }
      #expect(Set(taken).count == 4000)
      for giver in 0..<4 { #expect(taken.filter { $0 / 1000 == giver } == (giver * 1000..<giver * 1000 + 1000).map { $0 }) }
    }
  }
}
