#!/usr/bin/env python3
"""Fails where the version of the tool is not that of the recorder and of what the pages tell to ask for.

Usage: versions.py        (Python's standard library is enough)
"""

import os
import re
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PLACES = {
    "Sources/AssayRuns/Provenance+Current.swift": r'static let current = "(.*?)"',
    "Python/assay_torch/provenance.py": r'^VERSION = "(.*?)"',  # pyproject.toml takes it from there
    "README.md": r'/assay", from: "(.*?)"',
    "Examples/SwiftPort/Package.swift": r'/assay/assay", from: "(.*?)"',
}


def main():
    found = {}
    for path, pattern in PLACES.items():
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            found[path] = re.findall(pattern, file.read(), re.M)
    versions = {version for of_path in found.values() for version in of_path}
    if len(versions) != 1 or not all(found.values()):
        sys.exit("not one version: " + ", ".join(
            f"{path} has {' and '.join(of_path) or 'none'}" for path, of_path in found.items()))


if __name__ == "__main__":
    main()
