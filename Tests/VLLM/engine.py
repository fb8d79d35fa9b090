"""Runs an unmodified vLLM offline, as its users do: engine.py JOB, with the job as JSON.

The job names the model, its dtype, batches of prompts' token ids, how many tokens to generate, and
further options of `vllm.LLM`. Prints the tokens of each batch.
"""

import json
import sys


def main():
    job = json.loads(sys.argv[1])
    from vllm import LLM, SamplingParams

    options = {"enforce_eager": True} | job.get("options", {})
    llm = LLM(model=job["model"], dtype=job.get("dtype", "float32"), skip_tokenizer_init=True,
              max_model_len=256, gpu_memory_utilization=0.3, **options)
    sampling = SamplingParams(temperature=0, max_tokens=job["tokens"], detokenize=False,
                              ignore_eos=True)
    for batch in job["batches"]:
        found = llm.generate([{"prompt_token_ids": ids} for ids in batch], sampling)
        print("TOKENS", json.dumps([list(one.outputs[0].token_ids) for one in found]), flush=True)


if __name__ == "__main__":  # vLLM imports this file again in its processes
    main()
