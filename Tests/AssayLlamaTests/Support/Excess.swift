import AssayTensors

/// The largest error of a tensor, in units of what a tolerance allows.
struct Excess: CustomStringConvertible {
  var worst = 0.0
  var index = 0

  init(_ actual: Tensor, _ expected: Tensor, rtol: Double, atol: Double) {
    let (actual, expected) = (actual.float64Values(), expected.float64Values())
    if actual.count != expected.count { worst = .infinity }
    for (i, (a, e)) in zip(actual, expected).enumerated() where a != e {
      let excess = abs(a - e) / (atol + rtol * abs(e))
      if !(excess <= worst) { (worst, index) = (excess.isNaN ? .infinity : excess, i) }
    }
  }

  var description: String { "\(worst) times the tolerance at element \(index)" }
}
