import AssayTensors
import Testing

@Suite struct DeviceTests {
  @Test(arguments: [
    ("cpu", "cpu"), ("cuda:0", "cuda_0"), ("cuda:11", "cuda_11"), ("mps", "mps"),
    ("xpu:1", "xpu_1"),
  ])
  func namesOnDiskReadBack(_ name: String, _ pathName: String) {
    #expect(Device(name).pathName == pathName)
    #expect(Device(pathName: pathName) == Device(name))
  }

  @Test func slotsKnowTheirSide() {
    #expect(Slot("inputs_hidden_states").side == .inputs)
    #expect(Slot("outputs").side == .outputs)
    #expect(Slot("post_fwd_inputs_0").side == .postForwardInputs)
    #expect(Slot("inputsx").side == nil)
  }
}
