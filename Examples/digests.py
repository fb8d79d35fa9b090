#!/usr/bin/env python3
"""Shows what a golden of digests told of the bugs that smollm2.sh plants, beside a golden of all elements.

Usage: digests.py FOLDER NAME...       with <name>.float32.json and <name>.digest.json in the folder
Prints a markdown table, and fails where the two goldens disagree or an estimate misses the truth.
"""

import json
import os
import sys

TITLES = {"none": "none", "theta": "RoPE theta 10,000 for 100,000",
          "epsilon": "RMSNorm epsilon 1e-3 for 1e-5", "weight": "one row of one weight zeroed"}


def divergence(report):
    """The first diverging call, its cause, and its output that differs most."""
    first = report["first_divergence"]
    if first is None:
        return None, None, None
    for step in report["steps"]:
        for module in step["modules"]:
            if (step["step"], module["module"], module["call"]) == (
                    first["step"], first["module"], first["call"]):
                outputs = [tensor for tensor in module["tensors"]
                           if tensor["slot"].startswith("outputs")]
                return first["module"], first["cause"], max(outputs, key=error)
    sys.exit(f"no step has {first}")


def error(tensor):
    figures = tensor.get("estimate")
    return figures["rel_l2"]["value"] if figures else tensor["rel_l2"]


def short(value):
    return f"{value:.3g}"


def main():
    folder, names = sys.argv[1], sys.argv[2:]
    print("| bug | verdict, all elements / digests | first divergence, both | cause, both | rel L2 | "
          "estimated from digests (99 %) |")
    print("| --- | --- | --- | --- | ---: | ---: |")
    for name in names:
        whole, digests = (json.load(open(os.path.join(folder, f"{name}.{kept}.json")))
                          for kept in ("float32", "digest"))
        (module, cause, true), (other, other_cause, estimated) = map(divergence, (whole, digests))
        if (module, cause) != (other, other_cause) or whole["verdict"] != digests["verdict"]:
            sys.exit(f"{name}: {whole['verdict']} at {module} ({cause}) by all elements, "
                     f"{digests['verdict']} at {other} ({other_cause}) by digests")
        cells = ["–"] * 4
        if module:
            figure = estimated["estimate"]["rel_l2"]
            if not figure["lower"] <= true["rel_l2"] <= figure["upper"]:
                sys.exit(f"{name}: rel L2 is {true['rel_l2']}, estimated as {figure}")
            cells = [f"`{module}`", cause, short(true["rel_l2"]),
                     f"{short(figure['value'])} ({short(figure['lower'])} to "
                     f"{short(figure['upper'])})"]
        verdicts = f"{whole['verdict']} / {digests['verdict']}"
        print("| " + " | ".join([TITLES[name], verdicts, *cells]) + " |")


if __name__ == "__main__":
    main()
