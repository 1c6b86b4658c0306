"""Turns GGUF weights into the safetensors that vLLM reads. Runs in the lane's own environment: GGUF-FILE OUTPUT-DIR."""

import importlib
import sys
from pathlib import Path
from typing import Any

CHAT_TEMPLATE_VARIABLES = ("messages", "add_generation_prompt")


def convert(weights: Path, output: Path) -> None:
    """Writes model, tokenizer and chat template into `output`, which appears whole or not at all."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.set_num_threads(1)
    work = output.with_name(f".{output.name}.part")
    work.mkdir(parents=True, exist_ok=True)
    source, name = str(weights.parent), weights.name
    tokenizer = transformers.AutoTokenizer.from_pretrained(source, gguf_file=name)
    tokenizer.save_pretrained(work)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        source,
        gguf_file=name,
        dtype=torch.bfloat16,
        quantization_config=transformers.GgufConfig(dequantize=True),
    )
    model.save_pretrained(work)
    if not all(variable in tokenizer.chat_template for variable in CHAT_TEMPLATE_VARIABLES):
        sys.exit("the tokenizer has lost its chat template")
    work.rename(output)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
