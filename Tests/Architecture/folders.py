#!/usr/bin/env python3
"""Fails where a folder of a target knows one that stands above it.

Usage: folders.py [SOURCES]        (Python's standard library is enough)
The order stands in folders.txt, beside this script. A folder knows another where a word of its code
is the name of what a file there declares at the top: comments and strings say nothing. Prints the
arrows between the folders of each target, the lowest first.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# An interpolation is code, and nests one deep at most.
TEXT = re.compile(
    r'//[^\n]*|/\*.*?\*/|(?P<hash>#*)(?P<quotes>"""|")(?:(?!(?P=quotes)(?P=hash))(?:\\.|.))*?'
    r'(?P=quotes)(?P=hash)', re.S)
INTERPOLATION = re.compile(r"\\#*\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
DECLARATION = re.compile(
    r"^(?P<indent> *)(?P<words>(?:@\w+(?:\([^)]*\))? |[a-z]+(?:\([a-z]+\))? )*?)"
    r"(?:struct|class|enum|protocol|actor|typealias|func|macro) `?(?P<name>\w+)", re.M)


def code(text):
    """Swift without its comments and the words of its strings."""
    return TEXT.sub(lambda found: " ".join(INTERPOLATION.findall(found[0])) + " "
                    if found["quotes"] else " ", text)


def declarations(text):
    """The names that a file declares: at the top for others to see, and anywhere."""
    top, all_names = set(), set()
    for found in DECLARATION.finditer(text):
        all_names.add(found["name"])
        hidden = {"private", "fileprivate"} & set(found["words"].split())
        if not found["indent"] and not hidden:
            top.add(found["name"])
    return top, all_names


def read(folder):
    """The code of each Swift file below a target's folder, by the folder that it is in."""
    files = {}
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".swift"):
                inside = os.path.relpath(place, folder)
                with open(os.path.join(place, name)) as file:
                    files[inside, name] = code(file.read())
    return files


def arrows(files):
    """For each pair of folders, what files of the first use of the second."""
    owners, known = {}, {}
    for (folder, _), text in files.items():
        top, everything = declarations(text)
        known.setdefault(folder, set()).update(everything)
        for name in top:
            owners.setdefault(name, set()).add(folder)
    found = {}
    for (folder, file), text in files.items():
        for word in set(re.findall(r"\w+", text)) & set(owners) - known[folder]:
            for other in owners[word]:
                found.setdefault((folder, other), set()).add(f"{word} ({file})")
    return found


def orders():
    """The order of the folders of each target, and the targets whose arrows are tolerated."""
    order = {}
    with open(os.path.join(HERE, "folders.txt")) as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                target, folders = line.split(":")
                order[target] = folders.split()
    return order, set(order.pop("tolerated"))


def main():
    sources = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "../../Sources")
    order, tolerated = orders()
    wrong = [f"{target} is in folders.txt, and not in {sources}"
             for target in order if not os.path.isdir(os.path.join(sources, target))]
    for target in sorted(os.listdir(sources)):
        files = read(os.path.join(sources, target))
        folders = {folder for folder, _ in files}
        if len(folders) < 2 and target not in order:
            continue
        heights = {folder: height for height, folder in enumerate(order.get(target, []))}
        wrong += [f"{target}/{folder} has no place in folders.txt"
                  for folder in sorted(folders - set(heights))]
        wrong += [f"{target}/{folder} has a place in folders.txt and no files"
                  for folder in sorted(set(heights) - folders)]
        found = arrows(files)
        for folder in sorted(folders & set(heights), key=heights.get):
            others = sorted((other for first, other in found if first == folder),
                            key=lambda other: heights.get(other, 0))
            print(f"{target}: {folder} -> {', '.join(others) or 'nothing'}")
            for other in others:
                if other in heights and heights[other] > heights[folder]:
                    sentence = (f"{target}: {folder} knows {other}, which stands above it: "
                                + ", ".join(sorted(found[folder, other])))
                    if target in tolerated:
                        print(f"tolerated: {sentence}")
                    else:
                        wrong.append(sentence)
    for sentence in wrong:
        print(f"error: {sentence}", file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
