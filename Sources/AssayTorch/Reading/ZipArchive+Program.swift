import AssayBase

extension ZipArchive {
  /// What the archive is where it holds a program instead of tensors, with what to do about it.
  var program: String? {
    if index["constants.pkl"] != nil {
      return "it is a TorchScript archive, which holds code; save its tensors instead: "
        + "torch.save(torch.jit.load(path).state_dict(), new_path)"
    }
    if index["archive_format"] != nil || index["serialized_exported_program.json"] != nil
      || index.entries["serialized_exported_program.json"] != nil
    {
      return "it is a program of torch.export (.pt2), which holds code; save its tensors instead: "
        + "torch.save(torch.export.load(path).state_dict, new_path)"
    }
    if index[".data/extern_modules"] != nil {
      return "it is a torch.package archive, which holds code; save its tensors instead: "
        + "load the model with torch.package.PackageImporter, torch.save(model.state_dict(), new_path)"
    }
    return nil
  }
}
