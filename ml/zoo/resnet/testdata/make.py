"""Makes small checkpoints of ResNet as transformers writes them, with random weights, and the logits that it computes by them.

    pip install torch transformers==5.24.0
    python make.py
"""
import json, os, shutil

import torch
import transformers
from transformers import ResNetConfig, ResNetForImageClassification

here = os.path.dirname(os.path.abspath(__file__))
out = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__}}
for name, config in {"basic": ResNetConfig(num_channels=3, embedding_size=8, hidden_sizes=[8, 12], depths=[2, 1], layer_type="basic", num_labels=4),
                     "bottleneck": ResNetConfig(num_channels=1, embedding_size=6, hidden_sizes=[8, 16], depths=[1, 2], layer_type="bottleneck", downsample_in_first_stage=True, downsample_in_bottleneck=True, num_labels=3)}.items():
    torch.manual_seed(9)
    model = ResNetForImageClassification(config).eval()
    with torch.no_grad():
        for n, p in list(model.named_parameters()) + list(model.named_buffers()):
            if n.endswith("running_var"):
                p.uniform_(0.5, 2)
            elif "normalization" in n and p.is_floating_point():
                p.add_(torch.randn_like(p) * 0.3)
    folder = os.path.join(here, name)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    x = torch.randn(2, config.num_channels, 37, 32, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        logits = model(x).logits
    out[name] = {"images": [round(float(v), 6) for v in x.permute(0, 2, 3, 1).flatten()], "channels": config.num_channels, "logits": [round(float(v), 6) for v in logits.flatten()]}
with open(os.path.join(here, "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
print(out["versions"])
