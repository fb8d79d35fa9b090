import AssayBase
import AssayTensors
import Testing

@testable import AssayTorch

@Suite struct ReadingTests {
  @Test(arguments: Expectations.all.files.keys.sorted())
  func fixtureReadsAsTorchSaid(_ name: String) throws {
    let expected = try #require(Expectations.all.files[name])
    let value = try TorchFile.load(path: Fixture.path(name))
    #expect(value.rendered == expected.value)
    let found = value.tensors()
    #expect(found.count == expected.tensors.count)
    for (found, expected) in zip(found, expected.tensors) {
      #expect(found.tensor.expectation(path: found.path) == expected)
    }
    let unreadable = value.members().compactMap { path, member in
      guard case .unreadable(let reason) = member else { return nil as (String, String)? }
      return (path.joined(separator: "/"), reason)
    }
    #expect(unreadable.map(\.0) == expected.unreadable.map { $0[0] })
    for ((_, reason), expected) in zip(unreadable, expected.unreadable) {
      #expect(reason.contains(expected[1]))
    }
  }

  @Test(arguments: Expectations.all.refused.keys.sorted())
  func fixtureIsRefused(_ name: String) throws {
    let expected = try #require(Expectations.all.refused[name])
    let error = #expect(throws: TorchError.self) {
      try TorchFile.load(path: Fixture.path(name))
    }
    #expect(error?.caseName == expected.error)
    #expect(error?.description.contains(expected.mentions) == true)
    #expect(error?.description.contains(name) == true)
  }

  @Test func fixturesAreThere() {
    #expect(Expectations.all.files.count >= 25)
    #expect(Expectations.all.refused.count >= 17)
    let dtypes = Expectations.all.files["dtypes.pt"]?.tensors.map(\.dtype) ?? []
    #expect(Set(dtypes) == Set(DType.allCases.map(\.rawValue)))
  }

  @Test func tensorsShareTheirStorage() throws {
    let tensors = try TorchFile.load(path: Fixture.path("protocol4.pt")).tensors()
    try #require(tensors.count == 2)
    #expect(tensors[0].tensor.storage === tensors[1].tensor.storage)
    #expect(tensors[1].tensor.strides == [1, 3])
  }

  @Test func viewKeepsItsWholeStorage() throws {
    let view = try TorchFile.loadTensor(path: Fixture.path("view.pt"))
    #expect(view.storage.byteCount == 8 * 16 * 2)
    #expect(view.strides == [16, 2])
    #expect(view.byteOffset == (3 * 16 + 4) * 2)
  }

  @Test func oneTensorIsAsked() {
    let path = Fixture.path("nested.pt")
    #expect(throws: TorchError.notOneTensor(path: path, found: "a dictionary of 7 items")) {
      try TorchFile.loadTensor(path: path)
    }
  }

  @Test func missingFileIsUnreadable() {
    let error = #expect(throws: TorchError.self) { try TorchFile.load(path: "/nowhere/x.pt") }
    #expect(error?.caseName == "unreadable")
    let folder = #expect(throws: TorchError.self) { try TorchFile.load(path: Fixture.path("")) }
    #expect(folder?.caseName == "unreadable")
  }
}
