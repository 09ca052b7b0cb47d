"""The cases for PyTorch, eager or through torch.compile."""
import os

import torch
import torch.nn as nn
import torch.nn.functional as F

from sizes import *


def tensor(x):
    return torch.from_numpy(x)


class Cases:
    def __init__(self, add, compiled):
        torch.manual_seed(1)
        self.add, self.compiled = add, compiled
        self.products()
        self.attention()
        self.losses()
        self.rows()
        self.elements()
        self.order()
        self.convolutions()
        self.models()

    def compile(self, f):
        return torch.compile(f) if self.compiled else f

    def call(self, f, *args):
        """A call without a record for gradients."""
        f = self.compile(f)

        def run():
            with torch.no_grad():
                return f(*args)

        return run

    def gradients(self, f, *args):
        """Gradients of the sum of squares of f's result by the arguments."""
        args = [a.detach().clone().requires_grad_(a.is_floating_point()) for a in args]
        wanted = [a for a in args if a.requires_grad]
        loss = self.compile(lambda *a: f(*a).square().sum())
        return lambda: torch.autograd.grad(loss(*args), wanted)

    def trainer(self, model, loss):
        adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        forward = self.compile(loss)

        def step():
            adam.zero_grad(set_to_none=True)
            forward().backward()
            adam.step()

        return step

    def products(self):
        for name, (m, k, n) in PRODUCTS.items():
            self.add(name, self.call(lambda a, b: a @ b, tensor(normal(m, k)), tensor(normal(k, n))), flops=2 * m * k * n)
        a, b = tensor(normal(64, 128, 64)), tensor(normal(64, 64, 128))
        self.add("batch_matmul_64x128x64x128", self.call(lambda a, b: a @ b, a, b), flops=2 * 64 * 128 * 64 * 128)
        a, b = tensor(normal(1024, 1024)), tensor(normal(1024, 1024))
        for name, dtype in (("f64", torch.float64), ("bf16", torch.bfloat16), ("f16", torch.float16)):
            self.add("matmul_1024_" + name, self.call(lambda a, b: a @ b, a.to(dtype), b.to(dtype)), flops=2 * 1024**3)
        a, b = (torch.randint(-8, 8, (1024, 1024), dtype=torch.int8) for _ in range(2))
        self.add("matmul_1024_int8", self.call(torch._int_mm, a, b), flops=2 * 1024**3)

    def attention(self):
        q, k, v = (tensor(normal(ATTENTION_B, ATTENTION_H, ATTENTION_T, ATTENTION_D)) for _ in range(3))
        for name, (causal, gradients, flops) in ATTENTIONS.items():
            f = lambda q, k, v, c=causal: F.scaled_dot_product_attention(q, k, v, is_causal=c)
            self.add(name, self.gradients(f, q, k, v) if gradients else self.call(f, q, k, v), flops=flops)

    def losses(self):
        x, k = tensor(normal(1024, 1024)), tensor(integers(1024, 1024))
        self.add("cross_entropy_1024", self.call(lambda x, k: F.cross_entropy(x, k, reduction="none"), x, k), elements=MILLION)
        x = x.clone().requires_grad_()
        loss = self.compile(F.cross_entropy)
        self.add("cross_entropy_grad_1024", lambda: torch.autograd.grad(loss(x, k), x), elements=MILLION)

    def rows(self):
        x, gain, offset = tensor(normal(1024, 1024)), tensor(normal(1024)), tensor(normal(1024))
        add = lambda name, f, *args: self.add(name, self.call(f, *args), elements=MILLION)
        add("softmax_1024", lambda x: torch.softmax(x, -1), x)
        add("layernorm_1024", lambda x, g, b: F.layer_norm(x, (1024,), g, b), x, gain, offset)
        add("reduce_sum_rows_1024", lambda x: x.sum(1), x)
        add("transpose_1024", lambda x: x.t().contiguous(), x)
        add("sum_axis0_1024", lambda x: x.sum(0), x)
        add("row_max_1024", lambda x: x.amax(1), x)
        add("argmax_rows_1024", lambda x: x.argmax(1), x)
        add("cumsum_rows_1024", lambda x: x.cumsum(1), x)
        add("cumsum_columns_1024", lambda x: x.cumsum(0), x)

    def elements(self):
        x, y = tensor(normal(MILLION)), tensor(positive(MILLION))
        add = lambda name, f, *args: self.add(name, self.call(f, *args), elements=MILLION)
        add("chain6_1m", lambda x: torch.clamp(torch.exp(torch.tanh(x * 1.5 + 0.25)) * x, min=0), x)
        add("add_scalar_1m", lambda x: x + 1.0, x)
        self.add("add_scalar_10k", self.call(lambda x: x + 1.0, tensor(normal(10_000))), elements=10_000)
        for name in ("exp", "tanh", "erf", "sin"):
            add(name + "_1m", getattr(torch, name), x)
        add("gelu_1m", F.gelu, x)
        add("sqrt_1m", torch.sqrt, y)
        add("log_1m", torch.log, y)
        add("pow_1m", torch.pow, y, x)
        for name, dtype in (("bf16", torch.bfloat16), ("f16", torch.float16)):
            add(f"f32_to_{name}_1m", lambda x, d=dtype: x.to(d), x)
            add(f"{name}_to_f32_1m", lambda x: x.to(torch.float32), x.to(dtype))
        add("random_uniform_1m", lambda: torch.rand(MILLION))
        add("random_normal_1m", lambda: torch.randn(MILLION))
        one = torch.ones(())
        self.add("dispatch_scalar_add", self.call(lambda x: x + 1.0, one))

        def sines(x):
            for _ in range(10):
                x = torch.sin(x)
            return x

        self.add("dispatch_chain10_scalar", self.call(sines, one))

    def order(self):
        x, index, updates = tensor(normal(MILLION)), tensor(integers(MILLION, MILLION)), tensor(normal(MILLION))
        add = lambda name, f, *args: self.add(name, self.call(f, *args), elements=MILLION)
        add("sum_all_1m", torch.sum, x)
        add("cumsum_1m", lambda x: x.cumsum(0), x)
        add("sort_1m", lambda x: torch.sort(x)[0], x)
        add("argsort_1m", torch.argsort, x)
        add("top10_1m", lambda x: torch.topk(x, 10), x)
        add("gather_1m", lambda x, i: torch.index_select(x, 0, i), x, index)
        add("scatter_add_1m", lambda x, i, u: x.scatter_add(0, i, u), x, index, updates)
        table, tokens = tensor(normal(50_000, 256)), tensor(integers(50_000, 4096))
        self.add("embedding_4096_50kx256", self.call(F.embedding, tokens, table), elements=4096 * 256)
        self.add("embedding_grad_4096_50kx256", self.gradients(lambda i, w: F.embedding(i, w), tokens, table), elements=4096 * 256)
        z = torch.complex(tensor(normal(MILLION)), tensor(normal(MILLION)))
        self.add("fft_1m", self.call(torch.fft.fft, z), flops=FFT_FLOPS)

    def convolutions(self):
        last = lambda x: tensor(x).contiguous(memory_format=torch.channels_last)
        for name, spec in CONVOLUTIONS.items():
            batch, side, cin, cout, window, stride, depthwise, gradients = spec
            x, k = last(normal(batch, cin, side, side)), last(normal(cout, 1 if depthwise else cin, window, window))
            f = lambda x, k, w=window, s=stride, g=cin if depthwise else 1: F.conv2d(x, k, padding=w // 2, stride=s, groups=g)
            self.add(name, self.gradients(f, x, k) if gradients else self.call(f, x, k), flops=conv_flops(*spec))
        x = last(normal(32, 64, 28, 28))
        self.add("max_pool2x2_b32_28x28x64", self.call(lambda x: F.max_pool2d(x, 2), x), elements=x.numel())

    def models(self):
        x, y = tensor(normal(128, 784)), tensor(integers(10, 128))
        layers = lambda: nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))

        def mlp():
            model = layers()
            return self.trainer(model, lambda: F.cross_entropy(model(x), y))

        self.add("mlp_train_step_b128", mlp(), flops=MLP_FLOPS)
        if not self.compiled:  # compiling takes a minute
            self.add("mlp_new_trainer_first_step", lambda: mlp()())
        xb, yb, block, trained = tensor(normal(4, 128, 256)), tensor(normal(4, 128, 256)), Block(256, 4), Block(256, 4)
        self.add("xblock_fwd", self.call(block, xb), flops=BLOCK_FLOPS)
        self.add("xblock_train_step", self.trainer(trained, lambda: F.mse_loss(trained(xb), yb)), flops=3 * BLOCK_FLOPS)

        images, digits, cnn = tensor(normal(64, 1, 28, 28)), tensor(integers(10, 64)), CNN()
        self.add("cnn_train_step_b64", self.trainer(cnn, lambda: F.cross_entropy(cnn(images), digits)), flops=CNN_FLOPS)
        self.lstm()
        text, following, chars = tensor(integers(CHAR_KINDS, CHAR_B, CHAR_T)), tensor(integers(CHAR_KINDS, CHAR_B * CHAR_T)), Characters()
        self.add("char_transformer_train_step_b16_t64", self.trainer(chars, lambda: F.cross_entropy(chars(text).view(-1, CHAR_KINDS), following)), flops=CHAR_FLOPS)
        token, place, decoder = torch.tensor([7]), torch.tensor([DEC_PLACES - 1]), Decoder()
        self.add("decode_token_l4_d256_p256", self.call(decoder, token, place), flops=DEC_FLOPS)

        tokens, after, gpt = tensor(integers(GPT_KINDS, GPT_B, GPT_T)), tensor(integers(GPT_KINDS, GPT_B * GPT_T)), GPT()
        self.add("zoo_gpt2_train_step_b8_t128_l4_d256", self.trainer(gpt, lambda: F.cross_entropy(gpt(tokens).view(-1, GPT_KINDS), after)), flops=GPT_FLOPS)
        pictures, kinds = tensor(normal(RESNET_B, 3, RESNET_SIDE, RESNET_SIDE)).contiguous(memory_format=torch.channels_last), tensor(integers(10, RESNET_B))
        resnet = ResNet18().to(memory_format=torch.channels_last)
        self.add("zoo_resnet18_train_step_b8_64x64", self.trainer(resnet, lambda: F.cross_entropy(resnet(pictures), kinds)), flops=resnet_flops())

    def lstm(self):
        x, cell = tensor(normal(LSTM_B, LSTM_C)), nn.LSTMCell(LSTM_C, LSTM_C)
        state = tensor(normal(LSTM_B, LSTM_C)), tensor(normal(LSTM_B, LSTM_C))
        self.add("lstm_step_b32_h128", self.call(cell, x, state), flops=LSTM_FLOPS)
        texts, y, lstm, trained = tensor(normal(LSTM_T, LSTM_B, LSTM_C)), tensor(normal(LSTM_B, LSTM_C)), nn.LSTM(LSTM_C, LSTM_C), nn.LSTM(LSTM_C, LSTM_C)
        self.add("lstm_fwd_t64_b32_h128", self.call(lambda x: lstm(x)[0], texts), flops=LSTM_T * LSTM_FLOPS)
        self.add("lstm_train_step_t64_b32_h128", self.trainer(trained, lambda: F.mse_loss(trained(texts)[1][0][0], y)), flops=3 * LSTM_T * LSTM_FLOPS)


class Block(nn.Module):
    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.heads, C // self.heads).permute(2, 0, 3, 1, 4)
        a = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        x = x + self.out(a.transpose(1, 2).reshape(B, T, C))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.edges, self.parts = nn.Conv2d(1, 8, 5, padding=2), nn.Conv2d(8, 16, 3, padding=1)
        self.hidden, self.readout = nn.Linear(784, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.edges(x)), 2)
        x = F.max_pool2d(F.relu(self.parts(x)), 2)
        return self.readout(F.relu(self.hidden(F.dropout(x.flatten(1), 0.1))))


class Characters(nn.Module):
    def __init__(self):
        super().__init__()
        self.characters, self.places = nn.Embedding(CHAR_KINDS, CHAR_C), nn.Parameter(torch.randn(CHAR_T, CHAR_C) * 0.1)
        self.layers = nn.Sequential(*(Block(CHAR_C, CHAR_HEADS, causal=True) for _ in range(CHAR_LAYERS)))
        self.norm, self.readout = nn.LayerNorm(CHAR_C), nn.Linear(CHAR_C, CHAR_KINDS)

    def forward(self, x):
        return self.readout(self.norm(self.layers(self.characters(x) + self.places)))


class GPT(nn.Module):
    """GPT-2: the readout is the table of tokens."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(GPT_KINDS, GPT_C), nn.Embedding(GPT_T, GPT_C)
        self.layers = nn.Sequential(*(Block(GPT_C, GPT_HEADS, causal=True) for _ in range(GPT_LAYERS)))
        self.norm = nn.LayerNorm(GPT_C)

    def forward(self, x):
        return F.linear(self.norm(self.layers(self.tokens(x) + self.places.weight)), self.tokens.weight)


class Residual(nn.Module):
    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.shortcut = nn.Identity() if width == out and stride == 1 else nn.Sequential(nn.Conv2d(width, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return F.relu(self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))) + self.shortcut(x))


class ResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        width, blocks = 64, []
        for i, out in enumerate(RESNET_WIDTHS):
            blocks += [Residual(width, out, 2 if i else 1), Residual(out, out, 1)]
            width = out
        self.blocks, self.classifier = nn.Sequential(*blocks), nn.Linear(width, 10)

    def forward(self, x):
        return self.classifier(self.blocks(self.stem(x)).mean((2, 3)))


class DecoderLayer(nn.Module):
    def __init__(self):
        super().__init__()
        C = DEC_C
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.out, self.up, self.down = nn.Linear(C, 3 * C), nn.Linear(C, C), nn.Linear(C, 4 * C), nn.Linear(4 * C, C)
        self.register_buffer("keys", torch.randn(1, DEC_HEADS, DEC_PLACES, C // DEC_HEADS))
        self.register_buffer("values", torch.randn(1, DEC_HEADS, DEC_PLACES, C // DEC_HEADS))

    def forward(self, x, place, past):
        q, k, v = self.qkv(self.norm1(x)).view(3, 1, DEC_HEADS, 1, DEC_C // DEC_HEADS)
        self.keys.index_copy_(2, place, k)
        self.values.index_copy_(2, place, v)
        a = F.scaled_dot_product_attention(q, self.keys, self.values, attn_mask=past)
        x = x + self.out(a.reshape(1, DEC_C))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.layers = nn.Embedding(DEC_KINDS, DEC_C), nn.ModuleList(DecoderLayer() for _ in range(DEC_LAYERS))
        self.norm, self.readout = nn.LayerNorm(DEC_C), nn.Linear(DEC_C, DEC_KINDS)

    def forward(self, token, place):
        x, past = self.tokens(token), (torch.arange(DEC_PLACES) <= place)[None]
        for layer in self.layers:
            x = layer(x, place, past)
        return self.readout(self.norm(x))


def setup(threads):
    torch.set_num_threads(threads)
    # What torch.compile keeps holds the number of threads it was made for.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = f"{os.environ.get('PEERS_CACHE', '.')}/inductor-{threads}"
