"""IFD as each reference states it: one row at a time, plain calls of transformers with masked labels."""

import math

import torch

PROMPT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{}\n\n### Response:"
)


def loss(model, ids, first, last=None):
    """Mean loss of tokens [first, last) and how many they are; NaN where none is predicted."""
    last = len(ids) if last is None else last
    return masked_loss(model, ids, [first <= i < last for i in range(len(ids))])


def encode(tokenizer, text, limit=None, **options):
    if limit is not None:
        options |= {"truncation": True, "max_length": limit}
    return tokenizer(text, verbose=False, **options)["input_ids"]


def superfiltering(model, tokenizer, instruction, output, limit):
    prompt = instruction + "\n"
    before = len(encode(tokenizer, prompt, limit))
    alone = loss(model, encode(tokenizer, output, limit - before + 1), 0)[0]
    text = prompt + output
    first = len(encode(tokenizer, text[: text.rfind(output)]))
    return loss(model, encode(tokenizer, text, limit), first)[0], alone


def cherry(model, tokenizer, instruction, output, limit):
    """NaN where data_by_IFD.py leaves the row out for its length."""
    prompt = PROMPT.format(instruction)
    before = len(encode(tokenizer, prompt, limit))
    if limit - before <= 0:
        return math.nan, math.nan
    found = []
    for text, budget in ((prompt + output, limit), ("### Response:" + output, limit - before + 4)):
        ids = encode(tokenizer, text, budget)
        first = len(encode(tokenizer, text[: text.rfind(output)]))
        found.append((loss(model, ids, first)[0], len(ids) - first))
    (conditioned, length), (alone, length_alone) = found
    if length <= 0 or length_alone <= 0 or before + length_alone > limit:
        return math.nan, math.nan
    return conditioned, alone


def iterit(model, tokenizer, instruction, output, limit):
    output = output.strip()
    question = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": instruction}]
    answer = [{"role": "assistant", "content": output}]
    whole, direct = (tokenizer.apply_chat_template(chat, tokenize=False) for chat in (question + answer, answer))
    starts = [len(encode(tokenizer, text[: text.rfind(output)], add_special_tokens=False)) for text in (whole, direct)]
    length = max(min(limit, len(encode(tokenizer, whole, add_special_tokens=False))) - starts[0], 0)
    return tuple(
        loss(model, encode(tokenizer, text, limit, add_special_tokens=False), first, first + length)[0]
        for text, first in zip((whole, direct), starts, strict=True)
    )


def by_offsets(model, tokenizer, conversation, limit):
    """All contents joined by line breaks, tokens that hold a character of an answer scored; then each answer alone."""
    text, spans = "", []
    for message in conversation.messages:
        if message.role == "assistant" and message.content:
            spans.append((len(text), len(text) + len(message.content)))
        text += message.content + "\n"
    if not spans:
        return math.nan, math.nan
    text = text[: spans[-1][1]]
    ids, offsets = with_offsets(tokenizer, text, limit)
    conditioned = masked_loss(model, ids, [any(holds(o, span) for span in spans) for o in offsets])[0]
    total, n = 0.0, 0
    for start, end in spans:
        first = next((i for i, o in enumerate(offsets) if holds(o, (start, end))), None)
        if first is not None:
            answer, places = with_offsets(tokenizer, text[start:end], min(limit, limit - first + 1))
            mean, tokens = masked_loss(model, answer, [b > a for a, b in places])
            total, n = total + (mean * tokens if tokens else 0.0), n + tokens
    return conditioned, total / n if n else math.nan


def with_offsets(tokenizer, text, limit, **options):
    options |= {"truncation": True, "max_length": limit, "return_offsets_mapping": True}
    found = tokenizer(text, verbose=False, **options)
    return found["input_ids"], found["offset_mapping"]


def holds(offset, span):
    return offset[0] < min(offset[1], span[1]) and offset[1] > span[0]


def masked_loss(model, ids, scored):
    labels = torch.tensor([[i if chosen else -100 for i, chosen in zip(ids, scored, strict=True)]])
    n = int((labels[0, 1:] != -100).sum())
    if n == 0:
        return math.nan, 0
    with torch.no_grad():
        return model(torch.tensor([ids]), labels=labels).loss.item(), n


def chat_by_offsets(model, tokenizer, conversation, limit):
    """The chat template, rendered up to each answer to find it; as many tokens of an answer alone as in the chat."""
    chat = [{"role": m.role, "content": m.content} for m in conversation.messages]
    for message in chat:
        message["content"] = message["content"].strip() if message["role"] == "assistant" else message["content"]
    last = max((i for i, m in enumerate(chat) if m["role"] == "assistant" and m["content"]), default=None)
    if last is None:
        return math.nan, math.nan
    chat = chat[: last + 1]
    if chat[0]["role"] != "system":
        chat.insert(0, {"role": "system", "content": "You are a helpful assistant."})
    spans = [
        span for i, m in enumerate(chat) if m["role"] == "assistant" and (span := last_answer(tokenizer, chat[: i + 1]))
    ]
    text = tokenizer.apply_chat_template(chat, tokenize=False)
    ids, offsets = with_offsets(tokenizer, text, limit, add_special_tokens=False)
    conditioned = masked_loss(model, ids, [any(holds(o, span) for span in spans) for o in offsets])[0]
    total, n = 0.0, 0
    for start, end in spans:
        kept = sum(holds(o, (start, end)) for o in offsets)
        alone = [{"role": "assistant", "content": text[start:end]}]
        answer, places = with_offsets(
            tokenizer, tokenizer.apply_chat_template(alone, tokenize=False), limit, add_special_tokens=False
        )
        inside = [i for i, o in enumerate(places) if holds(o, last_answer(tokenizer, alone))][:kept]
        mean, tokens = masked_loss(model, answer, [i in inside for i in range(len(answer))])
        total, n = total + (mean * tokens if tokens else 0.0), n + tokens
    return conditioned, total / n if n else math.nan


def last_answer(tokenizer, chat):
    """Where the last message stands in the rendered chat; None for an empty one."""
    text, answer = tokenizer.apply_chat_template(chat, tokenize=False), chat[-1]["content"]
    return (text.rfind(answer), text.rfind(answer) + len(answer)) if answer else None
