internal import AssayTensors

/// The closed list of globals that a pickle may name; none of them is ever executed as code.
enum TorchGlobal: Equatable {
  case rebuildTensor, rebuildTensorV2, rebuildTensorV3
  /// torch_npu's: v2 with the format that the device keeps the elements in.
  case rebuildNPUTensor
  /// Of backends whose tensors have no storage of their own (XLA, MTIA, MAIA).
  case rebuildFromCPUTensor, rebuildFromNumPy
  case rebuildParameter, rebuildParameterWithState, rebuildFromType
  /// A class that stands as an argument of `rebuildFromType`.
  case tensorClass
  case size, device, layout
  case orderedDictionary
  /// A storage class; `nil` for an untyped one.
  case storage(DType?)
  case dtype(DType)
  /// `_codecs.encode`, which protocol 2 uses for bytes.
  case encode
  case byteString
  case complex, set, counter, defaultDictionary
  /// A class of plain values, as the factory of a defaultdict is one.
  case plainClass
  case numpyReconstruct, numpyFromBuffer, numpyArrayClass, numpyDType
  /// torch_npu's name for how a device keeps elements.
  case npuFormat
}

extension TorchGlobal {
  /// What a global's name means to the reader.
  enum Verdict {
    case allowed(TorchGlobal)
    /// A kind of tensor or value that exists but cannot be read; other members of the file can.
    case unsupported(String)
    case forbidden
  }

  static func look(up module: String, _ name: String) -> Verdict {
    if let global = table["\(module).\(name)"] { return .allowed(global) }
    if let kind = unsupported["\(module).\(name)"] { return .unsupported(kind) }
    if distributed.contains("\(module).\(name)") { return .unsupported("a distributed tensor") }
    if module == "torch" || module == "torch.cuda", name.hasSuffix("Storage") {
      if let dtype = storageTypes[String(name.dropLast(7))] { return .allowed(.storage(dtype)) }
      if name.hasPrefix("Q") { return .unsupported("a quantized tensor (\(name))") }
    }
    if module == "torch" {
      if let dtype = DType(rawValue: name) { return .allowed(.dtype(dtype)) }
      if unknownTypePrefixes.contains(where: name.hasPrefix) {
        return .unsupported("a tensor whose \(DType.unsupported("torch." + name))")
      }
    }
    return .forbidden
  }

  private static let table: [String: TorchGlobal] = [
    "torch._utils._rebuild_tensor": .rebuildTensor,
    "torch._utils._rebuild_tensor_v2": .rebuildTensorV2,
    "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
    "torch._utils._rebuild_parameter": .rebuildParameter,
    "torch._utils._rebuild_parameter_with_state": .rebuildParameterWithState,
    "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
    "torch_npu.utils.storage._rebuild_npu_tensor": .rebuildNPUTensor,
    "torch_npu.npu._format.Format": .npuFormat,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": .rebuildFromCPUTensor,
    "torch._utils._rebuild_device_tensor_from_numpy": .rebuildFromNumPy,
    "torch._utils._rebuild_xla_tensor": .rebuildFromNumPy,
    "torch.Tensor": .tensorClass,
    "torch._tensor.Tensor": .tensorClass,
    "torch.nn.parameter.Parameter": .tensorClass,
    "torch.nn.parameter.Buffer": .tensorClass,
    "torch.Size": .size,
    "torch.device": .device,
    "torch.serialization._get_layout": .layout,
    "torch.storage.UntypedStorage": .storage(nil),
    "torch.UntypedStorage": .storage(nil),
    "collections.OrderedDict": .orderedDictionary,
    "collections.Counter": .counter,
    "collections.defaultdict": .defaultDictionary,
    "_codecs.encode": .encode,
    "builtins.bytes": .byteString, "__builtin__.bytes": .byteString,
    "builtins.bytearray": .byteString, "__builtin__.bytearray": .byteString,
    "builtins.complex": .complex, "__builtin__.complex": .complex,
    "builtins.set": .set, "__builtin__.set": .set,
    "builtins.frozenset": .set, "__builtin__.frozenset": .set,
    "numpy.core.multiarray._reconstruct": .numpyReconstruct,
    "numpy._core.multiarray._reconstruct": .numpyReconstruct,
    "numpy.core.numeric._frombuffer": .numpyFromBuffer,
    "numpy._core.numeric._frombuffer": .numpyFromBuffer,
    "numpy.ndarray": .numpyArrayClass,
    "numpy.dtype": .numpyDType,
  ].merging(
    ["int", "long", "float", "bool", "list", "tuple", "dict", "str", "unicode"].flatMap {
      [("builtins.\($0)", .plainClass), ("__builtin__.\($0)", .plainClass)]
    }
  ) { first, _ in first }

  private static let unsupported = [
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_sparse_csr_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantized tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor on the meta device, without data",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch.nested._internal.nested_tensor._rebuild_njt": "a nested tensor",
    "torch.nested._internal.nested_tensor.NestedTensor": "a nested tensor",
    "torch._utils._rebuild_wrapper_subclass": "a tensor subclass, such as a DTensor",
    "torch._dynamo.decorators._DimRange": "a nested tensor",
    "torch.per_tensor_affine": "a quantization scheme",
    "torch.per_tensor_symmetric": "a quantization scheme",
    "torch.per_channel_affine": "a quantization scheme",
    "torch.per_channel_symmetric": "a quantization scheme",
    "torch.per_channel_affine_float_qparams": "a quantization scheme",
    "numpy.core.multiarray.scalar": "a NumPy scalar",
    "numpy._core.multiarray.scalar": "a NumPy scalar",
  ]

  /// The classes of a DTensor's parts, some of which PyTorch 2.13 has brought.
  private static let distributed = [
    "torch.distributed._mesh_layout._FlatLayout", "torch.distributed._mesh_layout._MeshLayout",
    "torch.distributed.device_mesh.DeviceMesh", "torch.distributed.tensor.DTensor",
    "torch.distributed.tensor._dtensor_spec.DTensorSpec",
    "torch.distributed.tensor._dtensor_spec.ShardOrderEntry",
    "torch.distributed.tensor._dtensor_spec.TensorMeta",
    "torch.distributed.tensor.placement_types.Partial",
    "torch.distributed.tensor.placement_types.Replicate",
    "torch.distributed.tensor.placement_types.Shard",
  ]

  private static let storageTypes: [String: DType] = [
    "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16,
    "Long": .int64, "Int": .int32, "Short": .int16, "Char": .int8, "Byte": .uint8, "Bool": .bool,
    "ComplexDouble": .complex128, "ComplexFloat": .complex64,
  ]

  private static let unknownTypePrefixes = [
    "float", "int", "uint", "complex", "bits", "quint", "qint",
  ]
}
