"""Makes small checkpoints of GPT-2, BERT and ViT as transformers writes them, with random weights, and what it computes by them.

    pip install torch transformers==5.24.0
    python make.py
"""
import json, os, shutil

import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, BertModel, GenerationConfig, GPT2Config, GPT2LMHeadModel, ViTConfig, ViTForImageClassification

here = os.path.dirname(os.path.abspath(__file__))
out = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__}}


def made(name, cls, config):
    torch.manual_seed(11)
    model = cls(config).eval()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if p.ndim == 1:
                p.add_(torch.randn_like(p) * 0.2)
    folder = os.path.join(here, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    extra = os.path.join(folder, "generation_config.json")
    if os.path.exists(extra):
        os.remove(extra)
    return model


def listed(t):
    return [round(float(x), 6) for x in t.flatten()]


small = dict(initializer_range=0.3)
gpt = made("gpt2", GPT2LMHeadModel, GPT2Config(vocab_size=47, n_positions=40, n_embd=24, n_layer=2, n_head=3, bos_token_id=0, eos_token_id=0, **small))
ids = torch.randint(1, 47, (2, 9), generator=torch.Generator().manual_seed(5))
with torch.no_grad():
    logits = gpt(ids).logits
tokens = []
for prompt in ([3, 4, 5], list(range(1, 20))):
    for beams in (1, 3):
        config = GenerationConfig(max_new_tokens=15, do_sample=False, num_beams=beams, eos_token_id=0, pad_token_id=0)
        t = gpt.generate(torch.tensor([prompt]), generation_config=config, attention_mask=torch.ones(1, len(prompt), dtype=torch.long))[0, len(prompt):].tolist()
        tokens.append({"prompt": prompt, "beams": beams, "tokens": t})
out["gpt2"] = {"ids": ids.tolist(), "logits": listed(logits), "generated": tokens}

config = BertConfig(vocab_size=41, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=32, max_position_embeddings=20, **small)
for name, cls in (("bert", BertModel), ("bert-classifier", BertForSequenceClassification)):
    bert = made(name, cls, config)
    trunk = bert if name == "bert" else bert.bert
    ids = torch.randint(1, 41, (2, 7), generator=torch.Generator().manual_seed(6))
    mask = torch.tensor([[1] * 7, [1, 1, 1, 1, 0, 0, 0]])
    kinds = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0]])
    with torch.no_grad():
        r = trunk(input_ids=ids, attention_mask=mask, token_type_ids=kinds)
        plain = trunk(input_ids=ids).last_hidden_state
    out[name] = {"ids": ids.tolist(), "mask": mask.tolist(), "kinds": kinds.tolist(), "hidden": listed(r.last_hidden_state), "pooled": listed(r.pooler_output), "plain": listed(plain)}

vit = made("vit", ViTForImageClassification, ViTConfig(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32, image_size=12, patch_size=4, num_channels=3, num_labels=5, **small))
x = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(8))
with torch.no_grad():
    r = vit(x, output_hidden_states=True)
out["vit"] = {"images": listed(x.permute(0, 2, 3, 1).contiguous()), "logits": listed(r.logits)}
with open(os.path.join(here, "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
print(out["versions"])
