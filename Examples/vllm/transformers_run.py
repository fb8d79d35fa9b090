"""Records what transformers computes for the same prompts: transformers_run.py MODEL OUTPUT_DIR."""

import sys

import torch
import transformers

import assay_torch

PROMPTS = [[1, 5, 9, 13, 77, 200, 311, 42, 8, 99], [1, 300, 17, 4]]

model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32).eval()
configuration = {"output_dir": sys.argv[2], "log_step_ids": [], "formats": ["spool"]}
with torch.no_grad(), assay_torch.record(model, configuration, run_id="transformers"):
    for ids in PROMPTS:  # each alone: requests 0 and 1
        model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                       do_sample=False, max_new_tokens=4, eos_token_id=None, pad_token_id=0)
