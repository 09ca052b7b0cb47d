"""Exports JAX programs of symbolic shapes as StableHLO text, with inputs of three sizes and the outputs that JAX computes.

    pip install jax==0.10.2 jaxlib numpy
    python export_poly.py       # writes poly/NAME.mlir and poly/NAME.npz beside this file

In each npz, A_in0, A_in1, … are arguments of @main and A_out0, A_out1, … its results; B_… and C_… are those of other sizes.
"""
import os
import re

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy as np
from jax import export, lax

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "poly")
rng = np.random.default_rng(11)


def f32(*dims):
    return rng.normal(size=dims).astype(np.float32)


def save(name, f, specs, *calls, constraints=(), platforms=("cpu",)):
    os.makedirs(HERE, exist_ok=True)
    scope = export.SymbolicScope(constraints)
    args = [jax.ShapeDtypeStruct(export.symbolic_shape(s, scope=scope), d) for s, d in specs]
    exported = export.export(jax.jit(f), platforms=platforms)(*args)
    with open(os.path.join(HERE, name + ".mlir"), "w") as out:
        text = re.sub(r" loc\((#loc\d*|unknown)\)", "", exported.mlir_module())
        out.write(re.sub(r"(?m)^#loc.*\n", "", text))
    values = {}
    for label, call in zip("ABC", calls):
        results = jax.tree.leaves(jax.jit(f)(*call))
        values |= {f"{label}_in{i}": x for i, x in enumerate(call)}
        values |= {f"{label}_out{i}": np.asarray(x) for i, x in enumerate(results)}
    np.savez_compressed(os.path.join(HERE, name + ".npz"), **values)


def each(make):
    return make(2, 3), make(5, 4), make(9, 6)


w1, w2 = f32(4, 6), f32(6, 3)
save("mlp", lambda x: jax.nn.softmax(jnp.tanh(x @ w1) @ w2), [("b, 4", jnp.float32)], *each(lambda b, t: [f32(b, 4)]))


def attention(q, k, v):
    t = q.shape[1]
    scores = jnp.einsum("btd,bsd->bts", q, k) / np.sqrt(4)
    causal = jnp.tril(jnp.ones((t, t), bool))
    return jax.nn.softmax(jnp.where(causal, scores, -1e9)) @ v


save("attention", attention, [("b, t, 4", jnp.float32)] * 3, *each(lambda b, t: [f32(b, t, 4) for _ in range(3)]))

kernel = f32(3, 3, 2, 3)


def conv(x):
    y = lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.mean(jax.nn.relu(y), axis=(1, 2)), lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


save("conv", conv, [("b, h, h, 2", jnp.float32)], *each(lambda b, t: [f32(b, 2 * t, 2 * t, 2)]), constraints=["h >= 4"])


def moves(x):
    b, t = x.shape[0], x.shape[1]
    flat = jnp.reshape(x, (b * t, 4))
    padded = jnp.pad(x, ((1, 0), (0, t), (0, 0)))
    return flat, padded, jnp.concatenate([x, x * 2], axis=1), jnp.arange(b * t), jnp.tile(x, (1, 2, 1)), x[:, ::-1], x[: b - 1, 1:]


save("moves", moves, [("b, t, 4", jnp.float32)], *each(lambda b, t: [f32(b, t, 4)]))


def indexing(x, i):
    rows = jnp.take(x, i, axis=0)
    return rows, x.at[i].add(1.0), jnp.argmax(x, axis=0), jnp.sort(x, axis=0), jnp.cumsum(x, axis=0)


save("indexing", indexing, [("b, 4", jnp.float32), ("n", jnp.int32)],
     *each(lambda b, t: [f32(b, 4), np.arange(t, dtype=np.int32) % b]))


def window(x, i):
    return lax.dynamic_slice(x, (i, 0), (x.shape[0] // 2, 3)), lax.dynamic_update_slice(x, x[: x.shape[0] // 2], (i, 0))


save("window", window, [("b, 4", jnp.float32), ("", jnp.int32)], *each(lambda b, t: [f32(b + t, 4), np.int32(1)]))


def scan(x):
    def step(h, row):
        h = jnp.tanh(h + row)
        return h, h * row.shape[0]

    return lax.scan(step, jnp.zeros(x.shape[1]), x)


save("scan", scan, [("t, b", jnp.float32)], *each(lambda b, t: [f32(t, b)]))
save("halves", lambda x, y: x[: y.shape[0]] * y, [("2*b, 3", jnp.float32), ("b, 3", jnp.float32)],
     *each(lambda b, t: [f32(2 * b, 3), f32(b, 3)]), constraints=["b >= 2"])
save("top_k", lambda x: lax.top_k(x, 2), [("b, 4", jnp.float32)], *each(lambda b, t: [f32(b, 4)]))


def platforms(x):
    return lax.platform_dependent(x, cpu=lambda x: x + 1.0, tpu=lambda x: x - 1.0)


save("platforms", platforms, [("b, 4", jnp.float32)], *each(lambda b, t: [f32(b, 4)]), platforms=("cpu", "tpu"))

save("next", lambda x: (x[1:] + x[:-1], jnp.diff(x, axis=0)), [("b + 1, 3", jnp.float32)], *each(lambda b, t: [f32(b + 1, 3)]))
save("pairs", lambda x: jnp.reshape(x, (x.shape[0] // 2, 8)), [("b, 4", jnp.float32)], *each(lambda b, t: [f32(2 * b, 4)]),
     constraints=["mod(b, 2) == 0"])


def chunks(x):
    n = x.shape[0] // 3
    return jnp.sum(jnp.reshape(x[: 3 * n], (n, 3, 4)), axis=1), jnp.full((x.shape[0] % 3 + 1,), 2.0)


save("chunks", chunks, [("b, 4", jnp.float32)], *each(lambda b, t: [f32(b + 3, 4)]), constraints=["b >= 3"])
save("dot", lambda x, y: (x @ y, jnp.einsum("mk,kn->nm", x, y)), [("m, k", jnp.float32), ("k, n", jnp.float32)],
     *each(lambda b, t: [f32(b, t), f32(t, b + t)]))


def rnn(x):
    def step(h, row):
        h = jnp.tanh(row @ w1 + h)
        return h, h @ w2

    return lax.scan(step, jnp.zeros((x.shape[0], 6)), jnp.swapaxes(x, 0, 1))


save("rnn", rnn, [("b, t, 4", jnp.float32)], *each(lambda b, t: [f32(b, t, 4)]))


def norm(x):
    mean = jnp.mean(x, axis=0, keepdims=True)
    return (x - mean) / jnp.sqrt(jnp.var(x, axis=0, keepdims=True) + 1e-5)


save("norm", norm, [("b, 4", jnp.float32)], *each(lambda b, t: [f32(b, 4)]), constraints=["b >= 2"])
save("outer", lambda x, y: (jnp.outer(x, y), jnp.concatenate([x, y, x])), [("a", jnp.float32), ("b", jnp.float32)],
     *each(lambda b, t: [f32(b), f32(t)]))


def masked(x, lengths):
    t = x.shape[1]
    keep = jnp.arange(t)[None, :] < lengths[:, None]
    return jnp.sum(jnp.where(keep, x, 0.0), axis=1) / jnp.maximum(lengths, 1)


save("masked", masked, [("b, t", jnp.float32), ("b", jnp.int32)], *each(lambda b, t: [f32(b, t), np.arange(b, dtype=np.int32) % (t + 1)]))
save("loss", jax.grad(lambda x, y: jnp.mean((jnp.tanh(x @ w1) @ w2 - y) ** 2), argnums=(0, 1)),
     [("b, 4", jnp.float32), ("b, 3", jnp.float32)], *each(lambda b, t: [f32(b, 4), f32(b, 3)]))
save("powers", lambda x: lax.fori_loop(0, x.shape[0], lambda i, h: jnp.tanh(h + x[i]), jnp.zeros(4)), [("b, 4", jnp.float32)],
     *each(lambda b, t: [f32(b, 4)]))
save("square", lambda x: (x @ x, jnp.trace(x), jnp.eye(x.shape[0]) + x), [("n, n", jnp.float32)], *each(lambda b, t: [f32(b, b)]))


def blocks(x, y):
    pairs = jnp.reshape(x, (2, -1, x.shape[1]))
    return pairs[0] + pairs[1] * y[:, 1:], jnp.concatenate([x, y[:, :-1]], axis=0)


save("blocks", blocks, [("2*b, t", jnp.float32), ("b, t + 1", jnp.float32)], *each(lambda b, t: [f32(2 * b, t), f32(b, t + 1)]),
     constraints=["t >= 2", "b <= 64"])
