"""Axolotl's own chat-template strategy prepares each file: run in its own environment as `axolotl.py CASES RESULTS`."""

import importlib.util
import json
import sys
from pathlib import Path

sys.path.pop(0)  # this folder, where `axolotl` is this file

import axolotl
from axolotl.datasets import TokenizedPromptDataset
from axolotl.prompt_strategies.chat_template import load
from axolotl.utils.dict import DictDefault
from axolotl.utils.trainer import process_datasets_for_packing
from datasets import load_dataset
from transformers import AutoTokenizer


def module_of(path):
    """Import one file of a package whose other files want a GPU's packages."""
    spec = importlib.util.spec_from_file_location("axolotl_data_utils", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


lengths = module_of(Path(axolotl.__path__[0]) / "utils" / "data" / "utils.py")


def prepared(case):
    rows = load_dataset(case["kind"], data_files=case["data"], split="train")
    tokenizer = AutoTokenizer.from_pretrained(case["model"])
    cfg = DictDefault(
        {
            "sequence_len": case["sequence_len"],
            "chat_template": "tokenizer_default",
            "sample_packing": True,
            "is_preprocess": True,
            "dataset_num_proc": 1,
            **case.get("options", {}),
        }
    )
    strategy = load(tokenizer, cfg, DictDefault(case["dataset"]))
    found = TokenizedPromptDataset(strategy, rows, process_count=1)
    found = lengths.handle_long_seq_in_dataset(found, cfg.sequence_len, cfg)
    found, _ = process_datasets_for_packing(cfg, found, None)
    found = list(found)
    trained = [sum(label != -100 for label in row["labels"]) for row in found]
    return {"texts": [tokenizer.decode(row["input_ids"]) for row in found], "trained": trained}


def attempt(case):
    try:
        return prepared(case)
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:500]}


with open(sys.argv[1]) as told:
    results = [attempt(case) for case in json.load(told)]
with open(sys.argv[2], "w") as said:
    json.dump(results, said)
