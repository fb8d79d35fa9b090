"""Gives modules of a recorded run names that would break out of HTML and JavaScript."""

import json
import sys

NAMES = {
    "model.norm": "</script><script>window.broken = 1</script>",
    "lm_head": "\"'><img src=x onerror=window.broken=2>",
    "model.embed_tokens": "<!--<script>\u2028\u202e",
    "model.rotary_emb": "__proto__.constructor",
}

path = sys.argv[1]
with open(path) as file:
    run = json.load(file)
for step in run["steps"]:
    for call in step["calls"]:
        call["module"] = NAMES.get(call["module"], call["module"])
with open(path, "w") as file:
    json.dump(run, file)
