#!/usr/bin/env python3
"""Kills vLLM's worker while it records: engine.py ASSAY LIBRARY FOLDER KILLS

The engine is started once, in this process, and each kill is of a fork of it that begins to record.
Runs with moments.c preloaded; `interrupted.py` does that.
"""

import json
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Python"))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../VLLM"))

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_KVCACHE_SPACE": "1",
               "VLLM_LOGGING_LEVEL": "ERROR", "OMP_NUM_THREADS": "1", "ASSAY": ""}

import torch  # noqa: E402

import forks  # noqa: E402
import theirs  # noqa: E402
from process import Program, emptied  # noqa: E402
from recorder import Recording  # noqa: E402
from tally import Tally  # noqa: E402

PROMPTS = [[1, 5, 9, 13, 77], [1, 300, 17]]
STEPS = 3


class Engine(Recording):
    """The worker's recording, which stays a spool: a server has no end."""

    def __init__(self, program, folder, llm):
        super().__init__(program, folder, "vllm", ["spool"], False, False)
        self.llm = llm

    def body(self, ended):
        from assay_torch.vllm import worker as plugin
        from vllm import SamplingParams

        path = os.path.join(self.folder, "capture.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"output_dir": self.out, "log_step_ids": list(range(STEPS))}, file)
        wrapper = self.llm.llm_engine.model_executor.driver_worker
        plugin.attach(wrapper, path)
        recording = wrapper._assay_recording
        end_step = recording.end_step

        def told():
            end_step()
            ended()

        recording.end_step = told
        # What cannot be recorded is told, and the engine goes on.
        complaints = []
        plugin.logger.error = lambda text, *values: complaints.append(text % values)
        self.llm.generate([{"prompt_token_ids": ids} for ids in PROMPTS], SamplingParams(
            temperature=0, max_tokens=STEPS, detokenize=False, ignore_eos=True), use_tqdm=False)
        if complaints:
            raise plugin.RecordError(complaints[0])


def main(assay, library, folder, kills):
    torch.set_num_threads(1)
    program, tally = Program(assay, library, folder), Tally()
    model = os.path.join(folder, "model")
    theirs.make_tiny(model)
    from assay_torch.vllm import worker as plugin
    from vllm import LLM

    off = os.path.join(folder, "off.json")
    with open(off, "w", encoding="utf-8") as file:
        json.dump({"enabled": False}, file)
    plugin.install(off)
    llm = LLM(model=model, dtype="float32", skip_tokenizer_init=True, enforce_eager=True,
              max_model_len=256, gpu_memory_utilization=0.3)
    engine = Engine(program, folder, llm)
    from assay_torch import RecordError
    forked = forks.Forks(engine.body, lambda error: isinstance(error, (RecordError, OSError)))
    engine.prepare()
    code, steps, _ = forked.fork()
    if (code, steps) != (0, STEPS):
        sys.exit(f"vLLM in a fork ended with {code} after {steps} steps: {forked.said}")
    reference = os.path.join(folder, "reference-vllm.h5")
    program("convert", engine.runs()[0], reference, status=0)
    engine.learn(reference)
    forks.kill("vLLM's worker", forked, engine.prepare, engine.check, kills, random.Random(7), tally)
    tally.end(program)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
