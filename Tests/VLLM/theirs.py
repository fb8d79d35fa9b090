"""Recordings of transformers' models, to hold vLLM's against."""

import os

import torch
import transformers

import assay_torch

torch.set_num_threads(1)


def make_tiny(path):
    """A Llama of random weights whose heads are wide enough for vLLM's attention on a CPU."""
    torch.manual_seed(1)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=512, hidden_size=128, intermediate_size=344, num_hidden_layers=4,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
        tie_word_embeddings=False, bos_token_id=1, eos_token_id=2))
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 1:
                weight.add_(0.1 * torch.randn_like(weight))
            else:
                weight.mul_(2)
    model.save_pretrained(path)


def make_random(path, config):
    """A model of random weights."""
    torch.manual_seed(3)
    model = transformers.AutoModelForCausalLM.from_config(config).float()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.copy_(1 + 0.1 * torch.randn_like(weight))
            else:
                weight.normal_(std=0.05)
    model.save_pretrained(path)


def load(path, dtype=torch.float32):
    return transformers.AutoModelForCausalLM.from_pretrained(path, dtype=dtype).eval()


def recorded(model, folder, name, batches, tokens, change=None):
    """Records a generation of each batch of prompts, padded on the left, and returns the run.

    `change` is a module's name and what is done to its output, given the module's calls so far.
    """
    handle = None
    if change is not None:
        calls = iter(range(1 << 30))
        handle = model.get_submodule(change[0]).register_forward_hook(
            lambda module, given, output: change[1](output, next(calls)))
    with torch.no_grad(), assay_torch.record(
            model, {"output_dir": folder, "log_step_ids": [], "formats": ["spool"]},
            run_id=name) as run:
        for prompts in batches:
            width = max(map(len, prompts))
            ids = [[0] * (width - len(ids)) + ids for ids in prompts]
            mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts]
            model.generate(torch.tensor(ids), attention_mask=torch.tensor(mask), do_sample=False,
                           max_new_tokens=tokens, min_new_tokens=tokens, pad_token_id=0,
                           eos_token_id=None)
    if handle is not None:
        handle.remove()
    return os.path.join(folder, name)
