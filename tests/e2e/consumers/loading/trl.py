"""TRL loads and prepares each file: run in its own environment as `trl.py CASES RESULTS`."""

import json
import sys

sys.path.pop(0)  # this folder, where `trl` is this file

from datasets import load_dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer


def prepared(case):
    rows = load_dataset(case["kind"], data_files=case["data"], split="train")
    if case.get("plain"):
        return {"records": list(rows)}
    tokenizer = AutoTokenizer.from_pretrained(case["model"])
    options = {"max_length": case["max_length"], **case.get("options", {})}
    config = SFTConfig(output_dir="out", report_to=[], use_cpu=True, bf16=False, **options)
    trainer = SFTTrainer(case["model"], args=config, train_dataset=rows, processing_class=tokenizer)
    found = list(trainer.train_dataset)
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
