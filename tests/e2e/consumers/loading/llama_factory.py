"""LLaMA-Factory loads and prepares each data set: run in its own environment as `llama_factory.py CASES RESULTS`."""

import json
import sys

sys.path.pop(0)  # this folder

from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
from llamafactory.hparams import DataArguments, ModelArguments
from transformers import AutoTokenizer, Seq2SeqTrainingArguments


def prepared(case):
    tokenizer = AutoTokenizer.from_pretrained(case["model"])
    model = ModelArguments(model_name_or_path=case["model"])
    data = DataArguments(
        template=case.get("template"),
        dataset=case["name"],
        dataset_dir=case["folder"],
        cutoff_len=case["cutoff_len"],
        overwrite_cache=True,
    )
    training = Seq2SeqTrainingArguments(output_dir="out", use_cpu=True, report_to=[])
    template = get_template_and_fix_tokenizer(tokenizer, data)
    found = list(get_dataset(template, model, data, training, stage="sft", tokenizer=tokenizer)["train_dataset"])
    trained = [sum(label != -100 for label in row["labels"]) for row in found]
    return {
        "texts": [tokenizer.decode(row["input_ids"]) for row in found],
        "tokens": [len(row["input_ids"]) for row in found],
        "trained": trained,
    }


def attempt(case):
    try:
        return prepared(case)
    except Exception as problem:
        return {"error": f"{type(problem).__name__}: {problem}"[:500]}


with open(sys.argv[1]) as told:
    results = [attempt(case) for case in json.load(told)]
with open(sys.argv[2], "w") as said:
    json.dump(results, said)
