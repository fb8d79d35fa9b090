public import AssayTensors
