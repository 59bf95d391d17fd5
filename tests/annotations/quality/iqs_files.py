"""A checkpoint of CaR's scorer as Lightning writes it: a tiny XLM-R with random weights, in COMET's layout."""

import torch
import transformers as hf

from tests.tiny_models import VOCABULARY, save_tokenizer

LAYERS, WIDTH = 3, 32
LAYER_LOGITS = (0.9, -2.0, 0.4, 0.7)
"""Of these sparsemax drops the second."""


class Hyperparameters(dict):
    """An object beside the weights, as Lightning's AttributeDict: `weights_only` refuses it."""


def save_encoder(folder):
    """Save configuration and tokenizer of the encoder; no weights."""
    from tokenizers.processors import TemplateProcessing

    save_tokenizer(folder)
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[(name, tokenizer.convert_tokens_to_ids(name)) for name in ("<s>", "</s>")]
    )
    tokenizer.save_pretrained(folder)
    hf.XLMRobertaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=130,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    ).save_pretrained(folder)
    return folder


def parts(encoder):
    """Return an encoder and a head with random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = hf.XLMRobertaModel(hf.AutoConfig.from_pretrained(encoder), add_pooling_layer=False)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.3)
        layers = []
        for width_in, width_out in ((WIDTH, 2 * WIDTH), (2 * WIDTH, WIDTH), (WIDTH, 1)):
            layers += [torch.nn.Linear(width_in, width_out), torch.nn.Tanh(), torch.nn.Dropout(0.1)]
    return model.eval(), torch.nn.Sequential(*layers[:-2]).eval()


def state(encoder):
    """Return the scorer's state dict, with what COMET stores beside its weights."""
    model, head = parts(encoder)
    found = {f"encoder.model.{name}": tensor for name, tensor in model.state_dict().items()}
    found |= {f"estimator.ff.{name}": tensor for name, tensor in head.state_dict().items()}
    found |= {f"layerwise_attention.scalar_parameters.{i}": torch.tensor([z]) for i, z in enumerate(LAYER_LOGITS)}
    found["layerwise_attention.gamma"] = torch.tensor([1.25])
    found["layerwise_attention.dropout_mask"] = torch.zeros(LAYERS + 1)
    found["layerwise_attention.dropout_fill"] = torch.full((LAYERS + 1,), -1e20)
    found["encoder.model.embeddings.position_ids"] = torch.arange(130)[None]
    return found


def save_checkpoint(path, weights, **beside):
    """Write a checkpoint as Lightning does."""
    torch.save({"epoch": 3, "global_step": 1016, "state_dict": weights, **beside}, path)
    return path
