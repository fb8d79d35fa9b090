// A test names tolerances, recipes and tensors: one import brings all that its assertions take.
@_exported public import Assay
