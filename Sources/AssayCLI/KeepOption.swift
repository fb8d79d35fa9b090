public import ArgumentParser
public import Assay

/// `--keep`: how much of the tensors is written.
struct KeepOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What to keep of each tensor: full, sample or digest (figures, a hash and a random projection).",
      valueName: "full|sample|digest"))
  var keep: TensorKeep?
}

extension TensorKeep: ExpressibleByArgument {}
