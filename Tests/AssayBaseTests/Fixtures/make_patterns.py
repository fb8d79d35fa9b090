"""Writes patterns.json: what Python's re.search says of module names, for PythonPatternTests.

    python3 make_patterns.py > patterns.json
"""

import json
import re
import sys
import warnings

warnings.simplefilter("ignore")

NAMES = [
    "model.layers.0.self_attn.rotary_emb",
    "model.layers.0.self_attn.q_proj",
    "model.layers.10.mlp.act_fn",
    "model.layers.1.input_layernorm",
    "model.norm",
    "model.embed_tokens",
    "lm_head",
    "Model.Norm",
    "blocks[0].ff",
    "a&&b",
    "a-b",
    "aXbYa",
    "abab",
    "caf\u00e9.\u0663.x",
    "tab\there",
    "line\nend\n",
    "sep\u2028par",
    "qQ:1",
    "a{,x}",
    "\\E",
    "x\u0001y#z w",
    "\U0001f600.smile",
    "",
]

PATTERNS = r"""
layers\.0\.(?!.*rotary_emb).*
model\.norm
^model\.norm$
model\.norm\Z
norm$
embed_tokens
^(?!lm_head)
(?<=layers\.)1
(?<!\d)0
(?<=\d)0\.
(?P<index>\d+)\.(?P<sub_part>\w+)
(?P<l>\w)(?P<r>\w)(?P=l)(?P=r)
(\w)(\w)\1\2
(?P<a>a)(?P<b>b)?
(?i)model\.NORM
(?i:MODEL)\.norm
(?-i:model)
(?s).*
(?s)line.end
line.end
sep.par
(?m)end$
(?m)^end
end$
end\Z
\Aline
(?x) model \. norm  # the last norm
(?x: l m _ ) head
 (?x)model
(?a)caf\w
(?u)caf\w
caf\w
caf\w\.\d
(?a)\.\d\.
(?a:caf\w)|smile
[[]0]
[\[0]
[a&&b]&
[a-c&&[b]]
[^\W_]+_[^\W\d]+
[\w-]b
[a\-z]-
[]a]b
[^]a]$
[\b]
\bnorm\b
\Bnorm
\bact_fn
q\B
\h
\R
\X
\Q
\E
\G
\K
\z
\y
\p{L}
\N{DOLLAR SIGN}
[\A]
[\Z]
[\e]
\8
[\8]
\1
(\1)
(a)\2
(a)\1
(?P<a>x)(?P<a>y)
(?P<1a>x)
(?P<>x)
(?P<a
(?P<a>x
(?P=zz)
(?P>a)
(?P
(?<n>x)
(?<
(?
(?z)
(?L)a
(?au)a
(?a-u:b)
(?i-i:b)
(?i-:b)
(?i
(?iz)b
(?i-z:b)
a(?i)b
(?i)(?m)norm
(?i)|norm
norm|(?i)x
(?#comment)norm
nor(?#c)m*
(?#norm
*
a**
a*+
a++b
a?+b
a{1,2}+b
(?>a+)b
(?>ab|a)b
a+?b
a{2}
a{1,}
a{,1}b
a{,}b
a{,x}
a{
a{}
a{1
a{x}
x{3,2}
a{99999999999}
^*
\b*
$?
(?:a*)*b
(a|b)*$
(a|)b
|
()
(?:)
(?=model)(?!.*layers)
(?=a)*b
(?<=a|b)b
(?<=a|bc)b
(?<=a*)b
(?<=a{2})b
(?<=(a))b
(?<=(a)\1)b
(a)(?<=\1)X
(?<!)a
(?!)
(a
a)
(?:a
[a
[
[a-
[z-a]
[a-\d]
[\d-a]
[\d-]b
\
[\
\x41
\x61
\x4
\u0061
\u00e9
\u12
\U0001F600
\U00110000
\0
\01
\001
\141
\400
[\141]
[\400]
\t
\v
\a
\n
\é
\_
\:
\#
\ 
#z
\S\s\S
[\s]here
[^\s]\S$
\D\d\D
\W\w\W
.smile
^.\.smile
[😀]
[^😀]smile
q{1}Q:1
rotary_emb:0
(?:a:b)
(?:qQ):1
\d+$
[0-9]+
layers\.(0|10)\.
layers\.\d{2}
(?:layers\.0)(?!\.mlp)
lm_head|model\.norm
(?x)[ ]w
(?x)a\ b
(?s-i:.)smile
(?m-s:^.)
(?(1)a|b)
(a)?(?(1)X|Y)
((((((((((((a))))))))))))\12
(a)(b)?\2
""".strip("\n").split("\n")


def expectation(pattern):
    try:
        compiled = re.compile(pattern)
    except Exception:
        return None
    return [index for index, name in enumerate(NAMES) if compiled.search(name)]


PATTERNS += ["(?x)\n model # comment\n \\. norm\n", "(" * 60 + "a" + ")" * 60, "", "a\nb", "\t"]
json.dump(
    {
        "python": "%d.%d" % sys.version_info[:2],
        "names": NAMES,
        "patterns": [{"pattern": p, "matches": expectation(p)} for p in PATTERNS],
    },
    sys.stdout,
    indent=1,
)
print()
