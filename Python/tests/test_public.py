"""Whatever has a public name says what it is, and of which types."""

import ast
import inspect
import os

import pytest

import assay_torch

PACKAGE = os.path.dirname(assay_torch.__file__)
FILES = sorted(os.path.relpath(os.path.join(folder, name), PACKAGE)
               for folder, _, names in os.walk(PACKAGE) for name in names if name.endswith(".py"))


def definitions(node, owner=""):
    """Classes, functions and methods, and whether nobody outside can name them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield owner + child.name, child, bool(owner)
        elif isinstance(child, ast.ClassDef):
            yield child.name, child, False
            if not child.name.startswith("_"):
                yield from definitions(child, child.name + ".")


def parameters(function, is_method):
    found = function.args
    named = [*found.posonlyargs, *found.args]
    decorators = [ast.unparse(one) for one in function.decorator_list]
    if is_method and "staticmethod" not in decorators:
        named = named[1:]
    return [one for one in (*named, found.vararg, *found.kwonlyargs, found.kwarg) if one]


@pytest.mark.parametrize("file", FILES)
def test_every_public_name_has_a_docstring_and_types(file):
    with open(os.path.join(PACKAGE, file), encoding="utf-8") as source:
        tree = ast.parse(source.read())
    assert ast.get_docstring(tree)
    lacking = []
    for name, node, is_method in definitions(tree):
        if not name.rpartition(".")[2].startswith("_") and not ast.get_docstring(node):
            lacking.append(f"{name}: a docstring")
        if isinstance(node, ast.ClassDef):
            continue
        lacking += [f"{name}: the type of {one.arg}" for one in parameters(node, is_method)
                    if one.annotation is None]
        if node.returns is None:
            lacking.append(f"{name}: the type of what it returns")
    assert not lacking


def test_the_files_are_found():
    assert {"recording.py", "checking.py", "pytest_plugin.py",
            os.path.join("vllm", "worker.py")} <= set(FILES)


def test_what_the_package_exports():
    assert set(assay_torch.__all__) <= set(dir(assay_torch))
    for name in assay_torch.__all__:
        assert inspect.getdoc(getattr(assay_torch, name))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        assay_torch.nothing
    # The types can be looked up while the program runs, as some frameworks do.
    assert inspect.get_annotations(assay_torch.record, eval_str=True)["return"] \
        is assay_torch.Recording
