"""Writes small runs as other programs than Assay may keep them: what is damaged at random in
HDF5DamageTests.

`crashing.damaged` is names-v110.h5 with the seed 38 there, on which libhdf5 1.10.8 crashes.


Run it with h5py, numpy and torch installed: python make_foreign_runs.py
"""

import json

import h5py
import numpy as np
import torch
from h5py import h5d, h5p, h5s, h5t

import make_h5_fixtures as fixtures
from make_h5_fixtures import calls, device, fixed, put

FOLDER = fixtures.FOLDER / "foreign"
NUMBERS = np.arange(600, dtype=np.float32).reshape(20, 30)


def create(name, libver):
    file = h5py.File(FOLDER / name, "w", libver=libver)
    fixed(file, "assay_schema", "assay.hdf5/1")
    fixed(file, "id", name)
    file.attrs["complete"] = np.int8(1)
    fixed(file, "provenance", json.dumps(
        {"tool": "h5py", "tool_version": "3", "created": "2026-01-01T00:00:00Z"}))
    return file


def tagged(group, name, data, dtype="torch.float32", **options):
    dataset = group.create_dataset(name, data=data, **options)
    fixed(dataset, "dtype", dtype)
    return dataset


def layouts(libver, name):
    """Every layout and filter that is read, and attributes that nobody asks for."""
    with create(name, libver) as file:
        step = file.create_group("step_0", track_order=libver != "earliest")
        chunked = {"chunks": (7, 11)}
        variants = {
            "contiguous": {},
            "chunked": chunked,
            "grows": chunked | {"maxshape": (None, 30)},
            "grows.twice": chunked | {"maxshape": (None, None)},
            "one.chunk": {"chunks": (20, 30)},
            "gzip": chunked | {"compression": "gzip"},
            "gzip.one": {"chunks": (20, 30), "compression": "gzip", "maxshape": (None, None)},
            "lzf": chunked | {"compression": "lzf", "shuffle": True},
            "shuffle": chunked | {"shuffle": True, "compression": "gzip"},
            "fletcher": chunked | {"fletcher32": True},
            "all": chunked | {"shuffle": True, "compression": "gzip", "fletcher32": True},
        }
        entries = []
        for module, options in variants.items():
            group = device(step, module)
            whole = tagged(group, "inputs_0", NUMBERS, **options)
            tagged(group, "inputs_1", NUMBERS.astype(">f4"), **options)
            group["outputs"] = whole
            entries.append({"module": module, "call": 0})
        group = device(step, "others", name="cuda:0")
        compact = h5p.create(h5p.DATASET_CREATE)
        compact.set_layout(h5d.COMPACT)
        identifier = h5d.create(
            group.id, b"inputs_0", h5t.IEEE_F64BE, h5s.create_simple((50,)), compact)
        identifier.write(h5s.ALL, h5s.ALL, np.arange(50.0))
        fixed(h5py.Dataset(identifier), "dtype", "torch.float64")
        for place, dtype in enumerate([torch.bfloat16, torch.bool, torch.complex64], 1):
            put(group, f"inputs_{place}", fixtures.example(dtype))
        group["inputs_4"] = h5py.SoftLink("/step_0/gzip/call_0/cpu/inputs_0")
        skipped = group.create_dataset("outputs", data=h5py.Empty("f4"))
        fixed(skipped, "dtype", "torch.float32")
        fixed(skipped, "skipped", "large")
        skipped.attrs["shape"] = np.array([1000, 1000])
        skipped.attrs["note"] = "a string of any length"
        group.attrs["many"] = ["strings", "of any", "length"]
        entries.append({"module": "others", "call": 0})
        calls(step, entries)


def names(libver, name):
    """So many links and attributes that they are kept in trees and heaps."""
    with create(name, libver) as file:
        step = file.create_group("step_0")
        for number in range(24):
            group = device(step, f"model.layers.{number}")
            outputs = tagged(group, "outputs", np.full(4, number, np.float16), "torch.float16")
            if number == 7:
                for other in range(20):
                    outputs.attrs[f"attribute_{other}"] = np.arange(other + 1)
        calls(step, [{"module": f"model.layers.{n}", "call": 0} for n in range(24)])


def virtual():
    with create("source.h5", ("v110", "v110")) as file:
        tagged(file, "gzip", NUMBERS, chunks=(7, 11), compression="gzip")
    with create("virtual.h5", ("v110", "v110")) as file:
        step = file.create_group("step_0")
        layout = h5py.VirtualLayout((20, 30), "f4")
        source = h5py.VirtualSource("source.h5", "/gzip", (20, 30))
        layout[:8], layout[8:] = source[:8], source[8:]
        dataset = device(step, "m").create_virtual_dataset("outputs", layout)
        fixed(dataset, "dtype", "torch.float32")
        fixed(dataset, "source_shapes", "[[20,30]]")
        calls(step, [{"module": "m", "call": 0}])


def large_chunks():
    """Chunks of 1.2 GB, which a file of 2 MB might hold; the test makes it as large."""
    for name, filters in [("lzf", {"compression": "lzf"}), ("plain", {})]:
        with create(f"large-chunk-{name}.h5", ("v110", "v110")) as file:
            step = file.create_group("step_0")
            for module in ["m", "n"]:
                count = 300_000_000 if module == "m" else 8
                group = device(step, module)
                dataset = group.create_dataset("outputs", (count,), "f4", chunks=(count,), **filters)
                fixed(dataset, "dtype", "torch.float32")
                if module == "m" and filters:
                    dataset.id.write_direct_chunk((0,), b"\x03abcd" * 4)
                elif module == "n":
                    dataset[...] = np.arange(8)
            calls(step, [{"module": "m", "call": 0}, {"module": "n", "call": 0}])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    layouts("earliest", "layouts-earliest.h5")
    layouts(("v110", "v110"), "layouts-v110.h5")
    names("earliest", "names-earliest.h5")
    names(("v110", "v110"), "names-v110.h5")
    virtual()
    large_chunks()
