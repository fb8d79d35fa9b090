#!/usr/bin/env python3
"""Fails where a target imports what it does not declare, or declares what it does not import.

Usage: imports.py        (Python's standard library and swift are enough)
Prints the arrows between the targets, the lowest first.
"""

import json
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\(.*?\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.M)


def dependencies(target):
    """The names that a target declares: of targets, products and their modules."""
    for dependency in target["dependencies"]:
        (kind, words), = dependency.items()
        yield words[0] if kind in ("byName", "product", "target") else kind


def imports(folder):
    """The modules that the Swift files of a folder import."""
    found = set()
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".swift"):
                with open(os.path.join(place, name)) as file:
                    found.update(IMPORT.findall(file.read()))
    return found


def main():
    done = subprocess.run(["swift", "package", "dump-package"], cwd=ROOT, check=True,
                          capture_output=True, text=True)
    targets = {target["name"]: target for target in json.loads(done.stdout)["targets"]}
    declared = {name: set(dependencies(target)) for name, target in targets.items()}
    ours = set(targets) | set().union(*declared.values())
    wrong, arrows = [], {}
    for name, target in targets.items():
        if target["type"] == "system":
            continue
        place = target.get("path") or ("Tests/" if target["type"] == "test" else "Sources/") + name
        folder = os.path.join(ROOT, place)
        used = imports(folder) & ours - {name}
        wrong += [f"{name} imports {other}, which Package.swift does not say"
                  for other in sorted(used - declared[name])]
        wrong += [f"{name} does not import {other}, which Package.swift says"
                  for other in sorted(declared[name] - used)
                  # A test that runs a program needs it built.
                  if targets.get(other, {}).get("type") != "executable"]
        if target["type"] != "test":
            arrows[name] = used & set(targets)

    def height(name):
        return 1 + max((height(other) for other in arrows.get(name, ())), default=-1)

    for name in sorted(arrows, key=lambda name: (height(name), name)):
        print(f"{height(name)} {name} -> {', '.join(sorted(arrows[name])) or 'nothing'}")
    for sentence in wrong:
        print(f"error: {sentence}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
