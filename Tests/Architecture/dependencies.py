#!/usr/bin/env python3
"""Fails where SECURITY.md does not list what Assay is built on.

Usage: dependencies.py        (Python's standard library is enough)
"""

import glob
import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


def text(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def needed():
    """What the package, its Makefile and the Python package name."""
    for path in ["Package.swift", *glob.glob("Tests/*/Package.swift", root_dir=ROOT)]:
        yield from re.findall(r'url: "[^"]*/([^"/]+?)(?:\.git)?"', text(path))
    yield from re.search(r"^PACKAGES := (.*)", text("Makefile"), re.M)[1].split()
    yield "libopenmpi-dev"
    for _, names in re.findall(r'^(requires|dependencies|torch|transformers|test) = \[(.*)\]',
                               text("Python/pyproject.toml"), re.M):
        yield from re.findall(r'"([a-z0-9_]+)', names)


def main():
    table = text("SECURITY.md").partition("## What it stands on")[2]
    missing = sorted({name for name in needed() if not re.search(rf"\b{re.escape(name)}\b", table)}
                     - {"pkg-config"})
    if missing:
        sys.exit(f"SECURITY.md does not list {', '.join(missing)}")


if __name__ == "__main__":
    main()
