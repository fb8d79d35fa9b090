"""Records a causal language model of transformers: ``python -m assay_torch record --help``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

try:
    from assay_torch import Configuration, RecordError, model_hash, record
    from assay_torch.configuration import KEEPS
    from assay_torch.conversion import copied
    from assay_torch.provenance import VERSION

    import torch
except KeyboardInterrupt:  # torch takes seconds to load
    if __name__ == "__main__":
        sys.exit(130)
    raise


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(prog="python -m assay_torch", description=__doc__)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("record", help="record a prompt and the tokens that follow it")
    run.add_argument("--model", required=True, help="a checkpoint's directory")
    prompt = run.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt", help="the text to continue")
    prompt.add_argument("--prompt-token-ids", help="the tokens to continue, such as 1,17,5")
    run.add_argument("--max-tokens", type=int, default=4, help="forward passes (default 4)")
    run.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16"])
    run.add_argument("--device", default="cpu", help="such as cuda:0 (default cpu)")
    run.add_argument("--attention", default="sdpa", choices=["sdpa", "eager"])
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--threads", type=int, help="threads that compute")
    config = run.add_mutually_exclusive_group()
    config.add_argument("--intermediate-log-config", help="vLLM's configuration as JSON")
    config.add_argument("--intermediate-log-config-path", help="a file of that JSON")
    run.add_argument("--keep", choices=KEEPS, help="what to keep of each tensor: all of it, or a "
                     "digest for models that are too big (default full)")
    run.add_argument("--golden", help="the HDF5 file to write, where nothing is yet; it is all that "
                     "is written unless the configuration names an output_dir")
    run.add_argument("--root", help="a name under which the model itself is recorded as well")
    run.add_argument("--strict", action="store_true",
                     help="stop at the first tensor that cannot be recorded, instead of marking it")
    run.add_argument("--enforce-eager", action="store_true",
                     help="accepted as vLLM's: models are always run eagerly")
    convert = commands.add_parser("convert", help="make one of the other layouts of a recording "
                                  "that was not finished, slower than `assay convert` does")
    convert.add_argument("source", help="the directory of the recording")
    convert.add_argument("destination", help="the directory to make, or the file ending in .h5")
    return parser.parse_args()


def configuration(options: argparse.Namespace) -> Configuration | None:
    """What to record; ``None`` where only a golden was asked for."""
    if options.intermediate_log_config is not None:
        text = options.intermediate_log_config
        config = Configuration.of(text if text.lstrip().startswith("{") else "{" + text + "}",
                                  enabled=False)
    elif options.intermediate_log_config_path is not None:
        config = Configuration.of(options.intermediate_log_config_path)
    else:
        return None
    if not config.enabled:
        raise RecordError('the configuration does not say "enabled": true, so nothing would be '
                          "recorded")
    return config


def main() -> int:
    """Runs a command, and returns the exit status."""
    options = arguments()
    try:
        if options.command == "convert":
            copied(options.source, options.destination)
            print(options.destination)
        else:
            record_generation(options)
    except (RecordError, OSError, ValueError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted: the steps that ended are kept, and no golden was written",
              file=sys.stderr)
        return 130
    return 0


def record_generation(options: argparse.Namespace) -> None:
    """Records a prompt and the tokens that follow it."""
    config = configuration(options)
    if options.max_tokens < 1:
        raise RecordError("--max-tokens must be at least 1")
    try:
        import transformers
    except ImportError:
        raise RecordError("`record` loads models with transformers: pip install transformers, or "
                          "call assay_torch.record in your own script") from None
    if not os.path.isdir(options.model):
        raise RecordError(f"--model {options.model} is not a directory")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    transformers.utils.logging.disable_progress_bar()
    tokenizer, token_ids = None, None
    if options.prompt is not None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
        token_ids = tokenizer.encode(options.prompt)
    else:
        token_ids = [int(word) for word in options.prompt_token_ids.split(",")]
    if not token_ids:
        raise RecordError("the prompt has no tokens")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        options.model, dtype=getattr(torch, options.dtype),
        attn_implementation=options.attention).eval().to(options.device)
    recipe, provenance = described_run(options, token_ids, transformers.__version__)
    with record(model, config, golden=options.golden, recipe=recipe,
                provenance=provenance, keep=options.keep, root=options.root,
                strict=options.strict) as run, torch.no_grad():
        generated = generate(model, token_ids, options.max_tokens)
        run.recipe["generated_token_ids"] = generated
    print(options.prompt + tokenizer.decode(generated) if tokenizer else
          ",".join(map(str, generated)))
    for path in run.paths:
        print(f"recorded {path}")


def described_run(options: argparse.Namespace, token_ids: list[int],
                  version: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The recipe and the provenance of a run of transformers."""
    identity = model_hash(options.model)
    folder = os.path.dirname(os.path.abspath(options.golden)) if options.golden else None
    model = os.path.abspath(options.model)
    if folder and os.path.commonpath([folder, model]) == folder:
        model = os.path.relpath(model, folder)
    recipe = {"model": model, "model_hash": identity, "token_ids": token_ids,
              "dtype": options.dtype, "devices": [options.device]}
    if options.prompt is not None:
        recipe["prompt"] = options.prompt
    generation = {"do_sample": False, "max_new_tokens": options.max_tokens,
                  "attention": options.attention}
    from assay_torch.provenance import libraries
    provenance = {"model_hash": identity, "dtype": options.dtype, "seed": options.seed,
                  "generation": generation,
                  "libraries": libraries() | {"transformers": version}}
    return recipe, provenance


def generate(model: torch.nn.Module, token_ids: list[int], count: int) -> list[int]:
    """Continues greedily by hand: the prompt, then one token a step."""
    from transformers import DynamicCache
    cache, generated = DynamicCache(config=model.config), []
    inputs = torch.tensor([token_ids], device=model.device)
    for _ in range(count):
        logits = model(input_ids=inputs, past_key_values=cache, use_cache=True).logits
        generated.append(int(logits[0, -1].argmax()))
        inputs = torch.tensor([generated[-1:]], device=model.device)
    return generated


if __name__ == "__main__":
    sys.exit(main())
