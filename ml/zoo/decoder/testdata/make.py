"""Makes small checkpoints of decoders as transformers writes them, with random weights, and what it computes and generates by them.

    pip install torch transformers==5.24.0
    python make.py
"""
import json, os, shutil, sys

import torch
import transformers
from transformers import GemmaConfig, GemmaForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM

here = os.path.dirname(os.path.abspath(__file__))
small = dict(vocab_size=53, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.35, bos_token_id=1, eos_token_id=2, pad_token_id=0)
kinds = {
    "llama": (LlamaForCausalLM, LlamaConfig(**small)),
    "llama3": (LlamaForCausalLM, LlamaConfig(**small | dict(num_key_value_heads=4, tie_word_embeddings=True, rope_parameters={"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}))),
    "mistral": (MistralForCausalLM, MistralConfig(**small | dict(sliding_window=5, head_dim=6))),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**small | dict(num_key_value_heads=1))),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**small | dict(head_dim=8))),
    "gemma": (GemmaForCausalLM, GemmaConfig(**small | dict(head_dim=8, num_key_value_heads=1))),
}
out = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__}, "kinds": {}}
for name, (cls, config) in kinds.items():
    torch.manual_seed(7)
    model = cls(config).eval()
    with torch.no_grad():
        for n, p in model.named_parameters():
            if n.endswith("bias"):
                p.normal_(0, 0.3)
            elif "norm" in n:
                p.add_(torch.randn_like(p) * 0.2)
    folder = os.path.join(here, name)
    shutil.rmtree(folder, ignore_errors=True)
    if name == "qwen2":
        model = model.to(torch.bfloat16)  # written so; computed as float32 below
    model.save_pretrained(folder, max_shard_size="8KB" if name == "qwen3" else "1GB")
    model = cls.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    for extra in ("generation_config.json",):
        os.remove(os.path.join(folder, extra))
    gen = torch.Generator().manual_seed(3)
    ids = torch.randint(3, 53, (2, 11), generator=gen)
    with torch.no_grad():
        logits = model(ids).logits
    cases = []
    for prompt in ([1, 7, 9], [5] * 3 + list(range(10, 40))):
        for settings in ({}, {"num_beams": 3}):
            config = GenerationConfig(max_new_tokens=20, do_sample=False, eos_token_id=2, pad_token_id=0, **settings)
            tokens = model.generate(torch.tensor([prompt]), generation_config=config, attention_mask=torch.ones(1, len(prompt), dtype=torch.long))[0, len(prompt):].tolist()
            cases.append({"prompt": prompt, "beams": settings.get("num_beams", 1), "tokens": tokens})
    out["kinds"][name] = {"ids": ids.tolist(), "logits": [[[round(float(x), 6) for x in row] for row in rows] for rows in logits], "generated": cases}
with open(os.path.join(here, "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
print(out["versions"])
