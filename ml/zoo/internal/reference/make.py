"""Makes reference.json: what the equations of the zoo's models compute, written out with PyTorch's functions in float64.

    pip install numpy==2.4.6 torch==2.6.0
    python make.py

Weights are a formula of their path and place, which reference.go has too. Pictures are [B, H, W, C] here as there.
"""
import json
import math
import os

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(7)
cases = {"versions": {}}


def weights(path, *dims):
    h = 2166136261
    for c in path.encode():
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    n = math.prod(dims)
    with np.errstate(over="ignore"):
        v = np.uint32(h) + np.arange(1, n + 1, dtype=np.uint32) * np.uint32(2654435761)
        v = (v ^ v >> np.uint32(16)) * np.uint32(0x7FEB352D)
        v = (v ^ v >> np.uint32(15)) * np.uint32(0x846CA68B)
        v ^= v >> np.uint32(16)
    scale, about = 0.3, 0.0
    if len(dims) > 1:
        scale = math.sqrt(3 * dims[-1] / n)
    elif path.endswith("/gain"):
        about = 1.0
    return torch.from_numpy((about + scale * (v / 2**31 - 1)).astype(np.float32).astype(np.float64).reshape(dims))


def fresh(*dims, low=None):
    x = rng.standard_normal(dims) if low is None else rng.uniform(low, 1, dims)
    return torch.from_numpy(x.round(4))


def integers(below, *dims):
    return torch.from_numpy(rng.integers(0, below, dims))


def array(x):
    x = torch.as_tensor(x)
    return {"dims": list(x.shape), "data": [float(f"{v:.9g}") for v in x.flatten().tolist()]}


def case(name, **arrays):
    cases[name] = {k: array(v) for k, v in arrays.items()}


def dense(path, x, *out, bias=True):
    y = x @ weights(path + "/weights", x.shape[-1], math.prod(out))
    return (y + weights(path + "/biases", math.prod(out)) if bias else y).reshape(*x.shape[:-1], *out)


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def conv(path, x, out, size, stride=1, pad=None):
    """pad is [before, after] of both axes; None is that which keeps the size."""
    w = weights(path + "/weights", size, size, x.shape[-1], out).permute(3, 2, 0, 1)
    pad = pad or [(size - 1) // 2, size // 2]
    return last(F.conv2d(F.pad(first(x), pad * 2), w, weights(path + "/biases", out), stride))


def transposed(path, x, out):
    w = weights(path + "/weights", 4, 4, x.shape[-1], out).permute(2, 3, 0, 1)
    return last(F.conv_transpose2d(first(x), w, weights(path + "/biases", out), 2, 1))


def group_norm(path, x, groups):
    return last(F.group_norm(first(x), groups, weights(path + "/gain", x.shape[-1]), weights(path + "/offset", x.shape[-1])))


# The first nets.
x = fresh(3, 2, 4)
h = torch.tanh(dense("/hidden_1", torch.tanh(dense("/hidden_0", x.flatten(1), 6)), 5))
case("mlp", x=x, y=dense("/readout", h, 3))
for side in (28, 32):
    x = fresh(1, side, side, 1)
    pool = lambda v: last(F.avg_pool2d(first(v), 2))
    h = pool(torch.tanh(conv("/conv_0", x, 6, 5, pad=[2, 2] if side == 28 else [0, 0])))
    h = pool(torch.tanh(conv("/conv_1", h, 16, 5, pad=[0, 0])))
    h = torch.tanh(dense("/dense_1", torch.tanh(dense("/dense_0", h.flatten(1), 120)), 84))
    case(f"lenet{side}", x=x, y=dense("/readout", h, 10))


# U-Net.
class UNet:
    def __init__(self, widths, heads, groups, blocks, out):
        self.widths, self.heads, self.groups, self.blocks, self.out = widths, heads, groups, blocks, out

    def norm(self, path, x):
        return F.silu(group_norm(path, x, self.groups))

    def block(self, path, x, width, heads):
        h = conv(path + "/conv1", self.norm(path + "/norm1", x), width, 3)
        if self.about is not None:
            h = h + dense(path + "/time", self.about, width)[:, None, None, :]
        h = conv(path + "/conv2", self.norm(path + "/norm2", h), width, 3)
        x = h + (conv(path + "/shortcut", x, width, 1) if x.shape[-1] != width else x)
        if heads:
            path += "/attention"
            B, H, W, C = x.shape
            flat = group_norm(path + "/norm", x, self.groups).reshape(B, H * W, C)
            q, k, v = (dense(f"{path}/{name}", flat, heads, C // heads).transpose(1, 2) for name in ("query", "key", "value"))
            y = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(C // heads), -1) @ v
            x = x + dense(path + "/output", y.transpose(1, 2).reshape(B, H * W, C), C).reshape(x.shape)
        return x

    def __call__(self, x, t=None, classes=None, kinds=0):
        w, e, top = self.widths[0], None, len(self.widths) - 1
        if t is not None:
            angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(w // 2) / (w // 2))
            e = torch.cat([angles.sin(), angles.cos()], 1)
            e = dense("/time/out", F.silu(dense("/time/in", e, 4 * w)), 4 * w)
        if classes is not None:
            e = (0 if e is None else e) + weights("/classes", kinds + 1, 4 * w)[classes]
        self.about = None if e is None else F.silu(e)
        h = conv("/stem", x, w, 3)
        down = [h]
        for k, width in enumerate(self.widths):
            for i in range(self.blocks):
                h = self.block(f"/down_{k}_{i}", h, width, self.heads[k])
                down.append(h)
            if k < top:
                h = conv(f"/shrink_{k}", h, width, 3, 2)
                down.append(h)
        h = self.block("/middle_0", h, self.widths[top], self.heads[top])
        h = self.block("/middle_1", h, self.widths[top], 0)
        for k in range(top, -1, -1):
            for i in range(self.blocks + 1):
                h = self.block(f"/up_{k}_{i}", torch.cat([h, down.pop()], -1), self.widths[k], self.heads[k])
            if k:
                h = conv(f"/grow_{k}", h.repeat_interleave(2, 1).repeat_interleave(2, 2), self.widths[k], 3)
        return conv("/output", self.norm("/norm", h), self.out, 3)


net = UNet([8, 12], [0, 3], 4, 1, 3)
x, t, classes = fresh(2, 8, 4, 3), torch.tensor([3.25, 870.0]), torch.tensor([1, 5])
case("unet", x=x, t=t, classes=classes, y=net(x, t, classes, 5))
x = fresh(1, 4, 4, 2)
case("unet-plain", x=x, y=UNet([4], [0], 2, 2, 1)(x))

# VAE.
x, codes = fresh(2, 8, 12, 1, low=0), fresh(2, 3)
h = F.relu(conv("/encoder/conv_1", F.relu(conv("/encoder/conv_0", x, 4, 3, 2)), 6, 3, 2)).flatten(1)
mean, log_variance = dense("/encoder/mean", h, 3), dense("/encoder/log_variance", h, 3)
decode = lambda z: transposed("/decoder/conv_0", F.relu(transposed("/decoder/conv_1", F.relu(dense("/decoder/dense", z, 2 * 3 * 6)).reshape(-1, 2, 3, 6), 4)), 1)
kl = torch.distributions.kl_divergence(torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0.0, 1.0)).sum(1)
logits = decode(codes)
bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / 2
case("vae", x=x, codes=codes, mean=mean, logVariance=log_variance, logits=logits, kl=kl, reconstructed=torch.sigmoid(decode(mean)), loss=bce + 0.5 * kl.mean())

# Diffusion: Ho et al. 2020, Song et al. 2020 and Lipman et al. 2022, with a net whose answer is a formula of x and t.
net = lambda z, t: torch.tanh(z) * 0.5 + torch.sin(t / 100)
T = 20
linear = np.linspace(1e-3, 0.2, T)
f = lambda t: math.cos((t / T + 0.008) / 1.008 * math.pi / 2) ** 2
cosine = np.array([min(1 - f(t + 1) / f(t), 0.999) for t in range(T)])
case("betas", linear=linear, cosine=cosine)
data, noise = fresh(2, 3), fresh(2, 3)
for name, betas in (("linear", linear), ("cosine", cosine)):
    alphas, bars = 1 - betas, np.cumprod(1 - betas)
    ab, nb = torch.from_numpy(np.sqrt(bars))[:, None, None], torch.from_numpy(np.sqrt(1 - bars))[:, None, None]
    case("noised-" + name, data=data, noise=noise, z=ab * data + nb * noise, velocity=ab * noise - nb * data)
    # DDIM over five of the steps, with the net's answer taken for each of the targets.
    times = [int(round((T - 1) * (4 - i) / 4)) for i in range(5)]
    for target in ("noise", "data", "velocity"):
        x = noise
        for i, t in enumerate(times):
            a = bars[t]
            b = bars[times[i + 1]] if i < 4 else 1.0
            y = net(x, torch.tensor(float(t)))
            if target == "noise":
                e, d = y, (x - math.sqrt(1 - a) * y) / math.sqrt(a)
            elif target == "data":
                e, d = (x - math.sqrt(a) * y) / math.sqrt(1 - a), y
            else:
                e, d = math.sqrt(a) * y + math.sqrt(1 - a) * x, math.sqrt(a) * x - math.sqrt(1 - a) * y
            x = math.sqrt(b) * d + math.sqrt(1 - b) * e
        case(f"ddim-{name}-{target}", noise=noise, x=x, data=d)
    # DDPM by the posterior of eq. 6 and 7: what each of its steps has for mean and variance, from the noise itself, at three of the steps.
    ts = [T - 1, 7, 1, 0]
    means, deviations = [], []
    for t in ts:
        before = bars[t - 1] if t else 1.0
        d = (noise - math.sqrt(1 - bars[t]) * net(noise, torch.tensor(float(t)))) / math.sqrt(bars[t])
        d = d.clamp(-1, 1)
        means.append(math.sqrt(before) * betas[t] / (1 - bars[t]) * d + math.sqrt(alphas[t]) * (1 - before) / (1 - bars[t]) * noise)
        deviations.append(math.sqrt((1 - before) / (1 - bars[t]) * betas[t]))
    case("ddpm-" + name, noise=noise, times=torch.tensor(ts), means=torch.stack(means), deviations=torch.tensor(deviations))
for heun in (False, True):
    x = noise
    for i in range(4):
        t, u = i / 4, (i + 1) / 4
        v = net(x, torch.tensor(1000 * t))
        if heun:
            v = (v + net(x + v / 4, torch.tensor(1000 * u))) / 2
        x = x + v / 4
    case("flow" + ("-heun" if heun else ""), noise=noise, x=x)

# Nets on graphs: with dense matrices, so that nothing is summed by segments here.
N, IN, OUT, HEADS = 6, 4, 5, 3
x = fresh(N, IN)
start, end = torch.tensor([0, 1, 1, 2, 3, 4, 0, 5, 2, 2]), torch.tensor([1, 0, 2, 1, 4, 3, 3, 3, 3, 3])  # one of them twice, and nobody points at 5
A = torch.zeros(N, N)
for j, i in zip(start.tolist(), end.tolist()):
    A[i, j] += 1
loops = A + torch.eye(N)
d = loops.sum(1)
gcn = (loops / d.sqrt()[:, None] / d.sqrt()[None, :]) @ dense("/gcn", x, OUT, bias=False) + weights("/gcn/biases", OUT)
sage = dense("/sage/self", x, OUT) + dense("/sage/neighbours", A @ x / A.sum(1).clamp(min=1)[:, None], OUT, bias=False)
h = dense("/gat", x, HEADS, OUT, bias=False)
score = F.leaky_relu((h * weights("/gat/from", HEADS, OUT)).sum(-1)[None, :, :] + (h * weights("/gat/to", HEADS, OUT)).sum(-1)[:, None, :], 0.2)  # [to, from, heads]
share = loops[:, :, None] * torch.exp(score)
share = share / share.sum(1, keepdim=True)
gat = torch.einsum("ijh,jho->iho", share, h).reshape(N, HEADS * OUT) + weights("/gat/biases", HEADS * OUT)
gin = dense("/gin/down", F.relu(dense("/gin/up", (1 + weights("/gin/epsilon")) * x + A @ x, OUT)), OUT)
case("gnn", x=x, start=start, end=end, gcn=gcn, sage=sage, gat=gat, gin=gin)

cases["versions"] = {"numpy": np.__version__, "torch": torch.__version__}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as out:
    json.dump(cases, out, separators=(",", ":"))
    out.write("\n")
print(cases["versions"], len(cases) - 1, "cases")
