package import AssayBase

// What run.json, and the attributes of an HDF5 file, say of a run.

extension Provenance: JSONReadable, JSONWritable {
  package init(json: JSONValue) throws {
    tool = try json.member("tool")
    created = try json.member("created")
    os = try json.optional("os")
    cpu = try json.optional("cpu")
    framework = try json.optional("framework")
    libraries = try json.optional("libraries")
    dtype = try json.optional("dtype")
    seed = try json.optional("seed")
    threads = try json.optional("threads")
    generation = try json.optional("generation")
    rank = try json.optional("rank")
    approvals = try json.optional("approvals")
    toolVersion = try json.member("tool_version")
    cpuFeatures = try json.optional("cpu_features")
    frameworkVersion = try json.optional("framework_version")
    modelHash = try json.optional("model_hash")
    worldSize = try json.optional("world_size")
    placements = try json.optional("placements")
    others = json.members(besides: jsonValue)
  }

  package var jsonValue: JSONValue {
    .object(of: [
      "tool": tool, "tool_version": toolVersion, "created": created, "os": os, "cpu": cpu,
      "cpu_features": cpuFeatures, "framework": framework, "framework_version": frameworkVersion,
      "libraries": libraries, "model_hash": modelHash, "dtype": dtype, "seed": seed,
      "threads": threads, "generation": generation, "rank": rank, "world_size": worldSize,
      "placements": placements, "approvals": approvals,
    ]).adding(others)
  }
}

extension Recipe: JSONReadable, JSONWritable {
  package init(json: JSONValue) throws {
    model = try json.optional("model")
    prompt = try json.optional("prompt")
    steps = try json.member("steps")
    dtype = try json.member("dtype")
    devices = try json.member("devices")
    modelHash = try json.optional("model_hash")
    tokenIDs = try json.member("token_ids")
    generatedTokenIDs = try json.optional("generated_token_ids")
    others = json.members(besides: jsonValue)
  }

  package var jsonValue: JSONValue {
    .object(of: [
      "model": model, "model_hash": modelHash, "prompt": prompt, "token_ids": tokenIDs,
      "steps": steps, "dtype": dtype, "devices": devices,
      "generated_token_ids": generatedTokenIDs,
    ]).adding(others)
  }
}

extension JSONValue {
  /// The members of an object that another one lacks, so that a copy loses none.
  fileprivate func members(besides known: JSONValue) -> NameMap<JSONValue> {
    let known = known.members ?? [:]
    return NameMap(
      (members ?? [:]).lazy.filter { known[$0.key] == nil && $0.value != .null })
  }

  /// The object with further members.
  fileprivate func adding(_ others: NameMap<JSONValue>) -> JSONValue {
    guard !others.isEmpty, var members else { return self }
    for (key, value) in others where members[key] == nil { members[key] = value }
    return .object(members)
  }
}

extension Approval: JSONReadable, JSONWritable {
  package init(json: JSONValue) throws {
    by = try json.member("by")
    from = try json.optional("from")
    to = try json.member("to")
    date = try json.member("date")
    reason = try json.optional("reason")
    replaced = try json.optional("replaced")
  }

  package var jsonValue: JSONValue {
    .object(of: [
      "by": by, "from": from, "to": to, "date": date, "reason": reason, "replaced": replaced,
    ])
  }
}

extension RunMaker: JSONReadable, JSONWritable {
  package init(json: JSONValue) throws {
    tool = try json.member("tool")
    created = try json.member("created")
    framework = try json.optional("framework")
    toolVersion = try json.member("tool_version")
    frameworkVersion = try json.optional("framework_version")
    modelHash = try json.optional("model_hash")
  }

  package var jsonValue: JSONValue {
    .object(of: [
      "tool": tool, "tool_version": toolVersion, "created": created, "framework": framework,
      "framework_version": frameworkVersion, "model_hash": modelHash,
    ])
  }
}
