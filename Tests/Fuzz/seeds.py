"""Writes what the fuzzer starts from: Tests/Fuzz/Seeds, and small fixtures of the other tests."""

import glob
import os
import re
import subprocess
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LIMIT = 64 << 10
# A crash is told by the sanitizer; Swift's own report would wait for ever.
ENVIRONMENT = os.environ | {
    "SWIFT_BACKTRACE": "enable=no",
    "ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=0:malloc_context_size=2:"
                    "detect_odr_violation=0:allocator_release_to_os_interval_ms=100",
    # One of many processes of a machine does its work on one thread.
    "OMPI_COMM_WORLD_LOCAL_SIZE": "1024",
}


def fixtures(pattern, limit=LIMIT):
    for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True)):
        if os.path.isfile(path) and os.path.getsize(path) <= limit:
            with open(path, "rb") as file:
                yield os.path.basename(path), file.read()


def joined(files):
    """Files as one input, which `FileTree` takes apart."""
    return b"\n".join(b"@@ %s\n%s" % (name.encode(), text) for name, text in files)


def tree(folder, wanted=lambda path: True):
    """The files below a folder as one input."""
    files = []
    for place, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.relpath(os.path.join(place, name), folder)
            if wanted(path):
                with open(os.path.join(place, name), "rb") as file:
                    files.append((path, file.read()))
    return joined(files)


def pickles():
    """The entries of archives without what is around them."""
    for name, _ in fixtures("Tests/AssayTorchTests/Fixtures/*.pt", 8 << 10):
        path = os.path.join(ROOT, "Tests/AssayTorchTests/Fixtures", name)
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [(entry.partition("/")[2], archive.read(entry))
                           for entry in archive.namelist()]
        except zipfile.BadZipFile:
            continue  # The legacy format, and what is damaged on purpose.
        yield name, joined(
            (name, text) for name, text in entries
            if name in ("data.pkl", "byteorder") or name.startswith("data/"))


def runs(binary, work):
    """Runs as Assay writes them, and answers of its child."""
    made = os.path.join(work, "made")
    for folder, seed in [("run", "run-spool/small"), ("ranks", "run-ranks/two")]:
        with open(os.path.join(HERE, "Seeds", seed), "rb") as file:
            parts = re.split(rb"(?:\A|\n)@@ ([^\n]+)\n", file.read())
        for name, content in zip(parts[1::2], parts[2::2]):
            path = os.path.join(made, folder, name.decode())
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content)
    subprocess.run(
        [binary], check=True,
        env=ENVIRONMENT | {"ASSAY_FUZZ_SEEDS": made, "ASSAY_FUZZ_RUN": os.path.join(made, "run")})
    for path in glob.glob(os.path.join(made, "*.h5")):
        with open(path, "rb") as file:
            yield "hdf5", os.path.basename(path), file.read()
    for path in glob.glob(os.path.join(made, "*.child")):
        with open(path, "rb") as file:
            yield "child", os.path.basename(path), file.read()
    yield "run-rank-files", "two", tree(
        os.path.join(made, "ranks"), lambda path: path.endswith(".h5"))
    with open(os.path.join(made, "part"), "rb") as file:
        yield "partial", "part", file.read()
    for keep in ["full", "sample", "digest"]:
        for target in ["run-indexed", "health"]:
            yield target, keep, tree(os.path.join(made, keep))


def fixed():
    """Pairs of a target and its seeds, which need no program."""
    for target in sorted(os.listdir(os.path.join(HERE, "Seeds"))):
        for name, text in fixtures(f"Tests/Fuzz/Seeds/{target}/*"):
            yield target, name, text
            if target == "run-spool":
                yield "health", name, text
    simple = {
        "torch": "Tests/AssayTorchTests/Fixtures/*.pt*",
        "zip": "Tests/AssayTorchTests/Fixtures/*.pt",
        "hdf5": "Tests/AssayRunsTests/Fixtures/hdf5/*.h5",
        "safetensors": "Tests/Assay*Tests/Fixtures/**/*.safetensors",
        "npz": "Tests/Assay*Tests/Fixtures/files/*.npz",
        "npy": "Tests/Assay*Tests/Fixtures/files/*.npy",
        "safetensors-index": "Tests/AssayLlamaTests/Fixtures/*/*.index.json",
        "gguf": "Tests/AssayCheckpointsTests/Fixtures/gguf/*.gguf",
        "gguf-import": "Tests/AssayCheckpointsTests/Fixtures/gguf/*.gguf",
        "json": "Tests/*/Fixtures/**/*.json",
        "capture": "Golden/*/capture.json",
        "tolerances": "Tests/Interop/rules/tolerances.yml",
        "mapping": "Tests/*/Fixtures/mapping/*.yml",
        "placements": "Tests/*/Fixtures/*.placements.yml",
        "model-config": "Tests/AssayLlamaTests/Fixtures/*/config.json",
    }
    for target, pattern in simple.items():
        for name, text in fixtures(pattern, 20 << 10):
            yield target, name, text
    for name, text in fixtures("Sources/AssayComparison/Presets/*.yml"):
        yield "mapping", name, text
    for name, text in fixtures("Tests/AssayCheckpointsTests/Fixtures/tokenizers/*.json", 20 << 10):
        yield "tokenizer", name, joined(
            [("tokenizer.json", text), ("text", "Hello <s> wörld 12'll\n  x\n".encode())])
    for name, text in pickles():
        yield "pickle", name, text
    runs = os.path.join(ROOT, "Tests/AssayRunsTests/Fixtures")
    for module in ["head", "rotary_emb", "rotary_emb_1", "embed"]:
        for name in ["bare", "unlisted", "complete"]:
            yield "run-plain", f"{name}-{module}", tree(
                f"{runs}/plain/{name}",
                lambda path: path.endswith("module_calls.txt") or f"{module}/" in path)
    dumps = runs + "/sglang"
    for first in ["1", "2", "4", "5", "7", "14"]:
        yield "run-sglang", "dump" + first, tree(
            dumps, lambda path: path.startswith("dump_2") and f"dump_index={first}_" in path)
    yield "run-sglang", "step", tree(dumps, lambda path: path.startswith("dump_2") and "step=1" in path)
    for name in ["fused", "experts", "same", "packed", "summed", "squeezed"]:
        yield "run-sglang", name, tree(dumps + "/ranks", lambda path: f"name={name}__" in path)
    for _, text in fixtures("Tests/AssayRunsTests/Fixtures/sglang/passes/*/Pass00001.pt"):
        yield "run-passes", "one", joined([("TP0_PP0_Rank0_pid42/Pass00001.pt", text)])
    yield "run-passes", "all", tree(dumps + "/passes")


def write(binary, work):
    """Writes all seeds into folders of `work`, one for each target, and a dictionary beside each."""
    words = {}
    for target, name, text in [*fixed(), *runs(binary, work)]:
        folder = os.path.join(work, "seeds", target)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(text)
        found = words.setdefault(target, set())
        found.update(re.findall(rb'"[\w.:/-]{1,40}"', text))
        found.update(re.findall(rb"[A-Za-z_][\w.]{2,40}", text)[:2000])
        if target in ("torch", "hdf5", "gguf", "pickle", "run-rank-files"):
            found.update(word.encode("latin-1") for word in [
                "OHDR", "OCHK", "BTHD", "BTLF", "FRHP", "FHDB", "FHIB", "TREE", "SNOD", "HEAP"])
        found.update([b"-1", b"9223372036854775807", b"18446744073709551616", b"1e999", b"\n@@ "])
    for target, found in words.items():
        with open(os.path.join(work, "seeds", target + ".dict"), "w") as file:
            for word in sorted(found, key=lambda word: (len(word), word))[:600]:
                file.write('"%s"\n' % "".join(
                    chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else "\\x%02x" % byte
                    for byte in word))
