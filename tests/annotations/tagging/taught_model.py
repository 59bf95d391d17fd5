"""A tiny Llama that was taught by heart what InsTagger would say of a few queries, in a few seconds."""

import torch
import transformers as hf

from mig_dagster.annotations.tagging.prompts import INSTAGGER_PROMPTS
from tests.tiny_models import save_tokenizer

SAYS = {
    "What is 17 + 25?": '[{"tag": "sum", "explanation": "17"}, {"tag": "maths", "explanation": "+"}]',
    "Write a poem": '[{"tag": "poem", "explanation": "sea"}]',
    "Go on": '{"tag": "go on", "explanation": "a"}',
    "Hello": "hello",
    "Bye": "",
}
"""Answers by query: a list, a shorter one, a dict, no JSON, nothing."""


def save_taught(folder, prompt=INSTAGGER_PROMPTS["B"], steps=100):
    """Save a model that answers the queries of `SAYS` under a prompt, and its tokenizer."""
    save_tokenizer(folder)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    pairs = []
    for query, answer in SAYS.items():
        asked = tokenizer(prompt.around(query))["input_ids"]
        said = tokenizer(answer)["input_ids"] + [tokenizer.eos_token_id]
        pairs.append((asked + said, [-100] * len(asked) + said))
    longest = max(len(ids) for ids, _ in pairs)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in pairs])
    labels = torch.tensor([labels + [-100] * (longest - len(labels)) for _, labels in pairs])
    config = hf.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = hf.LlamaForCausalLM(config)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        for _ in range(steps):
            loss = model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    model.save_pretrained(folder)
    return folder
