"""Makes `tokenizers/`: small tokenizers, and how Hugging Face's `tokenizers` encodes with them.

    python make_tokenizers.py [TEXT_FILE]

`<name>.json` is a tokenizer.json; `<name>.cases.json` lists text, ids with and without special
tokens, and the decoded text; `tiny-llama` is the golden checkpoint's tokenizer.
"""

import json
import os
import random
import sys

from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
    trainers)

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "tokenizers")
GOLDEN = os.path.join(HERE, "../../../Golden/tiny-llama/checkpoint/tokenizer.json")
TEXT = "/usr/share/common-licenses/Apache-2.0"
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

PLAIN = [
    "", " ", "  ", "\n", "\n\n", "\r\n", "\t", "\t\t x", " \n \n ", "a", " a", "a ", "  a  b   c    ",
    "Hello, world!", "The quick brown fox jumps over the lazy dog.", "it's I'll we've DON'T they'RE",
    "'s 't 'LL 'ſ", "1", "12", "123", "1234", "12345678901234567890", "3.14159", "1,000,000",
    "0x1F 1e-5 v2.0.1", "١٢٣ ४५६ ⅷ ½ ² ①", "a1b2c3", "x=1;y=22;z=333",
    "def f(x):\n    return x ** 2  # square\n", "if (a && b) {\n\t\treturn a->b[0];\n}\n",
    "let s = #\"\\d+\\s\"#", "{\"key\": [1, 2.5, null, true]}", "<html><body class='x'>&nbsp;</body>",
    "SELECT * FROM t WHERE a <> 'b';", "#!/bin/sh\necho \"$HOME\" | grep -E '^/'", "a\u00a0b",
    "C:\\dir\\file.txt", "https://example.org/a?b=c&d=e#f", "me@example.org", "a_b-c.d/e",
    "naïve café résumé", "cafe\u0301 nai\u0308ve", "Å \u212b A\u030a", "ﬁ ﬂ ﬀ", "ÀÉÎÕÜ ß ẞ",
    "Привет, мир!", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก",
    "こんにちは世界", "你好，世界！", "안녕하세요 세계", "각각", "\u1112\u1161\u11ab", "Việt Nam",
    "🙂", "👍🏽", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "a🙂b 🙂 c", "❤️ ☺︎", "𝒳𝔄𝟙", "𐍈 𒀀 🜁",
    "\u0000", "a\u0000b", "\u0001\u001f\u007f", "\u0085", "a\u0085b", "\u200b", "a\u200bb", "\ufeffx",
    "\u2028\u2029", "\u3000全角", "\u1680 \u2003x", "\u000b\u000c", "\u001c\u001d", "\u180e",
    "\ufffd", "\ud7ff\ue000\uffff", "\U0010ffff", "e\u0301\u0302\u0303", "\u0301", " \u0301a",
    "...", "!!!???", "--- *** ===", "a...b", "\"'`´’“”", "«»‹›", "€£¥₹₿", "±×÷√∞≠≤≥", "→⇒↦",
    "¡¿§¶©®™", "\u00ad soft", "x²+y²=z²", "H₂O", "½ cup", "№ ª º", "ĀāĂă ŁłŃ", "ǅ ǆ", "ʰ ʷ",
    " " * 50, "\n" * 20, "\t" * 9 + "x", " " * 7 + "\n" + " " * 3, "a" * 300, "ab" * 200,
    "the" * 100, "the " * 100, "0" * 100, "=" * 100, "日" * 60, "\r\r\n\n\r", " \r\n x", "\n x\n  y",
    "word\n", "word \n", "word\n ", " word\n\n next", "trailing   ", "end.\n\n\nNew", "UPPER lower MiXeD",
    "ĠĊ", "Ġthe", "<|", "|>", "<|begin", "<s>", "</s>", "[INST] x [/INST]", "<unk>", "##ing",
]
SPECIAL = [
    "<|begin_of_text|>", "<|begin_of_text|>Hello", "a<|eot_id|>b", " <|eot_id|> ", "<|end_of_text|>\n",
    "<|eot_id|><|eot_id|>", "x <|eot_id|>\n\ny", "<|begin_of_text|><|begin_of_text|> twice",
    "<|endoftext|>", "a<|endoftext|>b", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "<|im_start|", "|im_start|>", "<<|im_start|>>", "<tool>", "x<tool>y", "x <tool> y", "<tool><tool>",
    "  <left>  x", "a\t<left>b", "a  <right>  b", "<right>\n\nb", "<left>  <right>", "<right>  <left> ",
    "<both>", "  <both>  ", "a <both><both> b", "word", "a word.", "sword", "words", "wordé", "word_",
    "(word)", "word word", "étéword", "ételong", "été", "e\u0301te\u0301", "xe\u0301te\u0301y",
    "ABCDE", "ABCD", "ABC", "xABCDEF", "ABCABCDABCDE",
]


def cases(seed):
    """The texts: those above, lines of the licence, and seeded mixtures."""
    texts = PLAIN + SPECIAL
    random_ = random.Random(seed)
    atoms = [text for text in PLAIN + SPECIAL if len(text) < 30]
    atoms += list(" \n\t.,'aé1中🙂") + ["'s", " the", "  ", "12", "\u0301"]
    for _ in range(130):
        texts.append("".join(random_.choice(atoms) for _ in range(random_.randint(2, 12))))
    with open(text_file(), encoding="utf-8") as file:
        lines = [line for line in file.read().split("\n") if line.strip()]
    return texts + lines[:60:2]


def text_file():
    return sys.argv[1] if len(sys.argv) > 1 else TEXT


def train(pre_tokenizer, normalizer=None, special=(), size=420, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.decoder = decoders.ByteLevel()
    with open(text_file(), encoding="utf-8") as file:
        corpus = [file.read()[:8000]] + [text for text in PLAIN if len(text) < 60]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tokenizer


def smollm2():
    tokenizer = train(
        pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)]),
        special=["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    return tokenizer


def qwen2():
    tokenizer = train(
        pre_tokenizers.Sequence([
            pre_tokenizers.Split(Regex(QWEN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]),
        normalizer=normalizers.NFC())
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    tokenizer.add_tokens([
        AddedToken("<tool>", normalized=False), AddedToken("<left>", lstrip=True),
        AddedToken("<right>", rstrip=True), AddedToken("<both>", lstrip=True, rstrip=True),
        AddedToken("word", single_word=True), AddedToken("e\u0301te\u0301", normalized=True),
        AddedToken("ABC"), AddedToken("ABCDE"), AddedToken("ABCD", normalized=False)])
    return tokenizer


def gpt2():
    """A space before the first word, tokens around the text, merges as older versions wrote them."""
    tokenizer = train(pre_tokenizers.ByteLevel(add_prefix_space=True), special=["<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
    return tokenizer


def splits():
    """The other behaviors of a Split, and words that the vocabulary knows whole."""
    return train(
        pre_tokenizers.Sequence([
            pre_tokenizers.Split("#", behavior="removed"),
            pre_tokenizers.Split(Regex(r"[\r\n]"), behavior="merged_with_previous"),
            pre_tokenizers.Split(Regex(r"[(\[{]"), behavior="merged_with_next"),
            pre_tokenizers.Split(Regex(r"[.!?]"), behavior="contiguous"),
            pre_tokenizers.Split(Regex(r"[^=]+"), behavior="isolated", invert=True),
            pre_tokenizers.Digits(individual_digits=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]),
        ignore_merges=True)


def old_merges(path):
    with open(path, encoding="utf-8") as file:
        tokenizer = json.load(file)
    tokenizer["model"]["merges"] = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    write(path, tokenizer)


def write(path, value):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        json.dump(value, file, ensure_ascii=True, indent=None, separators=(",", ":"))
        file.write("\n")


def write_cases(name, tokenizer, seed):
    lines = []
    random_ = random.Random(seed)
    for text in cases(seed):
        ids = tokenizer.encode(text).ids
        lines.append({
            "text": text, "ids": ids,
            "plain": tokenizer.encode(text, add_special_tokens=False).ids,
            "decoded": tokenizer.decode(ids), "all": tokenizer.decode(ids, skip_special_tokens=False)})
    size = tokenizer.get_vocab_size()
    odd = []  # ids that no text makes: cut characters, stray bytes
    for _ in range(60):
        ids = [random_.randrange(size) for _ in range(random_.randint(1, 12))]
        odd.append({"ids": ids, "decoded": tokenizer.decode(ids)})
    write(os.path.join(OUT, name + ".cases.json"), {"encode": lines, "decode": odd})
    print(f"{name}: {len(lines)} texts")


def main():
    os.makedirs(OUT, exist_ok=True)
    write_cases("tiny-llama", Tokenizer.from_file(GOLDEN), 1)
    made = {"smollm2": smollm2, "qwen2": qwen2, "gpt2": gpt2, "splits": splits}
    for seed, (name, make) in enumerate(made.items(), 2):
        path = os.path.join(OUT, name + ".json")
        make().save(path)
        if name == "gpt2":
            old_merges(path)
        write_cases(name, Tokenizer.from_file(path), seed)


if __name__ == "__main__":
    main()
