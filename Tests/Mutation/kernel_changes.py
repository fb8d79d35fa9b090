"""Finds every small change of C code by its tokens, so that the bodies of macros have theirs too.

What is no expression after all, the compiler does not take.
"""

import re

TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\\\n|\"(?:\\.|[^\"\\])*\""
    r"|U?INT64_C\(\w+\)|0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?\w*|\d[\w.]*|\w+"
    r"|<<=|>>=|\+\+|--|->|&&|\|\||##|[<>=!+\-*/%&|^]=|<<|>>|\S", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M | re.S)
MACRO = re.compile(r"[ \t]*#define (\w+)\([^)]*\)")
TYPE = re.compile(
    r"(?:\w+_t|[fiu]\d+x\d+|assay_(?:comparison|block|side|extreme|census|census_limits)"
    r"|__m\d+i?|int|float|double|char|void|const|static|inline|TYPE|SOURCE|TARGET_TYPE|REAL"
    r"|FLOATS|INTS)$")
KEYWORDS = {"return", "case", "else", "sizeof", "do", "goto", "default"}
LEVELS = ["||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"]
BINDING = {word: place + 3 for place, words in enumerate(LEVELS) for word in words.split()}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "|=", "&=", "^=", "<<=", ">>="}
ENDS = {",", ";", "{", "(", "[", "?", ":", "return", "case", *ASSIGNMENTS}
OTHER = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "&&": "||", "||": "&&",
    "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&": "|", "|": "&", "^": "|", "<<": ">>",
    ">>": "<<", "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=", "|=": "&=", "&=": "|=",
    "^=": "|=", "<<=": ">>=", ">>=": "<<="}
# Names of the same signature.
PAIRS = [("larger", "smaller"), ("lo", "hi"), ("low", "high"),
         ("__builtin_elementwise_max", "__builtin_elementwise_min"),
         ("__builtin_reduce_max", "__builtin_reduce_min"),
         ("__builtin_reduce_or", "__builtin_reduce_and"),
         ("__builtin_reduce_add", "__builtin_reduce_max"),
         ("_CMP_LT_OQ", "_CMP_LE_OQ"), ("_CMP_GT_OQ", "_CMP_GE_OQ"),
         ("_CMP_EQ_OQ", "_CMP_NEQ_UQ")]
PARTS = ["add:sub", "min:max", "and:or", "andnot:and", "unpacklo:unpackhi", "cmpgt:cmplt"]
NAMES = {**{b: a for a, b in PAIRS}, **dict(PAIRS)}


def changes(name, text):
    """The changes of a file, in its order; what each is called is unlike the others."""
    found = []
    for owner, start, end in bodies(text):
        found += Body(owner, text, start, end).changes()
    found.sort(key=lambda change: (change["start"], -change["end"]))
    counts = {}
    for change in found:
        old = flat(text[change["start"]:change["end"]])
        key = f"{name} | {change.pop('owner')} | {old} | {change.pop('what')}"
        counts[key] = counts.get(key, 0) + 1
        change["key"] = key + (f" | {counts[key]}" if counts[key] > 1 else "")
        change["file"] = name
        change["line"] = text.count("\n", 0, change["start"]) + 1
        change["level"] = level(text, change["start"])
    return found


def flat(text):
    """Code on one line, without remarks."""
    return " ".join(re.sub(r"//[^\n]*|\\\n", " ", text).split())


def level(text, place):
    """Which instruction set code is for alone: 2 is AVX-512, 1 AVX2, 0 none."""
    line = text[text.rfind("\n", 0, place) + 1:text.find("\n", place)].lower()
    if "avx512" in line or "avx2" in line:
        return 2 if "avx512" in line else 1
    asked = [0]
    for directive in DIRECTIVE.finditer(text, 0, place):
        words = directive.group().split()
        if words[0] == "#if" or words[0] == "#ifdef" or words[0] == "#ifndef":
            asked.append(0)
        if words[0] in ("#if", "#elif") and words[1] == "LEVEL":
            asked[-1] = int(words[3])
        elif words[0] == "#else":
            asked[-1] = 0
        elif words[0] == "#endif":
            asked.pop()
    return max(asked)


def bodies(text):
    """Where the code of functions and of macros with arguments is, and whose it is."""
    code = list(text)
    found = []
    for directive in DIRECTIVE.finditer(text):
        macro = MACRO.match(directive.group())
        if macro:
            found.append((macro.group(1), directive.start() + macro.end(), directive.end()))
        for place in range(*directive.span()):
            code[place] = " "
    # Without the directives, and as long as before.
    code = re.sub(r"//[^\n]*", lambda remark: " " * len(remark.group()), "".join(code))
    depth = 0
    for brace in re.finditer(r"[{}]", code):
        if brace.group() == "{":
            if depth == 0:
                begin = brace.start()
            depth += 1
        else:
            depth -= 1
            head = code[:begin].rstrip()
            if depth == 0 and head.endswith(")"):
                head = head[max(head.rfind(";"), head.rfind("}")) + 1:]
                names = re.findall(r"(?:NAMED\((\w+)\)|\b(\w+)) *\(", head)
                names = ["".join(pair) for pair in names if pair[1] not in ("NAMED", "TARGET")]
                found.append((names[0] if names else "", begin, brace.end()))
    return found


class Body:
    """The code of one function or macro, as tokens."""

    def __init__(self, owner, text, start, end):
        self.owner = owner
        self.text = text
        directives = [] if text[start] != "{" else [
            d.span() for d in DIRECTIVE.finditer(text, start, end)]
        self.tokens = [
            t for t in TOKEN.finditer(text, start, end)
            if not t.group().startswith(("//", "/*", "\\"))
            and not any(a <= t.start() < b for a, b in directives)]
        self.words = [t.group() for t in self.tokens]
        self.other = {}
        opened = []
        for i, word in enumerate(self.words):
            if word in "([{":
                opened.append(i)
            elif word in ")]}" and opened:
                self.other[i] = opened.pop()
                self.other[self.other[i]] = i
        self.loops = [
            (i, self.other.get(i + 1, i)) for i, word in enumerate(self.words)
            if word in ("for", "while")]
        self.found = []

    def changes(self):
        self.statements()
        for i, word in enumerate(self.words):
            if word in BINDING and self.is_operand_end(i - 1):
                self.operator(i)
            elif word in ASSIGNMENTS and word in OTHER:
                self.add(self.left_of_assignment(i), self.right(i, 0), i, OTHER[word])
            elif word in ("-", "~", "!"):
                self.add(i, self.unary_end(i), i, "", "dropped " + word)
            elif word == "?":
                self.negate(self.left(i, 2), i - 1)
            elif word == "if":
                self.negate(i + 2, self.other[i + 1] - 1)
            elif re.match(r"\d|U?INT64_C", word) and self.words[i - 2] != "ext_vector_type":
                self.number(i)
            elif self.renamed(word):
                self.name(i)
        return self.found

    def add(self, first, last, at, word, what=None):
        """A change of one token in an expression."""
        token = self.tokens[at]
        start, end = self.tokens[first].start(), self.tokens[last].end()
        self.note(start, end, self.text[start:token.start()] + word + self.text[token.end():end],
                  what or f"{word} for {token.group()}")

    def note(self, start, end, new, what, is_statement=False):
        self.found.append({
            "owner": self.owner, "start": start, "end": end, "new": new, "what": what,
            "statement": is_statement})

    def operator(self, i):
        word = self.words[i]
        first, last = self.left(i, BINDING[word]), self.right(i, BINDING[word])
        self.add(first, last, i, OTHER[word])
        start, end = self.tokens[first].start(), self.tokens[last].end()
        whole = self.text[start:end]
        if word in ("&&", "||"):
            self.note(start, end, self.text[start:self.tokens[i - 1].end()], "left side alone")
            self.note(start, end, self.text[self.tokens[i + 1].start():end], "right side alone")
        elif word in ("<", "<=", ">", ">=", "==", "!="):
            # Of numbers and of vectors, whose lanes all hold or do not.
            one = f"(({whole}) | 1)" if "++" in whole else f"(({whole}) == ({whole}))"
            none = f"(({whole}) & 0)" if "++" in whole else f"(({whole}) != ({whole}))"
            # No end, which is seen, and slowly.
            if not any(a < i < b for a, b in self.loops):
                self.note(start, end, one, "always holds")
            self.note(start, end, none, "never holds")

    def negate(self, first, last):
        words = self.words[first:last + 1]
        if sum(w in ("==", "!=") for w in words) == 1 and not {"&&", "||", "!"} & set(words):
            return
        start, end = self.tokens[first].start(), self.tokens[last].end()
        self.note(start, end, f"!({self.text[start:end]})", "inverted")

    def number(self, i):
        word = self.words[i]
        if re.search(r"[.pP]", word):
            self.add(i, i, i, f"(2 * {word})", "twice")
        else:
            new = {"0": "1", "1": "0"}.get(word, f"({word} + 1)")
            self.add(i, i, i, new, f"{new} for it" if word in ("0", "1") else "+ 1")

    @staticmethod
    def renamed(word):
        """Another name of the same signature."""
        if word in NAMES:
            return NAMES[word]
        if word.startswith("_mm"):
            for pair in PARTS:
                for a, b in (pair.split(":"), pair.split(":")[::-1]):
                    if f"_{a}_" in word:
                        return word.replace(f"_{a}_", f"_{b}_")
        return None

    def name(self, i):
        word = self.words[i]
        if word in ("lo", "hi", "low", "high") and self.words[i - 1] not in (".", "->"):
            return
        at = i
        # The name in NAMED(name)(...).
        if self.words[i - 1] == "(" and self.words[i - 2] == "NAMED":
            at = i - 2
        first, last = self.chain_start(at), self.chain_end(at)
        if last + 1 < len(self.words) and self.words[last + 1] in ASSIGNMENTS:
            last = self.right(last + 1, 0)
        self.add(first, last, i, self.renamed(word))

    def is_operand_end(self, i):
        word = self.words[i]
        if i < 0 or word in KEYWORDS or TYPE.match(word):
            return False
        if word == ")":
            # Neither a condition nor a macro for statements or a type.
            before = self.words[self.other.get(i, i) - 1]
            return not self.is_cast(i) and before not in ("if", "for", "while") \
                and not before.isupper()
        return bool(re.match(r"\w|\"", word)) or word in "]}"

    def is_cast(self, i):
        """Whether the closing bracket is that of a cast."""
        inside = self.words[self.other.get(i, i) + 1:i]
        return bool(inside) and all(w == "*" or TYPE.match(w) for w in inside)

    def left(self, i, binding):
        """The first token of what an operator has on its left."""
        while i > 0:
            word = self.words[i - 1]
            if word in ")]}" and i - 1 in self.other:
                i = self.other[i - 1]
            elif word in ENDS or self.binds_less(i - 1, binding):
                break
            else:
                i -= 1
        return i

    def binds_less(self, i, binding):
        word = self.words[i]
        return word in BINDING and BINDING[word] < binding and self.is_operand_end(i - 1)

    def right(self, i, binding):
        """The last token of what an operator has on its right; all of it after an assignment."""
        while i + 1 < len(self.words):
            word = self.words[i + 1]
            if word in "([{":
                i = self.other.get(i + 1, i + 1)
            elif word in ")]},;" or binding and (
                    word in ENDS or self.binds_less(i + 1, binding + 1)):
                break
            else:
                i += 1
        return i

    def left_of_assignment(self, i):
        first = self.chain_start(i - 1)
        if first > 0 and self.words[first - 1] == "*" and not self.is_operand_end(first - 2):
            first -= 1
        return first

    def chain_start(self, i):
        """The first token of calls, members and elements that end there."""
        while i > 0:
            word = self.words[i - 1]
            if self.words[i] in ")]}":
                i = self.other[i]
                word = self.words[i - 1]
                if not re.match(r"\w", word) and word not in ")]" or word in KEYWORDS \
                        or word == ")" and self.is_cast(i - 1):
                    break
                i -= 1
            elif word in (".", "->"):
                i -= 2
            else:
                break
        return i

    def chain_end(self, i):
        while i + 1 < len(self.words):
            if self.words[i + 1] in "([":
                i = self.other[i + 1]
            elif self.words[i + 1] in (".", "->"):
                i += 2
            else:
                break
        return i

    def unary_end(self, i):
        """The last token of an operator's operand that follows it."""
        while i + 1 < len(self.words):
            i += 1
            if self.words[i] == "(":
                i = self.other[i]
                if not self.is_cast(i):
                    break
            elif self.words[i] not in ("-", "~", "!", "*", "&", "++", "--", "sizeof"):
                break
        return self.chain_end(i)

    def statements(self):
        """Drops each assignment, call and jump."""
        i = 0
        while i < len(self.words):
            word = self.words[i]
            if word in ("if", "for", "while", "switch"):
                i = self.other[i + 1] + 1
            elif word in ("{", "}", "else", "do", ";"):
                i += 1
            elif word in ("case", "default"):
                while self.words[i] != ":":
                    i += 1
                i += 1
            else:
                i = self.statement(i)

    def statement(self, first):
        i = first
        while i < len(self.words) and self.words[i] not in (";", "}"):
            if self.words[i] in "([{":
                i = self.other[i]
                # A macro that stands for statements.
                if i + 1 < len(self.words) and re.match(r"[A-Za-z_]+$", self.words[i + 1]) \
                        and self.words[first].isupper() and self.words[first] != "NAMED" \
                        and self.other[i] == first + 1:
                    return i + 1
            i += 1
        if i == len(self.words) or self.words[i] == "}":
            return i + (i < len(self.words) and i == first)
        words = self.words[first:i]
        jump = words in (["break"], ["continue"], ["return"])
        assigns = [at for at, w in enumerate(words) if w in ASSIGNMENTS
                   and all(not first + o < first + at < self.other.get(first + o, 0)
                           for o, v in enumerate(words) if v in "([{")]
        declares = assigns and self.left_of_assignment(first + assigns[0]) != first
        calls = not assigns and re.match(r"\w+$", words[0]) and words[-1] == ")" \
            and self.chain_end(first) == i - 1
        steps = not assigns and words[-1] in ("++", "--")
        if jump or assigns and not declares or calls or steps:
            self.note(self.tokens[first].start(), self.tokens[i].end(), ";", "dropped", True)
        return i + 1
