"""Makes reference.json: what the layers of package layers and of those below it compute, by PyTorch.

    pip install numpy==2.4.6 scipy==1.17.1 torch==2.6.0
    python make.py > reference.json

Each case has variables by their paths in the layer's scope, inputs and results of several steps one after the other, in a graph that trains or
not. Where PyTorch has the layer its module is used, in float64; else the equation of the layer's comment stands here, one term after the other.
"""

import json
import math

import numpy as np
import scipy
import scipy.interpolate
import scipy.optimize
import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
cases = []


def array(x):
    x = x.detach().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)
    if x.dtype.kind in "iu":
        return {"dtype": "int32", "dims": list(x.shape), "data": [int(v) for v in x.ravel()]}
    return {"dtype": "float64", "dims": list(x.shape), "data": [float(f"{v:.12g}") for v in x.ravel()]}


def case(layer, steps, variables=None, training=False, after=None):
    """steps are pairs of inputs and results; after are variables as they are behind the last step."""
    aslist = lambda x: list(x) if isinstance(x, (list, tuple)) else [x]
    cases.append({
        "layer": layer, "training": training,
        "variables": {k: array(v) for k, v in (variables or {}).items()},
        "steps": [{"in": [array(x) for x in aslist(i)], "out": [array(y) for y in aslist(o)]} for i, o in steps],
        "after": {k: array(v) for k, v in (after or {}).items()},
    })


def f(*dims, scale=1.0):
    return torch.from_numpy((np.random.default_rng(len(cases) * 1000 + sum(dims) + f.n).standard_normal(dims) * scale).round(4)).clone()


f.n = 0


def fresh(*dims, scale=1.0):
    f.n += 1
    return f(*dims, scale=scale)


def last(x):  # channels behind the batch become the last axis
    return torch.movedim(x, 1, -1)


def first(x):
    return torch.movedim(x, -1, 1)


def randomised(module):
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(fresh(*p.shape, scale=0.5))
    return module


def two(fn, *dims):
    """Two steps."""
    out = []
    for _ in range(2):
        x = fresh(*dims)
        out.append((x, fn(x)))
    return out


# Activations by name.
for name, fn in {
    "relu": F.relu, "leaky_relu": F.leaky_relu, "elu": F.elu, "selu": F.selu, "gelu": F.gelu, "gelu_approximate": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu, "sigmoid": torch.sigmoid, "hard_sigmoid": F.hardsigmoid, "hard_swish": F.hardswish, "tanh": torch.tanh, "softplus": F.softplus,
    "mish": F.mish, "softsign": F.softsign, "celu": F.celu, "relu6": F.relu6, "hard_tanh": F.hardtanh, "log_sigmoid": F.logsigmoid,
    "tanh_shrink": F.tanhshrink, "soft_shrink": F.softshrink, "hard_shrink": F.hardshrink, "squared_relu": lambda x: F.relu(x) ** 2, "none": lambda x: x,
}.items():
    x = fresh(15, scale=3)
    case("layers.Activation/" + name, [(x, fn(x))])
case("layers.ActivationFromScope", two(F.relu, 3, 4))
case("layers.GLU", two(F.glu, 2, 6))
for name, fn in {"GeGLU": F.gelu, "ReGLU": F.relu, "SwiGLU": F.silu}.items():
    case("layers." + name, two(lambda x: fn(x[..., :3]) * x[..., 3:], 2, 6))
w = fresh(4)
case("layers.PRelu", two(lambda x: F.prelu(x.reshape(-1, 4), w).reshape(x.shape), 2, 3, 4), {"slopes": w})

# Dense, embedding, dropout outside of training.
w, b = fresh(4, 6), fresh(6)
case("layers.Dense", two(lambda x: (x @ w + b).reshape(2, 3, 2, 3), 2, 3, 4), {"weights": w, "biases": b})
w = fresh(5, 3)
ids = torch.tensor([[0, 4], [2, 2]], dtype=torch.int32)
case("layers.Embedding", [(ids, w[ids.long()])], {"embeddings": w})
for name in ["Dropout", "DropoutFromScope", "DropPath"]:
    case("layers." + name, two(lambda x: x, 2, 3, 3, 2))
case("layers.DropBlock", two(lambda x: x, 2, 3, 3, 2))

# Convolutions.
w, b = fresh(4, 2, 3, 2), fresh(4)
case("layers.Convolution/groups", two(lambda x: last(F.conv2d(first(x), w, b, stride=2, dilation=1, groups=2)), 2, 7, 6, 4), {"weights": w.permute(2, 3, 1, 0), "biases": b})
w, b = fresh(3, 2, 3), fresh(3)
case("layers.Convolution/causal", two(lambda x: last(F.conv1d(F.pad(first(x), (4, 0)), w, b, dilation=2)), 2, 6, 2), {"weights": w.permute(2, 1, 0), "biases": b})
w, b = fresh(4, 3, 3, 2), fresh(6)
case("conv.Transposed", two(lambda x: last(F.conv_transpose2d(first(x), w, b, stride=(2, 3), output_padding=(1, 0), groups=2)), 2, 3, 4, 4), {"weights": w.permute(2, 3, 0, 1), "biases": b})
w, b = fresh(6, 1, 3), fresh(6)
case("conv.Depthwise", two(lambda x: last(F.conv1d(first(x), w, b, groups=3)), 2, 6, 3), {"weights": w.permute(2, 1, 0), "biases": b})
d, p, b = fresh(3, 1, 3, 3), fresh(5, 3, 1, 1), fresh(5)
case("conv.Separable", two(lambda x: last(F.conv2d(F.conv2d(first(x), d, padding=1, groups=3), p, b)), 2, 5, 4, 3), {"depthwise/weights": d.permute(2, 3, 1, 0), "pointwise/weights": p.permute(2, 3, 1, 0), "pointwise/biases": b})
case("conv.GlobalMeanPool", two(lambda x: x.mean((1, 2)), 2, 3, 4, 5))
case("conv.GlobalMaxPool", two(lambda x: x.amax((1, 2)), 2, 3, 4, 5))
case("conv.Upsample", two(lambda x: last(F.interpolate(first(x), scale_factor=3, mode="nearest")), 2, 2, 3, 2))

# Norms. BatchNorm: PyTorch keeps the unbiased variance, Quire as Keras the biased one, which its batches are set to here.
g, b = fresh(3), fresh(3)
case("layers.LayerNorm", two(lambda x: F.layer_norm(x, (3,), g, b), 2, 4, 3), {"gain": g, "offset": b})
case("layers.RMSNorm", two(lambda x: F.rms_norm(x, (3,), g, 1e-6), 2, 4, 3), {"gain": g})
m, v = torch.zeros(3), torch.ones(3)
steps = []
for _ in range(3):
    x = fresh(4, 2, 3)
    steps.append((x, last(F.batch_norm(first(x), None, None, g, b, training=True))))
    m, v = 0.9 * m + 0.1 * x.mean((0, 1)), 0.9 * v + 0.1 * x.var((0, 1), correction=0)
case("layers.BatchNorm/training", steps, {"gain": g, "offset": b}, training=True, after={"mean": m, "variance": v})
m, v = fresh(3), fresh(3).abs() + 0.5
case("layers.BatchNorm/evaluating", two(lambda x: last(F.batch_norm(first(x), m, v, g, b)), 4, 2, 3), {"gain": g, "offset": b, "mean": m, "variance": v})
g, b = fresh(4), fresh(4)
case("norm.Group", two(lambda x: last(F.group_norm(first(x), 2, g, b)), 2, 3, 2, 4), {"gain": g, "offset": b})
case("norm.Instance", two(lambda x: last(F.instance_norm(first(x), weight=g, bias=b)), 2, 3, 2, 4), {"gain": g, "offset": b})
a = torch.tensor(0.7)
case("norm.DyT", two(lambda x: g * torch.tanh(a * x) + b, 2, 3, 4), {"alpha": a, "gain": g, "offset": b})
case("norm.ByName", two(lambda x: F.rms_norm(x, (4,), g, 1e-6), 2, 3, 4), {"gain": g})
case("norm.FromScope", two(lambda x: F.layer_norm(x, (4,), g, b), 2, 3, 4), {"gain": g, "offset": b})
gain = fresh(5).abs() + 0.5
case("norm.Weight", two(lambda w: torch._weight_norm(w.T.contiguous(), gain[:, None], 0).T, 4, 5), {"gain": gain})
lin = torch.nn.utils.spectral_norm(torch.nn.Linear(4, 5))
u = fresh(5)
lin.weight_u.copy_(u)
steps = []
for _ in range(3):  # torch's first step, that of the hook, in training
    w = fresh(5, 4)
    with torch.no_grad():
        lin.weight_orig.copy_(w)
    lin.train()
    lin(fresh(1, 4))
    steps.append((w.T, lin.weight.detach().clone().T))
case("norm.Spectral", steps, {"u": u}, training=True, after={"u": lin.weight_u})


# Recurrent layers: PyTorch's modules, gates in its order; its two biases are one, but for the candidate of the GRU.
def recurrent(module, prefix="", layer=0, reverse=False, hidden=3):
    s = f"_l{layer}" + ("_reverse" if reverse else "")
    wi, wh, bi, bh = (getattr(module, n + s).detach() for n in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
    out = {prefix + "weights": wi.T, prefix + "recurrent": wh.T}
    if isinstance(module, torch.nn.GRU):
        b = bi + bh
        b[2 * hidden:] = bi[2 * hidden:]
        out |= {prefix + "biases": b, prefix + "candidate_biases": bh[2 * hidden:]}
    else:
        out |= {prefix + "biases": bi + bh}
    return out


for name in ["RNN", "GRU", "LSTM"]:
    module = getattr(torch.nn, name)
    state = lambda s: list(s) if name == "LSTM" else [s]
    m = randomised(module(2, 3, batch_first=True))

    def run(x):
        y, s = m(x)
        return [y] + [h[0] for h in state(s)]

    case("rnn." + name, two(run, 2, 4, 2), recurrent(m))

    # Two layers, both directions, an initial state, sequences of several lengths.
    m = randomised(module(2, 3, num_layers=2, batch_first=True, bidirectional=True))
    variables = {}
    for layer in range(2):
        for reverse in [False, True]:
            variables |= recurrent(m, f"layer{layer}/{'backward' if reverse else 'forward'}/", layer, reverse)
    steps = []
    for lengths in [[5, 2, 3], [1, 5, 4]]:
        x = fresh(3, 5, 2)
        h0 = [fresh(4, 3, 3) for _ in range(2 if name == "LSTM" else 1)]
        packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
        y, s = m(packed, tuple(h0) if name == "LSTM" else h0[0])
        y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=5)
        flat = lambda states: [h[i] for i in range(4) for h in states]
        steps.append(([x, torch.tensor(lengths, dtype=torch.int32)] + flat(h0), [y] + flat(state(s))))
    case(f"rnn.{name}/stacked", steps, variables)

    cell = randomised(getattr(torch.nn, name + "Cell")(2, 3))
    for p in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]:
        setattr(m, p + "_l0", torch.nn.Parameter(getattr(cell, p).detach()))
    steps = []
    for _ in range(2):
        x, h, c = fresh(2, 2), fresh(2, 3), fresh(2, 3)
        steps.append(([x, h, c], list(cell(x, (h, c)))) if name == "LSTM" else ([x, h], cell(x, h)))
    case(f"rnn.{name}Cell", steps, recurrent(m))

# Peepholes, which PyTorch does not have.
wi, wh, b, pi, pf, po = fresh(2, 12, scale=0.5), fresh(3, 12, scale=0.5), fresh(12), fresh(3), fresh(3), fresh(3)


def peephole(x):
    h, c, ys = torch.zeros(2, 3), torch.zeros(2, 3), []
    for t in range(x.shape[1]):
        i, fo, g, o = (x[:, t] @ wi + h @ wh + b).split(3, -1)
        i, fo = torch.sigmoid(i + pi * c), torch.sigmoid(fo + pf * c)
        c = fo * c + i * torch.tanh(g)
        h = torch.sigmoid(o + po * c) * torch.tanh(c)
        ys.append(h)
    return torch.stack(ys, 1)


case("rnn.LSTM/peephole", two(peephole, 2, 4, 2), {"weights": wi, "recurrent": wh, "biases": b, "input_peephole": pi, "forget_peephole": pf, "output_peephole": po})


# Attention.
def heads(x, n):
    return x.reshape(*x.shape[:2], n, -1).transpose(1, 2)  # [B, H, T, D]


def attention_variables(dq, dk, h, kv, d, e, out):
    v = {}
    for name, i, o in [("query", dq, h * d), ("key", dk, kv * d), ("value", dk, kv * e), ("output", h * e, out)]:
        v |= {name + "/weights": fresh(i, o, scale=0.5), name + "/biases": fresh(o)}
    return v


def attend(v, q, m, h, kv, change=lambda q, k: (q, k), score=lambda s: s, scale=None):
    lin = lambda n, x: x @ v[n + "/weights"] + v[n + "/biases"]
    qh, kh, vh = heads(lin("query", q), h), heads(lin("key", m), kv), heads(lin("value", m), kv)
    qh, kh = change(qh, kh)
    kh, vh = kh.repeat_interleave(h // kv, 1), vh.repeat_interleave(h // kv, 1)
    s = qh @ kh.transpose(-1, -2) * (scale or qh.shape[-1] ** -0.5)
    p = torch.softmax(score(s), -1)
    y = (p @ vh).transpose(1, 2)
    return lin("output", y.reshape(*y.shape[:2], -1)), p


def visible(tq, tk, window):
    i, j = torch.arange(tq)[:, None], torch.arange(tk)[None]
    return (j <= i) & (i - j < window)


v = attention_variables(4, 4, 4, 4, 2, 2, 4)
mha = torch.nn.MultiheadAttention(8, 4, bias=True, batch_first=True)
big = attention_variables(8, 8, 4, 4, 2, 2, 8)
with torch.no_grad():
    mha.in_proj_weight.copy_(torch.cat([big[n + "/weights"].T for n in ["query", "key", "value"]]))
    mha.in_proj_bias.copy_(torch.cat([big[n + "/biases"] for n in ["query", "key", "value"]]))
    mha.out_proj.weight.copy_(big["output/weights"].T)
    mha.out_proj.bias.copy_(big["output/biases"])
case("layers.SelfAttention", two(lambda x: mha(x, x, x, average_attn_weights=False), 2, 3, 8), big)
v = attention_variables(4, 3, 4, 2, 2, 3, 5)
case("layers.MultiHeadAttention", [((q, m), attend(v, q, m, 4, 2)[0]) for q, m in [(fresh(2, 3, 4), fresh(2, 5, 3)) for _ in range(2)]], v)
v = attention_variables(4, 4, 4, 2, 4, 4, 4)
case("layers.SelfAttention/window", two(lambda x: attend(v, x, x, 4, 2, score=lambda s: s.masked_fill(~visible(6, 6, 3), -math.inf), scale=0.3)[0], 2, 6, 4), v)
case("layers.SelfAttention/soft cap", two(lambda x: attend(v, x, x, 4, 2, score=lambda s: (1.5 * torch.tanh(s / 1.5)).masked_fill(~visible(6, 6, 9), -math.inf))[0], 2, 6, 4), v)
bias = fresh(4, 6, 6)
case("layers.SelfAttention/bias", [((x, bias), attend(v, x, x, 4, 2, score=lambda s: (s + bias).masked_fill(~visible(6, 6, 9), -math.inf))[0]) for x in [fresh(2, 6, 4), fresh(2, 6, 4)]], v)
slopes = torch.tensor([2.0 ** -2, 2.0 ** -4, 2.0 ** -6, 2.0 ** -8])
distance = (torch.arange(6)[:, None] - torch.arange(6)[None]).abs()
case("layers.SelfAttention/ALiBi", two(lambda x: attend(v, x, x, 4, 2, score=lambda s: (s - slopes[:, None, None] * distance).masked_fill(~visible(6, 6, 9), -math.inf))[0], 2, 6, 4), v)
gq, gk = fresh(4), fresh(4)
qk = lambda q, k: (F.rms_norm(q, (4,), gq, 1e-6), F.rms_norm(k, (4,), gk, 1e-6))
case("layers.SelfAttention/QK norm", two(lambda x: attend(v, x, x, 4, 2, change=qk)[0], 2, 6, 4), v | {"query_norm/gain": gq, "key_norm/gain": gk})


# Rotary positions, as in Hugging Face transformers' modeling_rope_utils.
def frequencies(d, base=10000.0, kind="", factor=1.0, original=0, low=1.0, high=4.0, fast=32.0, slow=1.0):
    if kind == "ntk":
        base = base * factor ** (d / (d - 2))
    inv = 1.0 / base ** (torch.arange(0, d, 2) / d)
    if kind == "linear":
        inv = inv / factor
    if kind == "llama3":
        wavelen = 2 * math.pi / inv
        scaled = torch.where(wavelen > original / low, inv / factor, inv)
        smooth = (original / wavelen - low) / (high - low)
        smoothed = (1 - smooth) * scaled / factor + smooth * scaled
        medium = ~(wavelen < original / high) * ~(wavelen > original / low)
        inv = torch.where(medium, smoothed, scaled)
    size = 1.0
    if kind == "yarn":
        find = lambda turns: (d * math.log(original / (turns * 2 * math.pi))) / (2 * math.log(base))
        lo, hi = max(math.floor(find(fast)), 0), min(math.ceil(find(slow)), d - 1)
        ramp = torch.clamp((torch.arange(d // 2) - lo) / max(hi - lo, 0.001), 0, 1)
        inv = inv / factor * ramp + inv * (1 - ramp)
        size = 0.1 * math.log(factor) + 1
    return inv, size


def rope(x, positions, interleaved=False, dims=None, **kw):  # x is [B, T, H, D]
    d = dims or x.shape[-1]
    inv, size = frequencies(d, **kw)
    angles = positions[..., None].double() * inv
    angles = angles[:, :, None] if angles.dim() == 3 else angles[None, :, None]
    cos, sin, t = torch.cos(angles) * size, torch.sin(angles) * size, x[..., :d]
    if interleaved:
        a, b = t[..., 0::2], t[..., 1::2]
        y = torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
    else:
        a, b = t[..., : d // 2], t[..., d // 2:]
        y = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
    return torch.cat([y, x[..., d:]], -1)


p1, p2 = torch.tensor([0, 1, 5, 9], dtype=torch.int32), torch.tensor([[3, 1, 400, 9], [0, 70, 2, 2]], dtype=torch.int32)
for name, kw in {"plain": {}, "interleaved": {"interleaved": True}, "part": {"dims": 4, "base": 500.0}, "linear": {"kind": "linear", "factor": 4.0}, "ntk": {"kind": "ntk", "factor": 4.0},
                 "yarn": {"kind": "yarn", "factor": 4.0, "original": 64}, "llama3": {"kind": "llama3", "factor": 8.0, "original": 64}}.items():
    case("layers.RotaryPositions/" + name, [((x, p), rope(x, p, **kw)) for x, p in [(fresh(2, 4, 2, 8), p1), (fresh(2, 4, 2, 8), p2)]])
at = torch.arange(6)
turn = lambda q, k: (rope(q.transpose(1, 2), at).transpose(1, 2), rope(k.transpose(1, 2), at).transpose(1, 2))
case("layers.SelfAttention/rotary", two(lambda x: attend(v, x, x, 4, 2, change=turn)[0], 2, 6, 4), v)
w = fresh(5, 4)
case("layers.LearnedPositions", two(lambda x: x + w[:3], 2, 3, 4), {"positions": w})
pe = torch.zeros(6, 4)
angle = torch.arange(6)[:, None] * torch.exp(torch.arange(0, 4, 2) * (-math.log(10000.0) / 4))
pe[:, 0::2], pe[:, 1::2] = torch.sin(angle), torch.cos(angle)
case("layers.SinusoidalPositions", two(lambda x: x + pe, 2, 6, 4))

# Blocks.
w0, b0, g, o, w1, b1, w2, b2 = fresh(4, 5), fresh(5), fresh(5), fresh(5), fresh(5, 5), fresh(5), fresh(5, 3), fresh(3)


def stack(x):
    h = F.gelu(F.layer_norm(x @ w0 + b0, (5,), g, o))
    h = h + F.gelu(F.layer_norm(h @ w1 + b1, (5,), g, o))
    return h @ w2 + b2


case("blocks.FeedForward", two(stack, 2, 3, 4), {"hidden0/weights": w0, "hidden0/biases": b0, "hidden0/norm/gain": g, "hidden0/norm/offset": o, "hidden1/weights": w1, "hidden1/biases": b1, "hidden1/norm/gain": g, "hidden1/norm/offset": o, "output/weights": w2, "output/biases": b2})
g, u, d = fresh(4, 6), fresh(4, 6), fresh(6, 4)
case("blocks.GatedFeedForward", two(lambda x: (F.silu(x @ g) * (x @ u)) @ d, 2, 3, 4), {"gate/weights": g, "up/weights": u, "down/weights": d})
w0, b0, w1, b1 = fresh(4, 2), fresh(2), fresh(2, 4), fresh(4)
case("blocks.SqueezeExcite", two(lambda x: x * torch.sigmoid(F.relu(x.mean((1, 2)) @ w0 + b0) @ w1 + b1)[:, None, None], 2, 3, 2, 4), {"squeeze/weights": w0, "squeeze/biases": b0, "excite/weights": w1, "excite/biases": b1})
k1, k2, ks = fresh(3, 2, 3, 3, scale=0.4), fresh(3, 3, 3, 3, scale=0.4), fresh(3, 2, 1, 1)
n = {s: [fresh(3), fresh(3), fresh(3), fresh(3).abs() + 0.5] for s in ["1", "2", "_shortcut"]}


def normed(x, s):
    gain, offset, mean, variance = n[s]
    return F.batch_norm(x, mean, variance, gain, offset)


def residual(x):
    x = first(x)
    y = normed(F.conv2d(F.relu(normed(F.conv2d(x, k1, padding=1), "1")), k2, padding=1), "2")
    return last(F.relu(y + normed(F.conv2d(x, ks), "_shortcut")))


variables = {f"conv{s}/weights": k.permute(2, 3, 1, 0) for s, k in {"1": k1, "2": k2, "_shortcut": ks}.items()}
for s, values in n.items():
    variables |= dict(zip([f"norm{s}/gain", f"norm{s}/offset", f"norm{s}/mean", f"norm{s}/variance"], values))
case("blocks.Residual", two(residual, 1, 4, 5, 2), variables)
names = {"down0/conv1": (2, 1), "down0/conv2": (2, 2), "down1/conv1": (3, 2), "down1/conv2": (3, 3), "up0/conv1": (2, 4), "up0/conv2": (2, 2)}
k = {s: (fresh(*d, 3, 3, scale=0.5), fresh(d[0])) for s, d in names.items()}
gw, gb, ow, ob = fresh(3, 2, 2, 2), fresh(2), fresh(2, 2, 1, 1), fresh(2)


def unet(x):
    conv = lambda s, x: F.relu(F.conv2d(x, *k[s], padding=1))
    x0 = conv("down0/conv2", conv("down0/conv1", first(x)))
    x1 = conv("down1/conv2", conv("down1/conv1", F.max_pool2d(x0, 2)))
    y = torch.cat([x0, F.conv_transpose2d(x1, gw, gb, stride=2)], 1)
    return last(F.conv2d(conv("up0/conv2", conv("up0/conv1", y)), ow, ob))


variables = {}
for s, (w, b) in k.items():
    variables |= {s + "/weights": w.permute(2, 3, 1, 0), s + "/biases": b}
case("blocks.UNet", two(unet, 1, 4, 6, 1), variables | {"up0/grow/weights": gw.permute(2, 3, 0, 1), "up0/grow/biases": gb, "output/weights": ow.permute(2, 3, 1, 0), "output/biases": ob})
r, g, u, d = fresh(4, 3), fresh(3, 4, 5), fresh(3, 4, 5), fresh(3, 5, 4)


def experts(x):
    s = x @ r
    best, chosen = s.topk(2, -1)
    p = torch.zeros_like(s).scatter(-1, chosen, torch.softmax(best, -1))
    y = sum(p[..., e:e + 1] * ((F.silu(x @ g[e]) * (x @ u[e])) @ d[e]) for e in range(3))
    part = (p > 0).double().reshape(-1, 3).mean(0)
    return [y, 3 * (part * torch.softmax(s, -1).reshape(-1, 3).mean(0)).sum() / 2]


case("blocks.Experts", two(experts, 2, 3, 4), {"router/weights": r, "gate": g, "up": u, "down": d})
m = {"input/weights": fresh(4, 16, scale=0.5), "conv/weights": fresh(4, 1, 8, scale=0.5), "conv/biases": fresh(8), "select/weights": fresh(8, 7, scale=0.5), "step/weights": fresh(1, 8), "biases": fresh(8), "decay": fresh(8, 3), "skip": fresh(8), "output/weights": fresh(8, 4)}


def mamba(x):
    u, z = (x @ m["input/weights"]).split(8, -1)
    u = F.silu(last(F.conv1d(F.pad(first(u), (3, 0)), m["conv/weights"].permute(2, 1, 0), m["conv/biases"], groups=8)))
    s = u @ m["select/weights"]
    delta = F.softplus(s[..., :1] @ m["step/weights"] + m["biases"])
    b, c = s[..., 1:4], s[..., 4:]
    h, ys = torch.zeros(x.shape[0], 8, 3), []
    for t in range(x.shape[1]):
        h = torch.exp(-delta[:, t, :, None] * torch.exp(m["decay"])) * h + delta[:, t, :, None] * b[:, t, None] * u[:, t, :, None]
        ys.append((h * c[:, t, None]).sum(-1))
    y = torch.stack(ys, 1) + m["skip"] * u
    return (y * F.silu(z)) @ m["output/weights"]


case("blocks.Mamba", two(mamba, 2, 7, 4), m)

# Kolmogorov-Arnold networks.
base, c = fresh(2, 3), fresh(2, 6, 3)
knots = np.array([-1 + (i - 3) * 2 / 3 for i in range(10)])


def basis(x, knots, degree):
    n = len(knots) - degree - 1
    cols = []
    for k in range(n):
        own = scipy.interpolate.BSpline(knots, np.eye(n)[k], degree, extrapolate=False)
        cols.append(np.nan_to_num(own(x.numpy())))
    return torch.from_numpy(np.stack(cols, -1))


half = lambda *dims: torch.tanh(fresh(*dims))
steps = lambda fn, *dims: [(x, fn(x)) for x in [half(*dims), half(*dims)]]
case("kan.Basis", steps(lambda x: basis(x, knots, 3), 4, 3))
case("kan.BSpline", steps(lambda x: F.silu(x) @ base + torch.einsum("...ik,iko->...o", basis(x, knots, 3), c), 2, 4, 2), {"base": base, "coefficients": c})
at = np.linspace(-1, 1, 6)
linear = lambda x: torch.stack([sum(torch.from_numpy(np.interp(x[..., i].numpy(), at, c[i, :, o].numpy())) for i in range(2)) for o in range(3)], -1)
case("kan.PiecewiseLinear", two(linear, 2, 4, 2), {"coefficients": c})
edge = torch.tensor([-1 + 2 * k / 6 for k in range(1, 6)])


def discrete(x):
    y = c[:, 0].sum(0).expand(*x.shape[:-1], 3)
    for i in range(2):
        for k in range(5):
            y = y + torch.sigmoid((x[..., i, None] - edge[k]) / 0.05) * (c[i, k + 1] - c[i, k])
    return y


case("kan.Discrete", two(discrete, 2, 4, 2), {"coefficients": c})
a, b = fresh(2, 6, 3), fresh(2, 4)
powers = lambda x, n: torch.stack([x ** j for j in range(n + 1)], -1)
case("kan.Rational", two(lambda x: torch.einsum("...ij,ijo->...o", powers(x, 5) / (1 + (powers(x, 4)[..., 1:] * b).sum(-1).abs())[..., None], a), 2, 4, 2), {"numerator": a, "denominator": b})
a, b = fresh(2, 6), fresh(2, 4)
groups = torch.tensor([0, 0, 1, 1])
case("kan.RationalActivation", two(lambda x: (powers(x, 5) * a[groups]).sum(-1) / (1 + (powers(x, 4)[..., 1:] * b[groups]).sum(-1).abs()), 2, 3, 4), {"numerator": a, "denominator": b})


def silu_fit():
    """The coefficients that RationalActivation begins with."""
    x = np.linspace(-3, 3, 601)
    y, p = x / (1 + np.exp(-x)), np.stack([x ** j for j in range(6)], 1)
    off = lambda c: p @ c[:6] / (1 + abs(p[:, 1:5] @ c[6:])) - y
    begin = np.array([0, 0.5, 0.25, 0.02, 0.01, 0, 0.0, 0.1, 0, 0.01])
    fits = [scipy.optimize.least_squares(off, begin + 0.01 * np.random.default_rng(s).standard_normal(10), max_nfev=2000, ftol=1e-14, xtol=1e-14, gtol=1e-14) for s in range(3)]
    return min(fits, key=lambda fit: fit.cost).x


# Vector neurons.
w, k = fresh(3, 4), fresh(3, 3)
case("vnn.Linear", two(lambda x: torch.einsum("bcv,co->bov", x, w), 2, 3, 3), {"weights": w})


def vrelu(x):
    d = torch.einsum("bcv,co->bov", x, k)
    p = (x * d).sum(-1, keepdim=True)
    return torch.where(p >= 0, x, x - p / (d * d).sum(-1, keepdim=True) * d)


case("vnn.Relu", two(vrelu, 2, 3, 3), {"directions": k})
g, b = fresh(3), fresh(3)
case("vnn.LayerNorm", two(lambda x: x / x.norm(dim=-1, keepdim=True) * F.layer_norm(x.norm(dim=-1), (3,), g, b)[..., None], 2, 3, 3), {"gain": g, "offset": b})
case("vnn.Dropout", two(lambda x: x, 2, 3, 3))
case("vnn.InvariantDot", [((x, y), (x * y).sum(-1)) for x, y in [(fresh(2, 3, 3), fresh(2, 3, 3)) for _ in range(2)]])

# Calibration.
t, values, s = [-1.0, 0.0, 0.5, 2.0], fresh(2, 4), fresh(2, 3)
poly = lambda x, v: torch.stack([torch.from_numpy(np.interp(x[..., i].numpy(), t, v[i].numpy())) for i in range(2)], -1)
case("calibration.PiecewiseLinear", two(lambda x: poly(x, values), 3, 2), {"values": values})
rising = torch.cat([torch.zeros(2, 1), torch.cumsum(torch.softmax(s, -1), -1)], -1)
case("calibration.PiecewiseLinear/monotonic", two(lambda x: poly(x, 2 + 3 * rising), 3, 2), {"steps": s})

print(json.dumps({"versions": {"numpy": np.__version__, "scipy": scipy.__version__, "torch": torch.__version__.split("+")[0]}, "cases": cases}, separators=(",", ":")).replace('{"layer"', '\n{"layer"'))
