"""What token-budget batching saves a model annotator on a CPU, on real conversations; values stay the same.

Run: OMP_NUM_THREADS=1 python benchmarks/model_scoring.py [--turns 600]
Writes model_scoring.json beside this file. Needs a folder `shared` beside the checkout; no model: weights are random.

Three models score the same turns, cut at 512 tokens of a byte-level BPE trained on them: a Llama of 4 layers and width
256 (losses of the answers, as IFD and perplexity take them), an encoder of MiniLM's size (6 layers, width 384) and a
narrow XLM-R (4 layers, width 256). Three ways: one turn a batch; 32 turns a batch in the order given, padded to the
longest of each batch; and `score_items`, which sorts by tokens and fills a budget of padded tokens.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from measuring import cpu_seconds, record
from real_texts import train_tokenizer, turns
from scored_models import Encoded, Item, Losses, Scored, by_rows, by_token_budget, load_causal, load_encoder, save

VOCABULARY, MOST, BUDGET = 8_000, 512, 2_048


def llama(vocabulary: int, layers: int = 4, width: int = 256) -> Any:
    """Return a Llama with random weights."""
    import transformers as hf

    sizes = {"hidden_size": width, "intermediate_size": 3 * width, "num_hidden_layers": layers}
    return hf.LlamaForCausalLM(hf.LlamaConfig(vocab_size=vocabulary, num_attention_heads=4, **sizes))


def bert(vocabulary: int, layers: int = 6, width: int = 384, heads: int = 12) -> Any:
    """Return an encoder of MiniLM's size with random weights."""
    import transformers as hf

    sizes = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers}
    return hf.BertModel(hf.BertConfig(vocab_size=vocabulary, num_attention_heads=heads, **sizes))


def xlm_roberta(vocabulary: int, layers: int = 4, width: int = 256) -> Any:
    """Return a narrow XLM-R with random weights."""
    import transformers as hf

    sizes = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers}
    positions = {"max_position_embeddings": 514, "pad_token_id": 1}
    return hf.XLMRobertaModel(hf.XLMRobertaConfig(vocab_size=vocabulary, num_attention_heads=4, **sizes, **positions))


MODELS: dict[str, tuple[Callable[[int], Any], Callable[..., Any], type[Losses]]] = {
    "llama 4 x 256, losses": (llama, load_causal, Losses),
    "minilm 6 x 384, encoder": (bert, load_encoder, Encoded),
    "xlm-r 4 x 256, encoder": (xlm_roberta, load_encoder, Encoded),
}


def tokenised(tokenizer: Any, pairs: list[tuple[str, str]], most: int) -> list[Item]:
    """Return turns as tokens, instruction first, cut at `most`; at least one token of the answer is left."""
    encode = partial(tokenizer, add_special_tokens=False, return_attention_mask=False)
    asked, answered = (encode(list(texts))["input_ids"] for texts in zip(*pairs, strict=True))
    return [
        Item((one[: most - 1] + other)[:most], min(len(one), most - 1))
        for one, other in zip(asked, answered, strict=True)
    ]


def compare(scorer: Losses, items: list[Item]) -> dict[str, Any]:
    """Return CPU seconds and padding of each way, and how far its values are from those of one turn a batch."""
    scorer.run(items[:2])  # loads the model
    ways: dict[str, Callable[[], Scored]] = {
        "one_by_one": lambda: by_rows(scorer, items, 1),
        "naive_32": lambda: by_rows(scorer, items, 32),
        "token_budget": lambda: by_token_budget(scorer, items),
    }
    runs = {name: cpu_seconds(run) for name, run in ways.items()}
    alone, ours = runs["one_by_one"], runs["token_budget"]
    found = {
        name: {
            "cpu_s": round(seconds, 2),
            "tokens_per_cpu_s": round(scored.tokens / seconds),
            "padding_share": round(scored.padding_share, 4),
            "largest_difference": float(np.abs(scored.values - alone[1].values).max()),
        }
        for name, (seconds, scored) in runs.items()
    }
    ratios = {f"times_faster_than_{name}": round(runs[name][0] / ours[0], 2) for name in ("one_by_one", "naive_32")}
    return ratios | {"budget": scorer.batch_tokens, **found}


def measure(pairs: list[tuple[str, str]], models: dict[str, Any], most: int, budget: int, vocabulary: int) -> Any:
    """Return the comparison for each model."""
    texts = [text for pair in pairs for text in pair]
    with TemporaryDirectory() as scratch:
        results = {}
        for i, (name, (make, load, scorer)) in enumerate(models.items()):
            train = partial(train_tokenizer, texts, vocabulary)
            model = load(save(Path(scratch) / str(i), partial(make, vocabulary), train), max_tokens=most)
            results[name] = compare(scorer(model, budget), tokenised(model.tokenizer, pairs, most))
            print(name, results[name])
        return results


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=600)
    pairs = turns(parser.parse_args().turns)
    results = measure(pairs, MODELS, MOST, BUDGET, VOCABULARY)
    record(__file__, {"turns": len(pairs), "cut_at": MOST, "results": results})


if __name__ == "__main__":
    main()
