"""Holds what a model computes in a test to a golden."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import shlex
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import pytest

from assay_torch import program
from assay_torch.errors import GoldenError, RecordError
from assay_torch.goldens import ROOT, TOOL, Manifest, Places, fault_of_name, record_mode

if TYPE_CHECKING:
    import torch

    from assay_torch.configuration import Configuration

Path = str | os.PathLike[str]
SUMMARY_LIMIT = 1 << 20  # the most bytes that GitHub takes of a step's summary


@dataclasses.dataclass(frozen=True)
class Settings:
    """What pytest's command line and configuration say."""
    root: str  # the rootdir
    record: str | None
    golden_dir: str | None
    command: str | None


class GoldenChecker:
    """The fixture ``assay_golden``: holds what models compute to goldens, for one test."""

    def __init__(self, item: pytest.Item, settings: Settings) -> None:
        self._item, self._settings = item, settings
        self._checks: list[GoldenCheck] = []

    def __call__(
            self, name: str, model: torch.nn.Module, *,
            rtol: float | None = None, atol: float | None = None, tolerance: str | None = None,
            tolerance_file: Path | None = None, equal_nan: bool = False,
            steps: str | Iterable[int] | None = None, modules: str | Sequence[str] | None = None,
            mapping: Path | None = None, device_map: str | Mapping[str, str] | None = None,
            align: str | None = None, request_map: str | Mapping[int, int] | None = None,
            logits: str | None = None, record: str | None = None, root: str | None = ROOT,
            capturing: Configuration | dict[str, Any] | Path | None = None,
            keep: str | None = None, recipe: dict[str, Any] | None = None) -> GoldenCheck:
        """Checks what a model computes while the context is open.

            with assay_golden("tiny-llama/prefill", model, rtol=1e-4, atol=1e-5):
                model(tokens)

        Every forward of ``model`` in the block is recorded, a step for each, and the run is
        compared with the golden when the block ends, by the program ``assay``. A golden that is not
        there is recorded, unless the record mode is ``never``; a test that recorded one fails.

        Args:
            name: The golden's name: ``a/b`` is the file ``Golden/a/b.h5``.
            model: The module that the block calls: a model, or one layer.
            rtol: The relative tolerance, 1e-5 unless given.
            atol: The absolute tolerance, 1e-8 unless given.
            tolerance: A known table instead, ``"torch"``, ``"vllm"`` or ``"numpy"``.
            tolerance_file: A file of rules instead. Where no tolerance is given, a
                ``tolerances.yml`` beside the golden holds.
            equal_nan: Whether NaN matches NaN.
            steps: Only these steps, such as ``[0, 1]`` or ``"0,4-6"``.
            modules: Only modules that match one of these regular expressions.
            mapping: Rules by which tensors pair with those of a golden whose modules differ, a file
                or the name of one that comes with ``assay``; such a golden is never recorded.
            device_map: Pairs devices, actual with expected: ``{"cuda:0": "cpu"}``.
            align: Whether tensors pair by ``"rows"``, by ``"steps"`` or by what fits, ``"auto"``.
            request_map: Only these requests, by rows, actual with expected: ``{1: 0}``.
            logits: A regular expression of the modules whose outputs are logits.
            record: When the golden is recorded: ``"missing"``, ``"failed"``, ``"all"`` or
                ``"never"``; ``None`` leaves it to the command line and the environment.
            root: The name under which the model's own inputs and outputs are recorded; ``None``
                leaves them out. A golden without a module ``root`` is checked without.
            capturing: What is captured where the golden is recorded, as ``assay_torch.record``
                takes it; ``None`` for what the golden has, or else everything.
            keep: What a new golden keeps of each tensor: ``"full"``, ``"sample"`` or ``"digest"``.
            recipe: What it takes to run the model again, kept in a new golden.

        Returns:
            The context manager. Entering or leaving it fails the test where the model does not
            match, and where a golden was recorded.

        Raises:
            GoldenError: for what cannot be checked, with what to do.
        """
        __tracebackhide__ = True
        options = compare_options(
            rtol=rtol, atol=atol, tolerance=tolerance, tolerance_file=tolerance_file,
            equal_nan=equal_nan, steps=steps, modules=modules, mapping=mapping,
            device_map=device_map, align=align, request_map=request_map, logits=logits)
        has_tolerance = any(one is not None for one in (rtol, atol, tolerance, tolerance_file))
        if any(check.name == name for check in self._checks):
            raise GoldenError(f'the test checks the golden "{name}" twice: give each run its own')
        check = GoldenCheck(
            name, model, self._item, self._settings, options, has_tolerance, mapping is not None,
            record, root, capturing, keep, recipe)
        self._checks.append(check)
        return check

    def complain(self) -> None:
        """Fails a test that passed all the same: nothing matched, or what failed was caught."""
        if not self._checks:
            pytest.fail("the test asks for assay_golden and checks nothing by it: "
                        "with assay_golden(NAME, MODEL): …", pytrace=False)
        for check in self._checks:
            if check.outcome is None:
                pytest.fail(f'Golden "{check.name}" was not checked: run the model in the block of '
                            f"`with assay_golden({check.name!r}, …):`, to its end", pytrace=False)
            if check.outcome != "matched":
                pytest.fail(check.text, pytrace=False)


def compare_options(*, steps: str | Iterable[int] | None, modules: str | Sequence[str] | None,
                    device_map: str | Mapping[str, str] | None,
                    request_map: str | Mapping[int, int] | None, equal_nan: bool,
                    **values: object) -> list[str]:
    """The options of ``assay compare``."""
    if modules is not None and not isinstance(modules, str):
        # A comma separates two, unless it stands in brackets.
        modules = ",".join(f"(?:{one})" if "," in one else one for one in modules)
    if steps is not None and not isinstance(steps, str):
        steps = ",".join(str(step) for step in steps)
    given = values | {"steps": steps, "modules": modules, "device_map": paired(device_map),
                      "request_map": paired(request_map)}
    options = [
        f"--{name.replace('_', '-')}="
        f"{os.fspath(value) if isinstance(value, os.PathLike) else value}"
        for name, value in given.items() if value is not None]
    return options + (["--equal-nan"] if equal_nan else [])


def paired(value: str | Mapping[Any, Any] | None) -> str | None:
    """Pairs as the program takes them: ``cuda:0=cpu,cuda:1=cpu``."""
    return ",".join(f"{actual}={expected}" for actual, expected in value.items()) \
        if isinstance(value, Mapping) else value


Outcome = Literal["matched", "recorded", "failed"]


class GoldenCheck:
    """One run of a model, from its setting up to its outcome; a context manager.

    ``outcome`` is ``None`` until there is one, and where the block raised; ``text`` is what the
    test fails with.
    """

    def __init__(self, name: str, model: torch.nn.Module, item: pytest.Item, settings: Settings,
                 options: list[str], has_tolerance: bool, has_mapping: bool, record: str | None,
                 root: str | None, capturing: Configuration | dict[str, Any] | Path | None,
                 keep: str | None, recipe: dict[str, Any] | None) -> None:
        self.name = name
        self.outcome: Outcome | None = None
        self.text = ""
        self._model, self._item, self._settings = model, item, settings
        self._options, self._has_tolerance, self._has_mapping = options, has_tolerance, has_mapping
        self._record, self._root, self._capturing = record, root, capturing
        self._keep, self._recipe = keep, dict(recipe or {})
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> GoldenCheck:
        """Opens the golden and begins to record the model."""
        __tracebackhide__ = True
        try:
            with contextlib.ExitStack() as stack:
                self._begin(stack)
                self._stack = stack.pop_all()
        except (GoldenError, RecordError, OSError) as error:
            raise self._error(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Compares the run with the golden, and fails the test unless it matches."""
        __tracebackhide__ = True
        with self._stack:
            try:
                self._recording.__exit__(kind, error, trace)
                if kind is not None:
                    return
                outcome, lines = self._settled()
            except (GoldenError, RecordError, OSError) as problem:
                raise self._error(problem) from None
        self._note(outcome, "\n".join(lines))
        if outcome != "matched":
            pytest.fail(self.text)

    # Before the model runs

    def _begin(self, stack: contextlib.ExitStack) -> None:
        if fault := fault_of_name(self.name):
            raise GoldenError(f"this cannot name a golden: {fault}")
        settings, item = self._settings, self._item
        self._places = Places.of(item.nodeid, str(item.path), settings.root, settings.golden_dir,
                                 os.environ)
        self._mode = record_mode(self._record, settings.record, os.environ)
        self._path = self._places.golden(self.name)
        self._golden = Manifest.of(self._path) if os.path.lexists(self._path) else None
        self._refuse_recording()
        self._program = program.find(settings.command, os.environ)
        self._folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="assay-"))
        self._recording = self._recorder()
        self._recording.__enter__()

    def _refuse_recording(self) -> None:
        """Raises ``GoldenError`` for what could only end in recording what must not be."""
        if self._has_mapping and (self._golden is None or self._mode in ("all", "failed")):
            raise GoldenError(f"{self._path} is not recorded: with a mapping it is the golden of a "
                              "model whose modules differ; record it with that model")
        if self._golden is None and self._mode == "never":
            command = self._command("missing")
            raise GoldenError(f"{self._path} does not exist{self._question()}, and the record mode "
                              "is never" + (f"; to record it: {command}" if command else ""))
        if self._golden is not None and self._mode == "all" and (reason := self._foreign):
            raise GoldenError(
                f"{self._path} is not recorded by a test: {reason}; record another run there, look "
                f"at what it changes, and make it the golden: assay approve RUN {self._path} "
                "--message WHY")

    @property
    def _foreign(self) -> str | None:
        return self._golden.reason_not_to_record(self._recipe.get("model_hash")) \
            if self._golden else None

    def _recorder(self) -> Any:
        from assay_torch.configuration import Configuration
        from assay_torch.recording import record

        chosen, keep, root = self._capturing, self._keep, self._root
        if self._golden is not None and self._mode != "all":
            # What the golden has, whatever the test would capture anew.
            chosen, keep = self._golden.configuration, None
        if root == ROOT and self._golden is not None and not self._golden.has_root:
            root = None
        configuration = dataclasses.replace(
            Configuration.of(chosen), enabled=True, output_dir=self._folder, formats=("spool",))
        return record(self._model, configuration, recipe=self._recipe, keep=keep, root=root,
                      provenance={"tool": TOOL})

    # After it

    def _settled(self) -> tuple[Outcome, list[str]]:
        """The outcome, and what a failing test says."""
        run = os.path.join(self._folder, self._recording.id)
        if self._recording.paths != [run]:
            raise GoldenError("a test checks the run of one process, not the ranks of several")
        if self._golden is None:
            self._approve(run)
            return "recorded", [
                f'Golden "{self.name}": {self._path} did not exist{self._question(True)} and was '
                "recorded; look at it with `assay inspect`, commit it, and run the test again"]
        if self._mode == "all":
            return self._recorded_anew(run)
        comparison = program.compare(self._program, run, self._path, self._all_options(),
                                     os.path.join(self._folder, "report.md"))
        if comparison.is_match:
            for extension in (".md", ".h5"):  # they would tell of a failure that is no more
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(self._places.artifact(self.name, extension))
            return "matched", []
        if self._mode == "failed" and not self._foreign:
            return self._recorded_anew(run)
        return "failed", self._failure(run, comparison, self._golden)

    def _all_options(self) -> list[str]:
        rules = os.path.join(os.path.dirname(self._path), "tolerances.yml")
        if self._has_tolerance or not os.path.exists(rules):
            return self._options
        return [*self._options, f"--tolerance-file={rules}"]

    def _failure(self, run: str, comparison: program.Comparison, golden: Manifest) -> list[str]:
        _, _, rest = comparison.text.partition("does not match the expected one: ")
        facts = [("golden", self._path), ("made by", golden.origin)]
        markdown, remarks = comparison.report, []
        kept = self._places.artifact(self.name, ".h5")
        try:
            self._keep_run(run, kept)
            facts.append(("actual", kept))
            markdown = markdown.replace(run, kept)
        except (GoldenError, OSError) as error:
            remarks.append(f"the run could not be kept: {error}")
        remarks += self._publish(markdown)
        facts.append(("report", self._places.artifact(self.name, ".md")))
        if self._foreign:
            tool = (golden.provenance or {}).get("tool")
            facts.append(("to change", "never by a test: record a run "
                          + (f"with {tool} " if tool else "")
                          + f"again, and: assay approve RUN {self._path} --message WHY"))
        elif command := self._command("failed"):
            facts.append(("re-record", command))
        return [f'Golden "{self.name}" does not match: {rest or comparison.text}',
                *(f"  {label + ':':<10} {value}" for label, value in facts), *remarks]

    def _recorded_anew(self, run: str) -> tuple[Outcome, list[str]]:
        changes = self._approve(run)
        head = changes.partition("## Changes\n\n")[2].partition("\n\n")[0]
        remarks = self._publish(changes)
        return "recorded", [
            f'Golden "{self.name}": {self._path} was recorded anew; look at what changed, commit '
            "it, and run the test again", *([head] if head else []),
            *(remarks or [f"report: {self._places.artifact(self.name, '.md')}"])]

    def _approve(self, run: str) -> str:
        """Makes a run the golden, and returns what that changes as markdown."""
        folder = os.path.dirname(self._path)
        os.makedirs(folder, exist_ok=True)
        with locked(folder):
            now = Manifest.of(self._path).id if os.path.lexists(self._path) else None
            if now != (self._golden.id if self._golden else None):
                raise GoldenError(f"another test recorded {self._path} while this one ran; run it "
                                  "again")
            return program.succeed(
                self._program, ["approve", run, self._path, "--yes",
                                f"--message=recorded by {self._item.nodeid}"])

    # What is left of a failure

    def _publish(self, markdown: str) -> list[str]:
        """Puts a report everywhere it belongs; a line for each place where it could not be."""
        path, remarks = self._places.artifact(self.name, ".md"), []
        try:
            with self._artifact(path) as temporary:
                with open(temporary, "w", encoding="utf-8") as file:
                    file.write(markdown)
        except OSError as error:
            remarks.append(f"the report could not be written: {error}")
        self._item.user_properties += [("assay_report", path), ("assay_report_text", markdown)]
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            try:
                append_summary(summary, markdown, path)
            except OSError as error:
                remarks.append(f"the step's summary could not be written: {error}")
        return remarks

    def _keep_run(self, run: str, path: str) -> None:
        with self._artifact(path) as temporary:
            program.succeed(self._program, ["convert", run, temporary])

    @contextlib.contextmanager
    def _artifact(self, path: str) -> Iterator[str]:
        """A name for what is being written, which takes its own when it is whole."""
        artifacts = self._places.artifacts
        if not os.path.isdir(artifacts):
            os.makedirs(artifacts, exist_ok=True)
            # As pytest does in its cache: nobody commits this by accident.
            with open(os.path.join(artifacts, ".gitignore"), "w", encoding="utf-8") as file:
                file.write("*\n")
        folder, name = os.path.split(path)
        os.makedirs(folder, exist_ok=True)
        temporary = os.path.join(folder, f".{uuid.uuid4()}{os.path.splitext(name)[1]}")
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)

    def _error(self, error: Exception) -> GoldenError:
        self._note("failed", f'Golden "{self.name}": {error}')
        return GoldenError(self.text)

    def _note(self, outcome: Outcome, text: str) -> None:
        self.outcome, self.text = outcome, text
        self._item.user_properties.append(("assay_golden", f"{outcome} {self.name}"))

    def _command(self, mode: str) -> str | None:
        """The command that records by this test alone; ``None`` where the test chose otherwise."""
        if self._has_mapping or self._record == "never" or \
                self._record == "missing" and mode != "missing":
            return None
        return f"pytest --assay-record={mode} {shlex.quote(self._item.nodeid)}"

    def _question(self, is_recorded: bool = False) -> str:
        near = self._places.names_near(self.name)
        if not near:
            return ""
        names = " or ".join(f'"{name}"' for name in near)
        return f" (did you mean {names}?{' Then remove the new file.' if is_recorded else ''})"


@contextlib.contextmanager
def locked(folder: str) -> Iterator[None]:
    """Waits for other processes that hold a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def append_summary(path: str, markdown: str, whole_report: str) -> None:
    """Adds a report to the summary of a step of GitHub Actions, or says where it is."""
    with open(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        start = "\n\n" if size else ""
        for text in (markdown, f"The report is too long to be shown here: `{whole_report}`\n"):
            data = (start + text).encode()
            if size + len(data) <= SUMMARY_LIMIT:
                file.write(data)
                return
    raise OSError(f"{path} has no room for another report")
