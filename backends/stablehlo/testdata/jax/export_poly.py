"""Exports JAX programs of symbolic shapes as StableHLO text, with inputs of two sizes and the outputs that JAX computes.

    pip install jax==0.10.2 jaxlib numpy
    python export_poly.py       # writes poly/NAME.mlir and poly/NAME.npz beside this file

In each npz, A_in0, A_in1, … are arguments of @main and A_out0, A_out1, … its results; B_… are those of other sizes.
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
    for label, call in zip("AB", calls):
        results = jax.tree.leaves(jax.jit(f)(*call))
        values |= {f"{label}_in{i}": x for i, x in enumerate(call)}
        values |= {f"{label}_out{i}": np.asarray(x) for i, x in enumerate(results)}
    np.savez_compressed(os.path.join(HERE, name + ".npz"), **values)


def both(make):
    return make(2, 3), make(5, 4)


w1, w2 = f32(4, 6), f32(6, 3)
save("mlp", lambda x: jax.nn.softmax(jnp.tanh(x @ w1) @ w2), [("b, 4", jnp.float32)], *both(lambda b, t: [f32(b, 4)]))


def attention(q, k, v):
    t = q.shape[1]
    scores = jnp.einsum("btd,bsd->bts", q, k) / np.sqrt(4)
    causal = jnp.tril(jnp.ones((t, t), bool))
    return jax.nn.softmax(jnp.where(causal, scores, -1e9)) @ v


save("attention", attention, [("b, t, 4", jnp.float32)] * 3, *both(lambda b, t: [f32(b, t, 4) for _ in range(3)]))

kernel = f32(3, 3, 2, 3)


def conv(x):
    y = lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.mean(jax.nn.relu(y), axis=(1, 2)), lax.reduce_window(x, -np.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


save("conv", conv, [("b, h, h, 2", jnp.float32)], *both(lambda b, t: [f32(b, 2 * t, 2 * t, 2)]), constraints=["h >= 4"])


def moves(x):
    b, t = x.shape[0], x.shape[1]
    flat = jnp.reshape(x, (b * t, 4))
    padded = jnp.pad(x, ((1, 0), (0, t), (0, 0)))
    return flat, padded, jnp.concatenate([x, x * 2], axis=1), jnp.arange(b * t), jnp.tile(x, (1, 2, 1)), x[:, ::-1], x[: b - 1, 1:]


save("moves", moves, [("b, t, 4", jnp.float32)], *both(lambda b, t: [f32(b, t, 4)]))


def indexing(x, i):
    rows = jnp.take(x, i, axis=0)
    return rows, x.at[i].add(1.0), jnp.argmax(x, axis=0), jnp.sort(x, axis=0), jnp.cumsum(x, axis=0)


save("indexing", indexing, [("b, 4", jnp.float32), ("n", jnp.int32)],
     *both(lambda b, t: [f32(b, 4), np.arange(t, dtype=np.int32) % b]))


def window(x, i):
    return lax.dynamic_slice(x, (i, 0), (x.shape[0] // 2, 3)), lax.dynamic_update_slice(x, x[: x.shape[0] // 2], (i, 0))


save("window", window, [("b, 4", jnp.float32), ("", jnp.int32)], *both(lambda b, t: [f32(b + t, 4), np.int32(1)]))


def scan(x):
    def step(h, row):
        h = jnp.tanh(h + row)
        return h, h * row.shape[0]

    return lax.scan(step, jnp.zeros(x.shape[1]), x)


save("scan", scan, [("t, b", jnp.float32)], *both(lambda b, t: [f32(t, b)]))
save("halves", lambda x, y: x[: y.shape[0]] * y, [("2*b, 3", jnp.float32), ("b, 3", jnp.float32)],
     *both(lambda b, t: [f32(2 * b, 3), f32(b, 3)]), constraints=["b >= 2"])
save("top_k", lambda x: lax.top_k(x, 2), [("b, 4", jnp.float32)], *both(lambda b, t: [f32(b, 4)]))


def platforms(x):
    return lax.platform_dependent(x, cpu=lambda x: x + 1.0, tpu=lambda x: x - 1.0)


save("platforms", platforms, [("b, 4", jnp.float32)], *both(lambda b, t: [f32(b, 4)]), platforms=("cpu", "tpu"))
