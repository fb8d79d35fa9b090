import AssayCapture
import AssayTensors
import Testing

@Test func detachedProbeReturnsWhatTheBodyReturns() throws {
  let probe = Probe.detached.scope("model")
  let x = try Tensor([1, 2] as [Float], dtype: .float32)
  let y = try probe("norm", x) { try Tensor($0.float32Values(), dtype: .float32) }
  #expect(y.float32Values() == [1, 2])
  let (a, b) = try probe("rotary_emb", x, Keyword("position_ids", x)) { ($0, $1.value) }
  #expect(a.float32Values() == b.float32Values())
  let (attn, weights) = try probe(
    "self_attn", Keyword("hidden_states", x), Keyword("mask", nil as Tensor?)
  ) { hidden, mask in
    (hidden.value, mask.value)
  }
  #expect(weights == nil && attn.elementCount == 2)
  let (p, q, r) = try probe("three") { (1, true, "a") }
  #expect(p == 1 && q && r == "a")
  let list = try probe("list", [x, x]) { (xs: [Tensor]) -> [Tensor] in
    let n = xs.count
    return n == 2 ? xs : []
  }
  #expect(list.count == 2)
  let multi = try probe("m", x) { x in
    let y = x
    return (y, y)
  }
  #expect(multi.0.elementCount == 2)
  #expect(try probe.step { 3 } == 3)
}
