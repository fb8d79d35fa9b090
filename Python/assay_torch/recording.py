"""Hooks on the modules of a model, and what they hand to the writers."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import uuid
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch

from assay_torch import dtensors, megatron, placements as placing
from assay_torch import provenance as provenances
from assay_torch.configuration import Configuration, Rule
from assay_torch.conversion import convert
from assay_torch.directory import move_run
from assay_torch.disk import rename_to_new
from assay_torch.errors import RecordError, Unrecordable
from assay_torch.matching import refuse_endless
from assay_torch.plans import PLANS, Plan, plan_of, signature_of_side
from assay_torch.refusals import refuse_capture, refuse_what_hooks_cannot_see
from assay_torch.rows import RowBook
from assay_torch.spool import SpoolWriter, remove_spool
from assay_torch.text import clean, quoted
from assay_torch.values import NotRecorded, Side, Skipped, captured


class Site:
    """A module that is recorded, and the plans that are known of each side of its calls.

    A module that hangs under several names has a site for each: ``aliases`` are all of them, and
    a call is that of the one whose parent is running.
    """

    def __init__(self, module: torch.nn.Module, name: str, rule: Rule | None) -> None:
        self.module, self.name, self.rule, self.aliases = module, name, rule, ()
        self.parent = name.rpartition(".")[0]
        self.text = f'"module":{quoted(clean(name))},"call":'
        self.plans = {"inputs": {}, "outputs": {}, "post_fwd_inputs": {}}


def record(model: torch.nn.Module,
           config: Configuration | dict[str, Any] | str | os.PathLike[str] | None = None, *,
           golden: str | os.PathLike[str] | None = None, recipe: dict[str, Any] | None = None,
           provenance: dict[str, Any] | None = None, run_id: str | None = None,
           keep: str | None = None, root: str | None = None, strict: bool = False,
           manual_steps: bool = False, placements: dict[str, Any] | None = None) -> Recording:
    """Records every forward of a model while the context is open.

    A step is one forward of ``model``. Every module inside it is recorded: inputs, keyword inputs
    and outputs; the model itself only under the name ``root``. Tensors are found in containers of
    every kind and in the fields of objects; a key-value cache is state, and is only described.

    A tensor that no layout holds, such as a sparse one, or that hangs on what cannot be opened,
    such as a generator, is marked as not recorded, with the reason, and the recording goes on: the
    run fails where it is compared, and a warning says so at the end.

    While it goes on, the run is a spool: the forward pays a copy of each tensor, a thread writes
    them. The formats of the configuration are made of it at the end, by the program ``assay`` where
    ``ASSAY`` or ``PATH`` names it. A recording that is left by an exception, or killed, stays a
    spool with the steps that ended, which every command of ``assay`` reads.

    Under ``torch.distributed`` each rank writes a run of its own, ``<id>-rank<n>`` and
    ``<golden>.rank<n>.h5``, with what is known of how the ranks hold each tensor: what DTensors and
    layers as those of Megatron tell. A DTensor is recorded as its local tensor.

    Args:
        model: The root module.
        config: A dict of vLLM's intermediate-logging keys, a JSON text, or the path of a file;
            ``None`` records all steps of all modules. The run is written to
            ``<output_dir>/<id>/``.
        golden: A path where nothing is yet: the run is written to this HDF5 file, which takes its
            name only when it is whole. It is all that is written unless ``config`` names an
            ``output_dir``.
        recipe: What it takes to run it again, such as ``token_ids``; ``steps``, ``dtype`` and
            ``devices`` are filled in. It may be changed while the context is open.
        provenance: Further members of the provenance, such as ``seed`` or ``model_hash``.
        run_id: The run's id; a random UUID unless given.
        keep: ``"full"``, ``"sample"`` or ``"digest"``, whatever the configuration says: a digest of
            each tensor, and a sample of it, make a small golden of a model that is too big to keep.
        root: A name under which the model's own inputs and outputs are recorded as well, as of a
            module. vLLM records no root.
        strict: Whether the first tensor that cannot be recorded ends the recording.
        manual_steps: Whether a step is what lies between ``begin_step()`` and ``end_step()`` of the
            recording, and no forward of the model. Calls outside of steps are not recorded.
        placements: How the ranks hold tensors, a dict with ``mesh`` and ``rules`` as
            ``Python/README.md`` has it. Its rules come before those that are found out.

    Returns:
        A context manager, a ``Recording``. Leaving it completes the run; leaving it by an exception
        does not.

    Raises:
        RecordError: for what cannot be recorded, such as a function or a compiled model, or a run
            that would hold no tensor.
    """
    return Recording(model, config, golden, recipe, provenance, run_id, keep, root, strict,
                     manual_steps, placements)


class Recording:
    """A run being recorded; ``paths`` are those of what is written.

    ``rows`` may be set while a step is open: what its tokens are, as any value that JSON holds.
    """

    def __init__(self, model: torch.nn.Module,
                 config: Configuration | dict[str, Any] | str | os.PathLike[str] | None,
                 golden: str | os.PathLike[str] | None, recipe: dict[str, Any] | None,
                 provenance: dict[str, Any] | None, run_id: str | None, keep: str | None,
                 root: str | None, strict: bool, manual_steps: bool,
                 placements: dict[str, Any] | None) -> None:
        if not isinstance(model, torch.nn.Module):
            raise RecordError(
                f"record takes the torch.nn.Module that is called, not a {type(model).__name__}; "
                "of a function, record the module that it calls")
        self.configuration = Configuration.of(config).keeping(keep)
        self.model, self.recipe, self.paths, self.steps = model, dict(recipe or {}), [], 0
        self.rows = None
        self._golden = None if golden is None else os.fspath(golden)
        self._writes_run = golden is None or self.configuration.output_dir is not None
        self._provenance, self._id = dict(provenance or {}), run_id
        self._placements, self._placed = placements, None
        self._handles, self._spool = [], None
        names = {}
        for name, module in model.named_modules(remove_duplicate=False):
            if name:
                names.setdefault(module, []).append(name)
        self._is_strict, self._has_manual_steps = strict, manual_steps
        if root is not None:
            if not isinstance(root, str) or not root or \
                    any(root in known for known in names.values()):
                raise RecordError(f"the root cannot be recorded as {root!r}: "
                                  + ("a module has that name" if root else "it is no name"))
            names[model] = [root]
        refuse_endless([rule.pattern.pattern for rule in self.configuration.module_call_match],
                       [name for known in names.values() for name in known])
        self._sites = []
        for module, known in names.items():
            sites = [Site(module, name, self.configuration.rule(name)) for name in known]
            if len(sites) > 1:
                sites[0].aliases = tuple(sites)
            self._sites.append(sites[0])
        self._book = RowBook()
        self._depth, self._is_recorded, self._has_returned = 0, False, False
        self._failure, self._lost = None, {}
        self._used_rules, self._strays, self._devices = set(), set(), set()
        self._excluded, self._has_calls, self._has_tensors = set(), False, False
        self._reached = set()

    def __enter__(self) -> Recording:
        if not self.configuration.enabled:
            return self
        refuse_what_hooks_cannot_see(self.model)
        rank = distributed_rank()
        suffix = "" if rank is None else f"-rank{rank}"
        world_size = 1 if rank is None else torch.distributed.get_world_size()
        if self._placements is not None:
            placing.checked(self._placements, world_size)
        if rank is not None:
            self._provenance |= {"rank": rank, "world_size": world_size}
            self._placements = placing.merged(
                self._placements, megatron.placements(self.model, world_size))
            self._placed = dtensors.PlacementBook()
        self.id = shared_id(self._id, rank) + suffix
        if not self.id or self.id.startswith(".") or "/" in self.id or "\0" in self.id:
            raise RecordError(f"a run's id is the name of its directory, and {self.id!r} is none")
        try:
            self._open_spool(rank)
            self._add_hooks()
            if self._placed is not None:
                dtensors.listen(self._placed)
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        if self._placed is not None:
            dtensors.stop(self._placed)
        if self._spool is None:
            return
        if kind is not None:
            self._abandon()
            return
        try:
            if self._failure is not None:  # the model swallowed it
                raise self._failure
            if self._depth:
                raise RecordError("a forward of the model was interrupted, and what ran after it "
                                  "was not recorded")
            self._refuse_nothing()
            self._finish()
        except BaseException:
            self._abandon()
            raise
        self._warn()

    def _open_spool(self, rank: int | None) -> None:
        """Makes the spool: the run's directory, or one beside the golden that is to be."""
        self._directory = os.path.join(self.configuration.directory, self.id)
        if self._golden is not None:
            path = self._golden
            if rank is not None:
                stem, extension = os.path.splitext(path)
                path = self._golden = f"{stem}.rank{rank}{extension}"
            if os.path.lexists(path):
                raise RecordError(
                    f"{path} exists, and a golden changes only by approval: record another file, "
                    f"and make it the golden with `assay approve FILE {path}`, which shows what "
                    "changes")
            if not self._writes_run:
                self._directory = hidden_path(path, ".tmp")
        provenance = provenances.current() | {"dtype": dtype_of(self.model)} | self._provenance
        if self._placements is not None:
            provenance["placements"] = self._placements
        self._dtype = provenance["dtype"]
        self._manifest = {"id": self.id, "provenance": provenance,
                          "configuration": self.configuration.json()}
        self._spool = SpoolWriter(self._directory, self._manifest, self.configuration.keep)
        formats = self.configuration.formats if self._writes_run else ()
        self.paths = [os.path.join(self._directory, "run.h5") if format_ == "hdf5"
                      else self._directory for format_ in formats]
        if self._golden is not None:
            self.paths.append(self._golden)

    def _add_hooks(self) -> None:
        if not self._has_manual_steps:
            self._handles.append(self.model.register_forward_pre_hook(
                self._begin_forward, prepend=True, with_kwargs=True))
        for site in self._sites:
            if not runs_hooks(site.module):
                self._handles.append(self._wrapped(site))
                continue
            self._handles.append(site.module.register_forward_pre_hook(
                functools.partial(self._begin, site), with_kwargs=True))
            self._handles.append(site.module.register_forward_hook(
                functools.partial(self._end, site), with_kwargs=True))
        if not self._has_manual_steps:
            self._handles.append(self.model.register_forward_hook(lambda *_: self._return()))
            self._handles.append(self.model.register_forward_hook(
                lambda *_: self._leave_forward(), always_call=True))

    def _wrapped(self, site: Site) -> Undo:
        """Records a module whose class calls ``forward`` around the hooks."""
        module, forward = site.module, site.module.forward

        @functools.wraps(forward)
        def recorded(*arguments: Any, **keywords: Any) -> Any:
            self._begin(site, module, arguments, keywords)
            output = forward(*arguments, **keywords)
            self._end(site, module, arguments, keywords, output)
            self._reached.add(site.name)
            return output

        was_own = "forward" in vars(module)
        module.forward = recorded
        return Undo(lambda: setattr(module, "forward", forward) if was_own
                    else delattr(module, "forward"))

    # A step

    def _begin_forward(self, model: torch.nn.Module, arguments: tuple[Any, ...],
                       keywords: dict[str, Any]) -> None:
        self.begin_step()
        if self._depth == 1:
            self.rows = self._book.rows(arguments, keywords)

    def begin_step(self) -> None:
        """Begins a step, or goes deeper into the one that is open."""
        refuse_capture()
        self._depth += 1
        if self._depth > 1:
            return
        self._is_recorded = self.configuration.includes_step(self.steps)
        self._calls, self._completion, self._counts, self._open = [], [], {}, []
        self.rows = None
        if self._is_recorded:
            self._hand(self._spool.begin_step)

    @property
    def is_in_step(self) -> bool:
        """Whether a step is open that is recorded."""
        return self._is_recorded

    def end_step(self) -> None:
        """Ends the step that is open: when this returns, it is in the run, whatever happens then.

        Raises ``RecordError`` where the run cannot be written.
        """
        self._depth -= 1
        if self._depth:
            return
        if self._is_recorded:
            self._close_down_to(0)
            if self._placed is not None and self._placed.has_news:
                self._hand(self._write_placements)
            self._hand(self._spool.end_step, self.steps, self._calls, self._completion, self.rows)
        self.steps += 1
        self._is_recorded = False

    def _write_placements(self) -> None:
        """Puts what was learnt in this step into the manifest, before the step is in the run."""
        self._placed.has_news = False
        found = placing.merged(self._placements, self._placed.placements())
        provenance = self._manifest["provenance"]
        if found == provenance.get("placements"):
            return
        self._manifest["provenance"] = {
            key: value for key, value in provenance.items() if key != "placements"} \
            | ({} if found is None else {"placements": found})
        self._spool.describe(self._manifest)

    def discard_step(self) -> None:
        """Lets go of the step that is open, if one is: the next one takes its number."""
        if not self._depth:
            return
        self._depth -= 1
        if not self._depth:
            is_recorded, self._is_recorded = self._is_recorded, False
            if is_recorded and self._failure is None:
                self._hand(self._spool.discard_step)

    def _return(self) -> None:
        self._has_returned = True
        self.end_step()

    def _leave_forward(self) -> None:
        """Lets go of a step whose forward raised."""
        has_returned, self._has_returned = self._has_returned, False
        if not has_returned:
            self.discard_step()

    # A call

    def _begin(self, site: Site, module: torch.nn.Module, arguments: tuple[Any, ...],
               keywords: dict[str, Any]) -> None:
        if not self._is_recorded:
            if not self._depth and not self._has_manual_steps:
                self._strays.add(site.name)
            return
        if site.aliases:
            site = self._alias(site)
        index = self._counts.get(site, 0)
        self._counts[site] = index + 1
        rule = site.rule
        is_wanted = rule.call in (None, index) if rule else \
            not self.configuration.module_call_match
        if not is_wanted:
            self._open.append((site, None))
            return
        if rule:
            self._used_rules.add(rule.source)
        self._has_calls = True
        position = len(self._calls)
        self._open.append((site, position))
        self._calls.append(f"{site.text}{index}")
        self._write(site, position, "inputs", arguments, keywords)

    def _end(self, site: Site, module: torch.nn.Module, arguments: tuple[Any, ...],
             keywords: dict[str, Any], output: Any) -> None:
        if not self._is_recorded:
            return
        index = len(self._open) - 1
        while index >= 0 and self._open[index][0].module is not module:
            index -= 1
        if index < 0:
            return
        site = self._open[index][0]
        self._close_down_to(index + 1)
        position = self._open[index][1]
        if position is not None:
            if self.configuration.log_post_fwd_inputs:
                self._write(site, position, "post_fwd_inputs", arguments, keywords)
            self._write(site, position, "outputs", output)
        self._close_down_to(index)

    def _alias(self, site: Site) -> Site:
        """Under which of its names a module is called: that whose parent is running."""
        for open_, _ in reversed(self._open):
            for alias in site.aliases:
                if alias.parent == open_.name:
                    return alias
        return site

    def _close_down_to(self, count: int) -> None:
        """Completes the calls above; those that raised, and were caught, have no outputs."""
        while len(self._open) > count:
            _, position = self._open.pop()
            if position is not None:
                self._completion.append(position)

    def _write(self, site: Site, position: int, side: str, value: Any,
               keywords: dict[str, Any] | None = None) -> None:
        leaves, states, tensors = [], [], None
        if self._placed is not None and side == "inputs":
            self._placed.look_at(site.module)
        # A plan copies tensors without a look at where they come from.
        key = ... if self._placed is not None and self._placed.is_open else \
            signature_of_side(value, keywords, leaves, states)
        plan = None if key is ... else site.plans[side].get(key)
        if plan is not None:
            try:
                tensors = plan.copies(leaves)
            except Exception:
                pass  # opened anew, it is said of which tensor
        if tensors is None:
            plan, tensors, is_reusable = self._planned(
                site, side, value, keywords, None if key is ... else len(leaves))
            if is_reusable:
                if len(site.plans[side]) >= PLANS:
                    site.plans[side].clear()
                site.plans[side][key] = plan
        self._hand(self._spool.write, position, plan, tensors, states)

    def _planned(self, site: Site, name: str, value: Any, keywords: dict[str, Any] | None,
                 leaf_count: int | None) -> tuple[Plan, list[torch.Tensor], bool]:
        """Opens one side of a call: its plan, copies of its tensors, and whether it serves again."""
        try:
            side = Side(name, value, keywords)
        except Exception as error:  # in the user's own classes
            side = Side.unopened(name, error)
        found = []
        for slot, device, tensor in side.found:
            if not self.configuration.includes_device(device):
                self._excluded.add(device)
                found.append((slot, device, None))
                continue
            self._devices.add(device)
            taken = self._captured(tensor)
            if self._placed is not None and not isinstance(taken, NotRecorded):
                taken = self._noted(site, slot, side.originals[slot], taken)
            if isinstance(taken, NotRecorded):
                self._lose(site, slot, taken.reason)
            else:
                self._has_tensors = True
            found.append((slot, device, taken))
        plan, is_reusable = plan_of(name, side.description, found, leaf_count)
        return plan, [taken for _, _, taken in found if isinstance(taken, torch.Tensor)], \
            is_reusable

    def _captured(self, tensor: torch.Tensor | NotRecorded) -> torch.Tensor | Skipped | NotRecorded:
        """What is written of a tensor: a copy, a note of its size, or why it is not."""
        if isinstance(tensor, NotRecorded):
            return tensor
        try:
            return captured(tensor, self.configuration.max_tensor_size)
        except Unrecordable as error:
            return NotRecorded(str(error))

    def _noted(self, site: Site, slot: str, original: Any,
               taken: torch.Tensor | Skipped) -> torch.Tensor | Skipped | NotRecorded:
        """Notes how the ranks hold a tensor; where that cannot be told, it is not recorded."""
        try:
            self._placed.note(site.name, site.module, slot, original)
            return taken
        except Unrecordable as error:
            return NotRecorded(str(error))

    def _lose(self, site: Site, slot: str, reason: str) -> None:
        if self._is_strict:
            self._failure = RecordError(
                f"cannot record {slot} of {site.name}: {reason}; leave the module out by "
                "module_call_match, hand it a plain tensor, or record without strict")
            raise self._failure
        self._lost.setdefault(reason, [0, f"{slot} of {site.name}"])[0] += 1

    def _hand(self, method: Callable[..., None], *values: Any) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            method(*values)
        except BaseException as error:
            self._failure = error
            raise

    # The end

    def _finish(self) -> None:
        """Completes the spool, and makes of it what was asked for."""
        formats = self.configuration.formats if self._writes_run else ()
        stays = "spool" in formats
        recipe = {"steps": self.steps, "dtype": self._dtype,
                  "devices": sorted(self._devices), "token_ids": []} | self.recipe
        self._spool.finish(recipe, is_durable=stays)
        # Each under a name of its own first, which lies in the run's directory or beside the golden.
        targets = {"pt": os.path.join(self._directory, f".pt.{uuid.uuid4()}.tmp"),
                   "hdf5": os.path.join(self._directory, "run.h5")}
        targets = {format_: targets[format_] for format_ in formats if format_ != "spool"}
        if self._golden is not None:
            targets["golden"] = hidden_path(self._golden, ".h5")
        try:
            convert(self._directory, list(targets.values()))
            if "golden" in targets:
                try:
                    rename_to_new(targets["golden"], self._golden)
                except FileExistsError:
                    raise RecordError(
                        f"{self._golden} came to be while this was recorded, and a golden changes "
                        "only by approval") from None
            if "pt" in targets:
                move_run(targets["pt"], self._directory)
        except (OSError, RecordError) as error:
            for target in targets.values():
                remove(target)
            where = f"; the recording is whole in {self._directory}: " \
                f"`assay convert {self._directory} OUT`" if self._writes_run else ""
            raise RecordError(f"the recording cannot be converted: {error}{where}") from error
        if not self._writes_run:
            shutil.rmtree(self._directory)
        elif not stays:
            remove_spool(self._directory)
        self._spool = None

    def _abandon(self) -> None:
        """Leaves the spool with the steps that ended, and nothing of a golden alone."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None
            self.paths = [self._directory] if self._writes_run else []
            if not self._writes_run:
                shutil.rmtree(self._directory, ignore_errors=True)

    def _refuse_nothing(self) -> None:
        if self._has_tensors:
            return
        configuration = self.configuration
        if not self.steps:
            reason = "no forward of the model ended"
        elif not any(configuration.includes_step(step) for step in range(self.steps)):
            reason = (f"log_step_ids selects {sorted(configuration.log_step_ids)}, and the last "
                      f"step was {self.steps - 1}")
        elif not self._has_calls:
            sources = ", ".join(f'"{rule.source}"' for rule in configuration.module_call_match)
            reason = f"no module call matches module_call_match {sources}" if sources else \
                "the model called no module"
        elif self._lost:
            cause, (_, place) = next(iter(self._lost.items()))
            reason = f"none of the tensors could be; {place}: {cause}"
        elif self._excluded:
            reason = (f"device_names selects {', '.join(sorted(configuration.device_names))}, and "
                      f"all tensors are on {', '.join(sorted(self._excluded))}")
        else:
            reason = "the recorded module calls had no tensors"
        raise RecordError(f"nothing was recorded: {reason}")

    def _warn(self) -> None:
        for rule in self.configuration.module_call_match:
            if rule.source not in self._used_rules:
                warnings.warn(f'module_call_match: the pattern "{rule.source}" recorded no module '
                              "call", stacklevel=3)
        for reason, (count, place) in list(self._lost.items())[:5]:
            warnings.warn("not recorded, and a failure where the run is compared: "
                          f"{place}: {reason}"
                          + (f" ({count} tensors)" if count > 1 else ""), stacklevel=3)
        unknown = self._placed.unknown(self._placements) if self._placed is not None \
            and "placements" in self._manifest["provenance"] else ()
        if unknown:
            module, slot = unknown[0]
            warnings.warn(f"nothing tells how the ranks hold {len(unknown)} tensors of modules, "
                          "which fail where the ranks are compared as one run: "
                          f"{slot} of {module}; record takes placements that do", stacklevel=3)
        unreached = sorted(site.name for site in self._sites
                           if not runs_hooks(site.module) and site.name not in self._reached)
        if unreached:
            warnings.warn("the class of these modules replaces __call__, and no call of theirs came "
                          f"by: {', '.join(unreached[:5])}", stacklevel=3)
        if self._strays:
            names = ", ".join(sorted(self._strays)[:5])
            warnings.warn(f"{len(self._strays)} modules ran outside of a forward of the recorded "
                          f"model, and those calls were not recorded: {names}; record the module "
                          "that is called", stacklevel=3)


class Undo:
    """A handle like those of hooks."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self.remove = remove


def runs_hooks(module: torch.nn.Module) -> bool:
    """Whether calling a module runs its hooks: not where its class replaces ``__call__``."""
    return type(module).__call__ is torch.nn.Module.__call__ \
        or isinstance(module, torch.fx.GraphModule)


def distributed_rank() -> int | None:
    """This process's rank among several, or ``None``."""
    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return None
    return distributed.get_rank() if distributed.get_world_size() > 1 else None


def shared_id(given: str | None, rank: int | None) -> str:
    """The given id, or a random one that is the same on all ranks."""
    ids = [given or str(uuid.uuid4())]
    if rank is not None and not given:
        torch.distributed.broadcast_object_list(ids, src=0)
    return ids[0]


def dtype_of(model: torch.nn.Module) -> str:
    """The name of the dtype of most parameters: what the model computes in."""
    counts = {}
    for parameter in model.parameters():
        name = str(parameter.dtype).removeprefix("torch.")
        counts[name] = counts.get(name, 0) + parameter.numel()
    return max(counts, key=counts.get, default="float32")


def hidden_path(path: str, extension: str) -> str:
    """A name beside a path that nobody else has."""
    folder, name = os.path.split(os.path.abspath(path))
    # With a UUID it must still fit into the 255 bytes that a file system takes.
    name = name.encode()[:200].decode("utf-8", "ignore")
    return os.path.join(folder, f".{name}.{str(uuid.uuid4()).upper()}{extension}")


def remove(path: str) -> None:
    """Removes a file or a directory, if it is there."""
    if os.path.isdir(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            os.unlink(path)
