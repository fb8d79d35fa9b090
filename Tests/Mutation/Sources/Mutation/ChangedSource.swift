import SwiftSyntax

/// Writes one file's tree with its changes.
struct ChangedSource {
  let file: String
  let lines: SourceLocationConverter
  var schemata: Schemata

  /// The text of a node, with the trivia around it.
  mutating func text(of node: some SyntaxProtocol) -> String {
    text(of: Syntax(node))
  }

  mutating func text(of node: Syntax) -> String {
    if let token = node.as(TokenSyntax.self) { return token.description }
    if Self.isLeftAlone(node) { return node.description }
    if let operation = node.as(InfixOperatorExprSyntax.self) { return self.operation(operation) }
    if let not = node.as(PrefixOperatorExprSyntax.self), not.operator.text == "!",
      !Self.isDecided(node)
    {
      return wrap(not, "not dropped") { "assayKept(\($0), \($1))" }
    }
    if let literal = node.as(IntegerLiteralExprSyntax.self) { return number(literal) }
    if let literal = node.as(BooleanLiteralExprSyntax.self) {
      return wrap(literal, "inverted") { "assayInverted(\($0), \($1))" }
    }
    if let condition = node.as(ConditionElementSyntax.self) { return self.condition(condition) }
    if let clause = node.as(WhereClauseSyntax.self) {
      return clause.whereKeyword.description + decided(clause.condition)
    }
    if let ternary = node.as(TernaryExprSyntax.self) {
      return decided(ternary.condition) + ternary.questionMark.description
        + text(of: ternary.thenExpression) + ternary.colon.description
        + text(of: ternary.elseExpression)
    }
    if let loop = node.as(ForStmtSyntax.self) { return self.loop(loop) }
    if let call = node.as(FunctionCallExprSyntax.self) { return self.call(call) }
    if let side = node.as(MemberAccessExprSyntax.self) { return self.side(side) }
    if let item = node.as(CodeBlockItemSyntax.self) { return statement(item) }
    if let branch = node.as(SwitchCaseSyntax.self) { return self.branch(branch) }
    return children(of: node)
  }

  private mutating func children(of node: Syntax) -> String {
    var result = ""
    for child in node.children(viewMode: .sourceAccurate) { result += text(of: child) }
    return result
  }

  /// What says nothing at run time, or cannot hold a call.
  private static func isLeftAlone(_ node: Syntax) -> Bool {
    node.is(AttributeSyntax.self) || node.is(ImportDeclSyntax.self) || node.is(TypeSyntax.self)
      || node.is(EnumCaseElementSyntax.self) || node.is(ExpressionPatternSyntax.self)
      || node.is(GenericWhereClauseSyntax.self) || node.is(IfConfigDeclSyntax.self)
      || node.is(SwitchCaseLabelSyntax.self)
  }

  // MARK: - Numbers

  private mutating func number(for node: some SyntaxProtocol, _ change: String) -> Int? {
    let start = node.positionAfterSkippingLeadingTrivia
    let original = node.trimmedDescription.split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    return schemata.number(
      file: file, function: Self.function(around: Syntax(node)),
      line: lines.location(for: start)
        .line, original: String(original.prefix(160)), change: change)
  }

  private static func function(around node: Syntax) -> String {
    var parent = node.parent
    while let next = parent {
      if let function = next.as(FunctionDeclSyntax.self) {
        let labels = function.signature.parameterClause.parameters.map { "\($0.firstName.text):" }
        return "\(function.name.text)(\(labels.joined()))"
      }
      if next.is(InitializerDeclSyntax.self) { return "init" }
      if next.is(SubscriptDeclSyntax.self) { return "subscript" }
      if let variable = next.as(VariableDeclSyntax.self), Self.isMember(next),
        let binding = variable.bindings.first
      {
        return binding.pattern.trimmedDescription
      }
      parent = next.parent
    }
    return ""
  }

  private static func isMember(_ node: Syntax) -> Bool {
    node.parent?.is(MemberBlockItemSyntax.self) ?? false
  }

  // MARK: - Text around text

  /// The parts of a node's changed text: trivia before, the text, trivia after.
  private func parts(_ text: String, of node: some SyntaxProtocol) -> (String, String, String) {
    let before = node.leadingTrivia.description
    let after = node.trailingTrivia.description
    return (before, String(text.dropFirst(before.count).dropLast(after.count)), after)
  }

  /// The node, its children changed, with a call around it; `try` and `await` stay outside.
  private mutating func wrap(
    _ node: some ExprSyntaxProtocol, _ change: String, _ call: (Int, String) -> String
  ) -> String {
    let number = number(for: node, change)
    // Not again by the node's own rule.
    let (before, inner, after) = parts(children(of: Syntax(node)), of: node)
    guard let number else { return before + inner + after }
    return before + call(number, inner) + after
  }

  private mutating func around(
    _ node: ExprSyntax, _ text: String, _ changes: [(String, (Int, String) -> String)]
  ) -> String {
    var (before, inner, after) = parts(text, of: node)
    for (change, call) in changes {
      if let number = number(for: node, change) { inner = call(number, inner) }
    }
    return before + inner + after
  }

  // MARK: - Conditions

  private mutating func condition(_ element: ConditionElementSyntax) -> String {
    let comma = element.trailingComma?.description ?? ""
    switch element.condition {
    case .expression(let expression): return decided(expression) + comma
    case .optionalBinding(let binding): return self.binding(binding) + comma
    default: return children(of: Syntax(element))
    }
  }

  /// A condition that may always or never hold.
  private mutating func decided(_ expression: ExprSyntax) -> String {
    if let attempt = expression.as(TryExprSyntax.self), attempt.questionOrExclamationMark == nil {
      return attempt.tryKeyword.description + decided(attempt.expression)
    }
    let isLoop = expression.parent?.parent?.parent?.is(WhileStmtSyntax.self) ?? false
    var changes: [(String, (Int, String) -> String)] = [
      ("never holds", { "assayNever(\($0), \($1))" })
    ]
    if !isLoop { changes.append(("always holds", { "assayAlways(\($0), \($1))" })) }
    return around(expression, text(of: expression), changes)
  }

  /// Whether its place has changes enough: a condition, or a side of a logical operator.
  private static func isDecided(_ node: Syntax) -> Bool {
    guard let parent = node.parent else { return false }
    if let infix = parent.as(InfixOperatorExprSyntax.self) {
      return ["&&", "||"].contains(infix.operator.trimmedDescription)
    }
    if let ternary = parent.as(TernaryExprSyntax.self) { return ternary.condition.id == node.id }
    return parent.is(ConditionElementSyntax.self) || parent.is(WhereClauseSyntax.self)
  }

  private mutating func binding(_ binding: OptionalBindingConditionSyntax) -> String {
    var binding = binding
    let named = binding.bindingSpecifier.description + binding.pattern.description
    guard var value = binding.initializer?.value else {
      guard binding.typeAnnotation == nil,
        let number = number(for: binding, "binds nothing")
      else { return binding.description }
      let name = binding.pattern.trimmedDescription
      let after = binding.trailingTrivia.description
      binding.pattern = binding.pattern.trimmed
      return binding.description + " = assayNothing(\(number), \(name))" + after
    }
    var outside = ""
    if let attempt = value.as(TryExprSyntax.self), attempt.questionOrExclamationMark == nil {
      outside = attempt.tryKeyword.description
      value = attempt.expression
    }
    guard let initializer = binding.initializer else { return binding.description }
    let changed = around(
      value, text(of: value), [("binds nothing", { "assayNothing(\($0), \($1))" })])
    return named + (binding.typeAnnotation?.description ?? "") + initializer.equal.description
      + outside + changed
  }

  // MARK: - Operators

  private mutating func operation(_ node: InfixOperatorExprSyntax) -> String {
    guard let token = node.operator.as(BinaryOperatorExprSyntax.self)?.operator else {
      return children(of: Syntax(node))
    }
    let (left, right) = (text(of: node.leftOperand), text(of: node.rightOperand))
    let plain = left + token.description + right
    func call(_ name: String, _ numbers: [Int?]) -> String? {
      guard let first = numbers.first ?? nil else { return nil }
      let all = numbers.map { String($0 ?? -first) }.joined(separator: ", ")
      let (before, a, _) = parts(left, of: node.leftOperand)
      let (_, b, after) = parts(right, of: node.rightOperand)
      return "\(before)\(name)(\(all), \(a), \(b))\(after)"
    }
    switch token.text {
    case "<": return call("assayLess", [number(for: node, "<= for <")]) ?? plain
    case "<=": return call("assayAtMost", [number(for: node, "< for <=")]) ?? plain
    case ">": return call("assayGreater", [number(for: node, ">= for >")]) ?? plain
    case ">=": return call("assayAtLeast", [number(for: node, "> for >=")]) ?? plain
    case "==", "!=", "===", "!==":
      guard !Self.isDecided(Syntax(node)), let number = number(for: node, "inverted") else {
        return plain
      }
      let (before, inner, after) = parts(plain, of: node)
      return "\(before)assayInverted(\(number), \(inner))\(after)"
    case "&&":
      return call(
        "assayAnd",
        [
          number(for: node, "|| for &&"), number(for: node, "left side alone"),
          number(for: node, "right side alone"),
        ]) ?? plain
    case "||":
      return call(
        "assayOr",
        [
          number(for: node, "&& for ||"), number(for: node, "left side alone"),
          number(for: node, "right side alone"),
        ]) ?? plain
    case "??":
      // Without a choice of overloads where that is known: expressions must stay quick to check.
      let isBool = node.rightOperand.is(BooleanLiteralExprSyntax.self)
      let name = isBool ? "assayBoolDefault" : "assayDefault"
      return call(name, [number(for: node, "right side alone")]) ?? plain
    case "+": return call("assayPlus", [number(for: node, "- for +")]) ?? plain
    case "-":
      return call("assayMinus", [number(for: node, "+ for -"), number(for: node, "swapped")])
        ?? plain
    case "*": return call("assayTimes", [number(for: node, "/ for *")]) ?? plain
    case "/":
      return call("assayOver", [number(for: node, "* for /"), number(for: node, "swapped")])
        ?? plain
    case "&+": return call("assayWrappingPlus", [number(for: node, "&- for &+")]) ?? plain
    case "&-": return call("assayWrappingMinus", [number(for: node, "&+ for &-")]) ?? plain
    default: return plain
    }
  }

  private mutating func number(_ literal: IntegerLiteralExprSyntax) -> String {
    guard ["0", "1"].contains(literal.literal.text) else { return literal.description }
    let other = literal.literal.text == "0" ? "1" : "0"
    return wrap(literal, "\(other) for it") { "assayNumber(\($0), \($1), \(other))" }
  }

  // MARK: - Calls

  private mutating func call(_ node: FunctionCallExprSyntax) -> String {
    let name = node.calledExpression
    if let function = name.as(DeclReferenceExprSyntax.self)?.baseName.text,
      ["min", "max"].contains(function), node.arguments.count == 2,
      node.arguments.allSatisfy({ $0.label == nil }), let number = number(for: node, "min for max")
    {
      let (before, inner, after) = parts(children(of: Syntax(node)), of: node)
      let arguments = inner.dropFirst(function.count + 1)
      return "\(before)assay\(function.capitalized)(\(number), \(arguments)\(after)"
    }
    // The parts are changed once: what is changed twice has numbers that stand nowhere.
    guard let member = name.as(MemberAccessExprSyntax.self), let base = member.base,
      base.trimmedDescription != "Swift",
      let other = Self.others[member.declName.baseName.text],
      let number = number(for: node, "\(other) for \(member.declName.baseName.text)")
    else { return children(of: Syntax(node)) }
    let changed =
      "assay" + member.declName.baseName.text.prefix(1).uppercased()
      + member.declName.baseName.text.dropFirst()
    let arguments = text(of: node.arguments)
    let left = node.leftParen?.description ?? "("
    var result = text(of: base) + member.period.description + changed + left + "\(number)"
    result += node.arguments.isEmpty ? "" : ", " + arguments
    result += node.rightParen?.description ?? ") "
    if let closure = node.trailingClosure { result += text(of: closure) }
    return result + text(of: node.additionalTrailingClosures)
  }

  private static let others = [
    "min": "max", "max": "min", "allSatisfy": "contains", "filter": "all",
    "sorted": "reversed", "reversed": "unchanged",
  ]

  /// `actual` for `expected` and the other way, where it is only read.
  private mutating func side(_ node: MemberAccessExprSyntax) -> String {
    let plain = children(of: Syntax(node))
    let name = node.declName.baseName.text
    guard ["actual", "expected"].contains(name), node.declName.argumentNames == nil,
      let base = node.base,
      base.is(DeclReferenceExprSyntax.self) || base.is(MemberAccessExprSyntax.self),
      let parent = node.parent,
      parent.is(LabeledExprSyntax.self)
        || parent.is(InitializerClauseSyntax.self) || Self.isRightOperand(node, of: parent)
    else { return plain }
    let other = name == "actual" ? "expected" : "actual"
    guard let number = number(for: node, "\(other) for \(name)") else { return plain }
    let (before, inner, after) = parts(plain, of: node)
    let swapped = inner.dropLast(name.count) + other
    return "\(before)(assayIs(\(number)) ? \(swapped) : \(inner))\(after)"
  }

  private static func isRightOperand(_ node: MemberAccessExprSyntax, of parent: Syntax) -> Bool {
    parent.as(InfixOperatorExprSyntax.self)?.rightOperand.id == node.id
  }

  // MARK: - Statements

  private mutating func loop(_ node: ForStmtSyntax) -> String {
    guard node.whereClause == nil, let number = number(for: node.sequence, "no iteration") else {
      return children(of: Syntax(node))
    }
    var result = ""
    for child in node.children(viewMode: .sourceAccurate) {
      if child.is(CodeBlockSyntax.self) { result += "where assayRuns(\(number)) " }
      result += text(of: child)
    }
    return result
  }

  private mutating func statement(_ item: CodeBlockItemSyntax) -> String {
    let plain = children(of: Syntax(item))
    guard case .expr(let expression) = item.item, Self.isDroppable(expression),
      Self.mayBeDropped(item), !Self.isFirstValue(expression),
      let number = number(for: expression, "dropped")
    else { return plain }
    let (before, inner, after) = parts(plain, of: item)
    return "\(before)if assayRuns(\(number)) { \(inner) }\(after)"
  }

  private static func isDroppable(_ expression: ExprSyntax) -> Bool {
    if let attempt = expression.as(TryExprSyntax.self) { return isDroppable(attempt.expression) }
    if let infix = expression.as(InfixOperatorExprSyntax.self) {
      return infix.operator.is(AssignmentExprSyntax.self)
        || infix.operator.trimmedDescription.hasSuffix("=")
          && !["==", "!=", "<=", ">="].contains(infix.operator.trimmedDescription)
    }
    guard let call = expression.as(FunctionCallExprSyntax.self) else { return false }
    return !["self.init", "super.init"].contains(call.calledExpression.trimmedDescription)
  }

  /// Not where it may be the value of its block.
  private static func mayBeDropped(_ item: CodeBlockItemSyntax) -> Bool {
    guard let list = item.parent?.as(CodeBlockItemListSyntax.self) else { return false }
    if case .expr(let expression) = item.item, Self.isAssignment(expression) { return true }
    if list.count > 1 { return true }
    guard let function = list.parent?.parent?.as(FunctionDeclSyntax.self) else {
      return list.parent?.parent?.is(ForStmtSyntax.self) ?? false
    }
    return function.signature.returnClause == nil
  }

  /// Whether it may give a name its first value, without which nothing compiles.
  private static func isFirstValue(_ expression: ExprSyntax) -> Bool {
    guard let infix = expression.as(InfixOperatorExprSyntax.self),
      infix.operator.is(AssignmentExprSyntax.self)
    else { return false }
    let name = infix.leftOperand.trimmedDescription
    var parent = expression.parent
    while let next = parent {
      if next.is(InitializerDeclSyntax.self) { return true }
      let items = next.as(CodeBlockItemListSyntax.self)?.compactMap {
        $0.item.as(VariableDeclSyntax.self)
      }
      for binding in (items ?? []).flatMap(\.bindings)
      where binding.pattern.trimmedDescription == name && binding.initializer == nil {
        return true
      }
      parent = next.parent
    }
    return false
  }

  private static func isAssignment(_ expression: ExprSyntax) -> Bool {
    if let attempt = expression.as(TryExprSyntax.self) { return isAssignment(attempt.expression) }
    return expression.is(InfixOperatorExprSyntax.self)
  }

  /// A case of a switch that has a default, which is then taken instead.
  private mutating func branch(_ node: SwitchCaseSyntax) -> String {
    let statements = text(of: node.statements)
    guard let label = node.label.as(SwitchCaseLabelSyntax.self), label.caseItems.count == 1,
      label.caseItems.first?.whereClause == nil,
      let list = node.parent?.as(SwitchCaseListSyntax.self),
      list.contains(where: {
        $0.as(SwitchCaseSyntax.self)?.label.is(SwitchDefaultLabelSyntax.self) ?? false
      }),
      let number = number(for: label, "dropped")
    else { return node.label.description + statements }
    let text = label.caseKeyword.description + label.caseItems.description
    return text + " where assayRuns(\(number))" + label.colon.description + statements
  }
}
