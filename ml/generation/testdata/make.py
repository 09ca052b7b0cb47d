"""Makes reference.json: what the library transformers generates by a model whose logits are a table, and the distributions that it draws by.

    pip install torch transformers==5.24.0
    python make.py
"""
import json, math, os

import torch
import transformers
from transformers import GenerationConfig, PretrainedConfig, PreTrainedModel
from transformers.generation import GenerationMixin, LogitsProcessorList, MinPLogitsWarper, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper
from transformers.modeling_outputs import CausalLMOutput

V, END = 23, 0


def logit(a, b, n):
    """Of token b after a at place n; the same formula is in the test."""
    return 3 * math.sin(a * 13.7 + b * 7.1) + 1.5 * math.cos(n * 0.9 + b * 2.3)


class Config(PretrainedConfig):
    model_type = "table"

    def __init__(self, **k):
        super().__init__(**k)
        self.vocab_size = V
        self.num_hidden_layers = 1


class Table(PreTrainedModel, GenerationMixin):
    config_class = Config

    def __init__(self, config):
        super().__init__(config)
        self.w = torch.nn.Parameter(torch.zeros(1))
        self.post_init()

    def forward(self, input_ids, attention_mask=None, **k):
        rows = [[[logit(int(row[n]), b, n) for b in range(V)] for n in range(len(row))] for row in input_ids]
        return CausalLMOutput(logits=torch.tensor(rows, dtype=torch.float32))

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **k):
        return {"input_ids": input_ids}


model = Table(Config()).eval()
cases = []
for prompt in [[1], [5, 9, 2], [7, 7, 7, 3]]:
    for settings in [{}, {"num_beams": 2}, {"num_beams": 4}, {"num_beams": 4, "num_return_sequences": 3}, {"num_beams": 3, "length_penalty": 0.0}, {"num_beams": 3, "length_penalty": 2.0}, {"num_beams": 5, "early_stopping": True, "num_return_sequences": 5},
                     {"repetition_penalty": 1.8}, {"no_repeat_ngram_size": 2}, {"min_new_tokens": 6}, {"num_beams": 4, "repetition_penalty": 1.3, "no_repeat_ngram_size": 3}]:
        config = GenerationConfig(max_new_tokens=12, eos_token_id=END, pad_token_id=END, do_sample=False, return_dict_in_generate=True, output_scores=True, use_cache=False, **settings)
        out = model.generate(torch.tensor([prompt]), generation_config=config, attention_mask=torch.ones(1, len(prompt), dtype=torch.long))
        rows = [row[len(prompt):].tolist() for row in out.sequences]
        for row in rows:
            while len(row) > 1 and row[-1] == END and row[-2] == END:
                row.pop()
        scores = out.sequences_scores.tolist() if "num_beams" in settings else None
        cases.append({"prompt": prompt, "settings": settings, "tokens": rows, "scores": scores})

drawn = []
for a in range(4):
    scores = torch.tensor([[logit(a, b, a) for b in range(V)]], dtype=torch.float64)
    for t, k, p, m in [(1, 0, 0, 0), (0.5, 0, 0, 0), (2, 5, 0, 0), (1, 0, 0.7, 0), (1, 0, 0.05, 0), (0.8, 10, 0.9, 0), (1.3, 0, 0, 0.2), (0.7, 8, 0.95, 0.1), (1, 1, 0, 0)]:
        list_ = LogitsProcessorList([TemperatureLogitsWarper(float(t))] + ([TopKLogitsWarper(k)] if k else []) + ([TopPLogitsWarper(p)] if p else []) + ([MinPLogitsWarper(m)] if m else []))
        drawn.append({"after": a, "temperature": t, "k": k, "p": p, "m": m, "probabilities": torch.softmax(list_(None, scores), -1)[0].tolist()})

out = {"versions": {"transformers": transformers.__version__, "torch": torch.__version__}, "generated": cases, "drawn": drawn}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
print(out["versions"], len(cases), len(drawn))
