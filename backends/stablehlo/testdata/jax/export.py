"""Exports small JAX programs as StableHLO text, with inputs and the outputs that JAX computes.

    pip install jax jaxlib numpy
    python export.py            # writes NAME.mlir and NAME.npz beside this file

In each npz, in0, in1, … are the arguments of @main and out0, out1, … its results. bfloat16 values are
stored as float32 (which holds them exactly). The Go test converts them to what the text asks for.
"""
import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)


def f32(*dims):
    return rng.normal(size=dims).astype(np.float32)


def stored(x):
    x = np.asarray(x)
    return x.astype(np.float32) if x.dtype in (jnp.bfloat16, jnp.float8_e5m2) else x


def save(name, f, *args, exported=False, generic=False, platform="cpu"):
    jitted = f if hasattr(f, "lower") else jax.jit(f)
    if exported:
        text = jax.export.export(jitted, platforms=[platform])(*args).mlir_module()
    else:
        text = jitted.lower(*args).as_text(debug_info=generic)
    if generic:
        ir = jitted.lower(*args).compiler_ir("stablehlo")
        text = ir.operation.get_asm(print_generic_op_form=True, enable_debug_info=True)
    text = text.replace(HERE + os.sep, "")
    flat_in = jax.tree.leaves(args)
    flat_out = jax.tree.leaves(jitted(*args))
    values = {f"in{i}": stored(x) for i, x in enumerate(flat_in)}
    values |= {f"out{i}": stored(x) for i, x in enumerate(flat_out)}
    with open(os.path.join(HERE, name + ".mlir"), "w") as out:
        out.write(text if text.endswith("\n") else text + "\n")
    np.savez_compressed(os.path.join(HERE, name + ".npz"), **values)
    print(name, len(text))


rng_of_later = np.random.default_rng(8)  # of what was added later, so that the first values stay


def later(*dims):
    return rng_of_later.normal(size=dims).astype(np.float32)


def mlp(params, x):
    (w1, b1), (w2, b2) = params
    h = jax.nn.relu(x @ w1 + b1)
    return h @ w2 + b2


params = [(f32(6, 8), f32(8)), (f32(8, 3), f32(3))]
x = f32(4, 6)
labels = np.array([0, 2, 1, 1], np.int32)
save("mlp", mlp, params, x, exported=True)
save("mlp_generic", mlp, params, x, generic=True)


def loss(params, x, labels):
    logits = jax.nn.log_softmax(mlp(params, x))
    return -jnp.mean(jnp.sum(jax.nn.one_hot(labels, 3) * logits, axis=-1))


def step(params, x, labels):
    value, grads = jax.value_and_grad(loss)(params, x, labels)
    return value, jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)


save("mlp_step", step, params, x, labels, exported=True)


def conv(k, b, x):
    y = lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    y = jax.nn.relu(y + b)
    y = lax.reduce_window(y, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    mean = lax.reduce_window(y, 0.0, lax.add, (1, 2, 2, 1), (1, 1, 1, 1), "SAME") / 4
    return jnp.tanh(mean)


image = f32(2, 6, 6, 2)
save("conv", conv, f32(3, 3, 2, 4), f32(4), image)
save("conv_step", lambda k, b, x: jax.grad(lambda k, b: jnp.sum(conv(k, b, x) ** 2), argnums=(0, 1))(k, b),
     f32(3, 3, 2, 4), f32(4), image)
save("conv_layouts", lambda x, k: lax.conv_general_dilated(
    x, k, (2, 1), ((1, 0), (2, 2)), lhs_dilation=(1, 2), rhs_dilation=(1, 2), feature_group_count=2,
    dimension_numbers=("NCHW", "OIHW", "NCHW")), f32(2, 4, 5, 4), f32(6, 2, 2, 3))


def attention(x, wq, wk, wv):
    B, T, C = x.shape
    heads = lambda y: y.reshape(B, T, 2, C // 2).transpose(0, 2, 1, 3)
    q, k, v = heads(x @ wq), heads(x @ wk), heads(x @ wv)
    scores = jnp.einsum("bhqd,bhkd->bhqk", q, k) / np.sqrt(C // 2)
    mask = jnp.tril(jnp.ones((T, T), bool))
    p = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf), axis=-1)
    return jnp.einsum("bhqk,bhkd->bhqd", p, v).transpose(0, 2, 1, 3).reshape(B, T, C)


save("attention", attention, f32(2, 5, 8), f32(8, 8), f32(8, 8), f32(8, 8), exported=True)


def scanned(w, h, xs):
    def cell(h, x):
        h = jnp.tanh(h @ w + x)
        return h, jnp.sum(h)

    return lax.scan(cell, h, xs)


save("scan", scanned, f32(4, 4), f32(4), f32(6, 4))
save("sort", lambda x: (jnp.sort(x, axis=0), jnp.argsort(x, axis=1), jnp.sort(x, axis=1, descending=True),
                        jnp.argmax(x, axis=1), jnp.argmin(x)),
     np.concatenate([f32(4, 5), f32(1, 5).round()]))


def indexing(x, i, u):
    return (x[i], x[:, i], x[i, i + 1], x.at[i].add(u), x.at[i, 1].set(7), x.at[i].max(u),
            jnp.take_along_axis(x, x.astype(jnp.int32) % 3, axis=1), jnp.roll(x, 2, axis=0))


save("indexing", indexing, f32(6, 4), np.array([4, 0, 2], np.int32), f32(3, 4))
save("vmap_indexing", jax.vmap(lambda x, i, u: (x[i], lax.dynamic_slice(x, (i[0], 1), (2, 3)), x.at[i].add(u),
                                               lax.dynamic_update_slice(x, u[:2], (i[0], 0)))),
     f32(3, 5, 4), np.array([[0, 4], [3, 3], [-1, 9]], np.int32), f32(3, 2, 4))
save("while_loop", lambda x, n: lax.while_loop(lambda s: (s[0] < n) & (jnp.max(s[1]) < 50.0),
                                               lambda s: (s[0] + 1, s[1] * 1.5 + 1), (0, x)),
     f32(3), np.int32(20))
save("cond", lambda p, i, x: (lax.cond(p > 0, lambda x: x * 2, lambda x: x - 1, x),
                              lax.switch(i, [jnp.sin, jnp.cos, jnp.exp], x)), np.float32(0.5), np.int32(2), f32(4))
save("top_k", lambda x: lax.top_k(x, 3), f32(2, 6))


def norm_gelu(x, gain, bias):
    mean = jnp.mean(x, axis=-1, keepdims=True)
    var = jnp.var(x, axis=-1, keepdims=True)
    y = (x - mean) * lax.rsqrt(var + 1e-5) * gain + bias
    return jax.nn.gelu(y, approximate=False) + jax.nn.gelu(y, approximate=True)


save("norm_gelu", norm_gelu, f32(3, 8), f32(8), f32(8), exported=True)
save("cumulative", lambda x: (jnp.cumsum(x, axis=1), jnp.cumprod(x, axis=0), lax.cummax(x, axis=1),
                             lax.reduce_window(x, 0.0, lax.add, (2, 3), (1, 2), "VALID")), f32(3, 7))
save("einsum", lambda x, y, z: jnp.einsum("bij,bjk,kl->lbi", x, y, z), f32(2, 3, 4), f32(2, 4, 5), f32(5, 2))
save("bf16_matmul", lambda x, w: (jnp.dot(x, w), jnp.dot(x, w, preferred_element_type=jnp.float32)),
     f32(4, 16).astype(jnp.bfloat16), f32(16, 3).astype(jnp.bfloat16))
save("random", lambda key: (jax.random.bits(key, (5,)), jax.random.uniform(key, (3, 2)),
                            jax.random.normal(jax.random.split(key)[1], (4,))), jax.random.PRNGKey(42))
save("elementwise", lambda x, i: (jnp.floor(x), jnp.round(x), lax.round(x), jnp.sign(x), jnp.cbrt(x), jnp.log1p(jnp.abs(x)),
                                  jnp.expm1(x), jnp.arctan2(x, x + 1), jnp.isfinite(x / x[0]), i // 3, i % 3, i >> 1, i ^ 5, ~i,
                                  lax.population_count(i), lax.clz(i), jnp.where(x > 0, x, jnp.nan), jnp.clip(x, -0.5, 0.5),
                                  jnp.float32(2) ** x, jnp.tan(x), jax.nn.sigmoid(x), jnp.arcsinh(x), jnp.arcsin(x / 4),
                                  lax.bitcast_convert_type(x, jnp.int32), lax.reduce_precision(x, 8, 7)),
     f32(6), np.arange(-7, 8, 3, dtype=np.int32))
save("complex", lambda x, y: (lambda c: (c * c, jnp.abs(c), jnp.real(c), jnp.imag(jnp.conj(c)), jnp.exp(c)))(lax.complex(x, y)),
     f32(4), f32(4))


# A training step over four devices: the batch dealt over "data", a hidden layer over "model". These texts say so in
# Shardy's dialect; the numbers do not depend on it.
mesh = jax.make_mesh((2, 2), ("data", "model"), axis_types=(jax.sharding.AxisType.Auto,) * 2)
rng = np.random.default_rng(8)


def spec(*axes):
    return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*axes))


def sharded_step(w1, w2, x, y):
    def loss(w1, w2):
        h = lax.with_sharding_constraint(jnp.tanh(x @ w1), spec(jax.sharding.PartitionSpec.UNCONSTRAINED, "model"))
        return jnp.mean((h @ w2 - y) ** 2)

    value, (d1, d2) = jax.value_and_grad(loss, argnums=(0, 1))(w1, w2)
    return value, w1 - 0.1 * d1, w2 - 0.1 * d2


places = (spec(None, "model"), spec("model", None), spec("data"), spec(("data", "model")))
args = (f32(6, 8), f32(8, 3), f32(4, 6), f32(4, 3))
save("sharded_step", jax.jit(sharded_step, in_shardings=places, out_shardings=(spec(), places[0], places[1]), donate_argnums=(0, 1)), *args)
save("sharded_export", jax.jit(sharded_step, in_shardings=places), *args, exported=True)
save("fft", lambda x: (jnp.fft.fft(x), jnp.fft.ifft(x[:, :7]), jnp.fft.rfft(x), jnp.fft.irfft(jnp.fft.rfft(x[:, :9]), 9),
                       jnp.fft.rfft2(x), jnp.fft.irfft2(jnp.fft.rfft2(x)), jnp.fft.fftn(x.reshape(2, 2, 10))),
     later(4, 10), exported=True)
save("fft_grad", jax.grad(lambda x: jnp.sum(jnp.abs(jnp.fft.rfft(x)) * jnp.arange(6.0))), later(3, 10))


def solved(a, b):
    a = a @ a.T + 4 * jnp.eye(4)
    l = jnp.linalg.cholesky(a)
    x = lax.linalg.triangular_solve(l, b, left_side=True, lower=True)
    return (l, x, lax.linalg.triangular_solve(l, b.T, lower=True, transpose_a=True), jnp.linalg.cholesky(-a),
            jax.scipy.linalg.cho_solve((l, True), b))


# For the platform "tpu" the text holds operations, for "cpu" calls of LAPACK.
save("solve", solved, later(4, 4), later(4, 2), exported=True, platform="tpu")
save("solve_grad", jax.grad(lambda a, b: jnp.sum(jnp.square(solved(a, b)[4])), argnums=(0, 1)), later(4, 4), later(4, 2),
     exported=True, platform="tpu")
save("precision", lambda x: (lax.reduce_precision(x, 5, 2), lax.reduce_precision(x, 4, 3), lax.reduce_precision(x, 8, 10)),
     later(12) * np.float32(100) ** later(12))
save("special", lambda x: (lax.erf_inv(jnp.tanh(x)), lax.erfc(2 * x), lax.lgamma(x), lax.digamma(x), lax.igamma(1 + x * x, x * x),
                           lax.zeta(1.5 + x * x, 0.5 + x * x), lax.polygamma(jnp.full_like(x, 2), 0.5 + x * x), jnp.sinh(x),
                           jnp.arccosh(1 + x * x), jax.scipy.special.ndtri(jax.nn.sigmoid(x))), later(8))
save("composites", lambda x: (jnp.sinh(x), jnp.arccosh(1 + x * x), jnp.arcsinh(x), jnp.arctanh(jnp.tanh(x)), lax.top_k(x, 3), lax.erf_inv(jnp.tanh(x))), later(6), exported=True)
save("switch", lambda i, x: (lax.switch(i[0], [jnp.sin, jnp.cos, jnp.exp, jnp.tanh], x), lax.switch(i[1], [jnp.sin, jnp.cos, jnp.exp], x),
                             lax.switch(i[2], [jnp.sin, jnp.cos, jnp.exp], x)), np.array([1, 9, -3], np.int32), later(4))


def batch_norm(scale, offset, running, x):  # as flax has it
    mean, square = jnp.mean(x, axis=(0, 1, 2)), jnp.mean(lax.square(x), axis=(0, 1, 2))
    var = jnp.maximum(0.0, square - lax.square(mean))
    y = (x - mean) * (lax.rsqrt(var + 1e-5) * scale) + offset
    return y, jax.tree.map(lambda r, b: 0.9 * r + 0.1 * b, running, (mean, var))


def norm_loss(scale, offset, running, x):
    y, running = batch_norm(scale, offset, running, x)
    return jnp.sum(jnp.sin(y)), running


save("batch_norm", jax.value_and_grad(norm_loss, argnums=(0, 1, 3), has_aux=True),
     later(3), later(3), (later(3), later(3) ** 2), later(2, 4, 4, 3))


def decoder(w, tokens):  # a loop that writes into its state
    def step(state):
        i, h, out = state
        h = jnp.tanh(h @ w + jax.nn.one_hot(out[i - 1], 5))
        return i + 1, h, out.at[i].set(jnp.argmax(h).astype(jnp.int32))

    return lax.while_loop(lambda s: s[0] < tokens.shape[0], step, (1, jnp.zeros(5), tokens))


save("decoder", decoder, 2 * later(5, 5), np.zeros(8, np.int32), exported=True)


def narrow(x, w, c):
    e4, e5 = x.astype(jnp.float8_e4m3fn), x.astype(jnp.float8_e5m2)
    table = jnp.array([0.5, -448.0, 0.001953125, 3.5], jnp.float8_e4m3fn)
    dot = lax.dot_general(c, w, (((1,), (0,)), ((), ())), preferred_element_type=jnp.float32)
    return e4.astype(jnp.float32), e5.astype(jnp.float32), dot, (table * table).astype(jnp.float32), jnp.sort(e4)[::-1].astype(jnp.bfloat16)


# Numbers of all sizes; multiples of the smallest steps, and what lies in the middle between two numbers.
sizes = np.concatenate([later(20) * np.float32(1000) ** later(20), np.arange(-8, 9, dtype=np.float32) * 2.0**-10,
                        np.arange(-8, 9, dtype=np.float32) * 2.0**-17, np.array([448, 463, 464, 465, 480, 57344, 61439, 61440, 70000, 1.0625, 1.1875, 0], np.float32)])
save("fp8", narrow, sizes.astype(np.float32), later(4, 3).astype(jnp.float8_e5m2), later(2, 4).astype(jnp.float8_e5m2))
