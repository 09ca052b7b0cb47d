"""The cases for JAX, all of them compiled by XLA."""
import jax
import jax.numpy as jnp
from jax import lax

from sizes import *


def array(x):
    return jnp.asarray(x)


def call(f, *args):
    f = jax.jit(f)
    return lambda: jax.block_until_ready(f(*args))


def gradients(f, *args):
    """Gradients of the sum of squares of f's result by all of its arguments."""
    return call(jax.grad(lambda *a: jnp.sum(f(*a) ** 2), argnums=tuple(range(len(args)))), *args)


def trainer(loss, parameters):
    """Training steps with Adam, whose state takes the place of the one before it."""
    each = jax.tree_util.tree_map

    def step(p, m, v, t):
        g, t = jax.grad(loss)(p), t + 1
        m = each(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        return each(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), p, m, v), m, v, t

    step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
    state = parameters, each(jnp.zeros_like, parameters), each(jnp.zeros_like, parameters), jnp.float32(0)

    def train():
        nonlocal state
        state = jax.block_until_ready(step(*state))

    return train


def cases(add):
    products(add)
    attention(add)
    losses(add)
    rows(add)
    elements(add)
    order(add)
    convolutions(add)
    models(add)


def products(add):
    for name, (m, k, n) in PRODUCTS.items():
        add(name, call(jnp.matmul, array(normal(m, k)), array(normal(k, n))), flops=2 * m * k * n)
    add("batch_matmul_64x128x64x128", call(jnp.matmul, array(normal(64, 128, 64)), array(normal(64, 64, 128))), flops=2 * 64 * 128 * 64 * 128)
    a, b = array(normal(1024, 1024)), array(normal(1024, 1024))
    for name, dtype in (("bf16", jnp.bfloat16), ("f16", jnp.float16)):
        add("matmul_1024_" + name, call(jnp.matmul, a.astype(dtype), b.astype(dtype)), flops=2 * 1024**3)
    a, b = (array((integers(16, 1024, 1024) - 8).astype(np.int8)) for _ in range(2))
    add("matmul_1024_int8", call(lambda a, b: jnp.matmul(a, b, preferred_element_type=jnp.int32), a, b), flops=2 * 1024**3)
    jax.config.update("jax_enable_x64", True)
    a, b = (array(normal(1024, 1024).astype(np.float64)) for _ in range(2))
    f = jax.jit(jnp.matmul).lower(a, b).compile()
    jax.config.update("jax_enable_x64", False)
    add("matmul_1024_f64", lambda: jax.block_until_ready(f(a, b)), flops=2 * 1024**3)


def attention(add):
    q, k, v = (array(normal(ATTENTION_B, ATTENTION_T, ATTENTION_H, ATTENTION_D)) for _ in range(3))
    for name, (causal, wanted, flops) in ATTENTIONS.items():
        f = lambda q, k, v, c=causal: jax.nn.dot_product_attention(q, k, v, is_causal=c)
        add(name, gradients(f, q, k, v) if wanted else call(f, q, k, v), flops=flops)


def losses(add):
    x, k = array(normal(1024, 1024)), array(integers(1024, 1024, dtype=np.int32))
    each = lambda x, k: -jnp.take_along_axis(jax.nn.log_softmax(x), k[:, None], -1)
    add("cross_entropy_1024", call(each, x, k), elements=MILLION)
    add("cross_entropy_grad_1024", call(jax.grad(lambda x, k: each(x, k).mean()), x, k), elements=MILLION)


def rows(add):
    x, gain, offset = array(normal(1024, 1024)), array(normal(1024)), array(normal(1024))
    for name, f, args in (
        ("softmax_1024", lambda x: jax.nn.softmax(x, -1), (x,)),
        ("layernorm_1024", layernorm, (x, gain, offset)),
        ("reduce_sum_rows_1024", lambda x: x.sum(1), (x,)),
        ("transpose_1024", lambda x: x.T, (x,)),
        ("sum_axis0_1024", lambda x: x.sum(0), (x,)),
        ("row_max_1024", lambda x: x.max(1), (x,)),
        ("argmax_rows_1024", lambda x: x.argmax(1), (x,)),
        ("cumsum_rows_1024", lambda x: x.cumsum(1), (x,)),
        ("cumsum_columns_1024", lambda x: x.cumsum(0), (x,)),
    ):
        add(name, call(f, *args), elements=MILLION)


def layernorm(x, gain, offset):
    c = x - x.mean(-1, keepdims=True)
    return c * lax.rsqrt((c * c).mean(-1, keepdims=True) + 1e-5) * gain + offset


def elements(add):
    x, y = array(normal(MILLION)), array(positive(MILLION))
    add("chain6_1m", call(lambda x: jnp.maximum(jnp.exp(jnp.tanh(x * 1.5 + 0.25)) * x, 0), x), elements=MILLION)
    add("add_scalar_1m", call(lambda x: x + 1.0, x), elements=MILLION)
    add("add_scalar_10k", call(lambda x: x + 1.0, array(normal(10_000))), elements=10_000)
    for name, f in (("exp", jnp.exp), ("tanh", jnp.tanh), ("erf", lax.erf), ("sin", jnp.sin), ("gelu", lambda x: jax.nn.gelu(x, approximate=False))):
        add(name + "_1m", call(f, x), elements=MILLION)
    add("sqrt_1m", call(jnp.sqrt, y), elements=MILLION)
    add("log_1m", call(jnp.log, y), elements=MILLION)
    add("pow_1m", call(jnp.power, y, x), elements=MILLION)
    for name, dtype in (("bf16", jnp.bfloat16), ("f16", jnp.float16)):
        add(f"f32_to_{name}_1m", call(lambda x, d=dtype: x.astype(d), x), elements=MILLION)
        add(f"{name}_to_f32_1m", call(lambda x: x.astype(jnp.float32), x.astype(dtype)), elements=MILLION)
    key = jax.random.key(1)
    add("random_uniform_1m", call(lambda k: jax.random.uniform(k, (MILLION,)), key), elements=MILLION)
    add("random_normal_1m", call(lambda k: jax.random.normal(k, (MILLION,)), key), elements=MILLION)
    one = jnp.ones(())
    add("dispatch_scalar_add", call(lambda x: x + 1.0, one))

    def sines(x):
        for _ in range(10):
            x = jnp.sin(x)
        return x

    add("dispatch_chain10_scalar", call(sines, one))


def order(add):
    x, index, updates = array(normal(MILLION)), array(integers(MILLION, MILLION, dtype=np.int32)), array(normal(MILLION))
    for name, f, args in (
        ("sum_all_1m", jnp.sum, (x,)),
        ("cumsum_1m", jnp.cumsum, (x,)),
        ("sort_1m", jnp.sort, (x,)),
        ("argsort_1m", jnp.argsort, (x,)),
        ("top10_1m", lambda x: lax.top_k(x, 10), (x,)),
        ("gather_1m", lambda x, i: x[i], (x, index)),
        ("scatter_add_1m", lambda x, i, u: x.at[i].add(u), (x, index, updates)),
    ):
        add(name, call(f, *args), elements=MILLION)
    table, tokens = array(normal(50_000, 256)), array(integers(50_000, 4096, dtype=np.int32))
    add("embedding_4096_50kx256", call(lambda w, i: w[i], table, tokens), elements=4096 * 256)
    add("embedding_grad_4096_50kx256", call(jax.grad(lambda w, i: jnp.sum(w[i] ** 2)), table, tokens), elements=4096 * 256)
    add("fft_1m", call(jnp.fft.fft, array((normal(MILLION) + 1j * normal(MILLION)).astype(np.complex64))), flops=FFT_FLOPS)


def convolve(x, k, stride=1, groups=1):
    return lax.conv_general_dilated(x, k, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups)


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def convolutions(add):
    for name, spec in CONVOLUTIONS.items():
        batch, side, cin, cout, window, stride, depthwise, wanted = spec
        f = lambda x, k, s=stride, g=cin if depthwise else 1: convolve(x, k, s, g)
        args = array(normal(batch, side, side, cin)), array(normal(window, window, 1 if depthwise else cin, cout))
        add(name, gradients(f, *args) if wanted else call(f, *args), flops=conv_flops(*spec))
    x = array(normal(32, 28, 28, 64))
    add("max_pool2x2_b32_28x28x64", call(max_pool, x), elements=x.size)


def weights(*dims):
    return array(normal(*dims) * np.float32(2 / np.sqrt(dims[0])))


def dense(n, m):
    return weights(n, m), jnp.zeros(m)


def apply(layer, x):
    return x @ layer[0] + layer[1]


def cross_entropy(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1).mean()


def models(add):
    x, y = array(normal(128, 784)), array(integers(10, 128, dtype=np.int32))

    def mlp(p):
        h = jax.nn.relu(apply(p[0], x))
        return cross_entropy(apply(p[2], jax.nn.relu(apply(p[1], h))), y)

    add("mlp_train_step_b128", trainer(mlp, [dense(MLP[i], MLP[i + 1]) for i in range(3)]), flops=MLP_FLOPS)
    xb, yb = array(normal(4, 128, 256)), array(normal(4, 128, 256))
    add("xblock_fwd", call(lambda p, x: block(p, x, 4, False), block_weights(256), xb), flops=BLOCK_FLOPS)
    add("xblock_train_step", trainer(lambda p: jnp.mean((block(p, xb, 4, False) - yb) ** 2), block_weights(256)), flops=3 * BLOCK_FLOPS)
    cnn(add)
    lstm(add)
    text, following = (array(integers(CHAR_KINDS, CHAR_B, CHAR_T, dtype=np.int32)) for _ in range(2))

    def characters(p):
        h = p["characters"][text] + p["places"]
        for layer in p["layers"]:
            h = block(layer, h, CHAR_HEADS, True)
        return cross_entropy(apply(p["readout"], layernorm(h, *p["norm"])), following)

    parameters = dict(characters=array(normal(CHAR_KINDS, CHAR_C)), places=array(normal(CHAR_T, CHAR_C)), norm=(jnp.ones(CHAR_C), jnp.zeros(CHAR_C)),
                      layers=[block_weights(CHAR_C) for _ in range(CHAR_LAYERS)], readout=dense(CHAR_C, CHAR_KINDS))
    add("char_transformer_train_step_b16_t64", trainer(characters, parameters), flops=CHAR_FLOPS)
    add("decode_token_l4_d256_p256", decoder(), flops=DEC_FLOPS)


def block_weights(C):
    return dict(norm1=(jnp.ones(C), jnp.zeros(C)), norm2=(jnp.ones(C), jnp.zeros(C)), qkv=dense(C, 3 * C), out=dense(C, C), up=dense(C, 4 * C), down=dense(4 * C, C))


def block(p, x, heads, causal):
    B, T, C = x.shape
    q, k, v = apply(p["qkv"], layernorm(x, *p["norm1"])).reshape(B, T, 3, heads, C // heads).transpose(2, 0, 3, 1, 4)
    scores = jnp.einsum("bhtd,bhsd->bhts", q, k) / np.sqrt(C // heads)
    if causal:
        scores = jnp.where(np.tril(np.ones((T, T), bool)), scores, -jnp.inf)
    a = jnp.einsum("bhts,bhsd->bthd", jax.nn.softmax(scores, -1), v).reshape(B, T, C)
    x = x + apply(p["out"], a)
    return x + apply(p["down"], jax.nn.gelu(apply(p["up"], layernorm(x, *p["norm2"])), approximate=True))


def cnn(add):
    x, y, key = array(normal(64, 28, 28, 1)), array(integers(10, 64, dtype=np.int32)), jax.random.key(2)

    def loss(p):
        h = max_pool(jax.nn.relu(convolve(x, p["edges"][0]) + p["edges"][1]))
        h = max_pool(jax.nn.relu(convolve(h, p["parts"][0]) + p["parts"][1])).reshape(64, 784)
        # The mask follows the parameters, so that it is drawn anew in each step.
        kept = jax.random.bernoulli(jax.random.fold_in(key, lax.bitcast_convert_type(p["readout"][1][0], jnp.int32)), 0.9, h.shape)
        h = jnp.where(kept, h / 0.9, 0)
        return cross_entropy(apply(p["readout"], jax.nn.relu(apply(p["hidden"], h))), y)

    filters = lambda w, i, o: (array(normal(w, w, i, o) * np.float32(0.2)), jnp.zeros(o))
    add("cnn_train_step_b64", trainer(loss, dict(edges=filters(5, 1, 8), parts=filters(3, 8, 16), hidden=dense(784, 64), readout=dense(64, 10))), flops=CNN_FLOPS)


def gates(share, u, h, c):
    i, f, g, o = jnp.split(share + h @ u, 4, -1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def lstm(add):
    B, C = LSTM_B, LSTM_C
    parameters = lambda: dict(w=weights(C, 4 * C), u=weights(C, 4 * C), b=jnp.zeros(4 * C))

    def over_time(p, x):
        def step(state, share):
            h, c = gates(share, p["u"], *state)
            return (h, c), h

        return lax.scan(step, (jnp.zeros((B, C)), jnp.zeros((B, C))), x @ p["w"] + p["b"])[1]

    p, x, h, c = parameters(), array(normal(B, C)), array(normal(B, C)), array(normal(B, C))
    add("lstm_step_b32_h128", call(lambda p, x, h, c: gates(x @ p["w"] + p["b"], p["u"], h, c), p, x, h, c), flops=LSTM_FLOPS)
    texts, y = array(normal(LSTM_T, B, C)), array(normal(B, C))
    add("lstm_fwd_t64_b32_h128", call(over_time, p, texts), flops=LSTM_T * LSTM_FLOPS)
    add("lstm_train_step_t64_b32_h128", trainer(lambda p: jnp.mean((over_time(p, texts)[-1] - y) ** 2), parameters()), flops=3 * LSTM_T * LSTM_FLOPS)


def decoder():
    C, H, D = DEC_C, DEC_HEADS, DEC_C // DEC_HEADS
    p = dict(tokens=array(normal(DEC_KINDS, C)), layers=[block_weights(C) for _ in range(DEC_LAYERS)], norm=(jnp.ones(C), jnp.zeros(C)), readout=dense(C, DEC_KINDS))

    def step(p, kept, token, place):
        x, after = p["tokens"][token][None], []
        for layer, (keys, values) in zip(p["layers"], kept):
            q, k, v = apply(layer["qkv"], layernorm(x, *layer["norm1"])).reshape(3, H, 1, D)
            keys, values = (lax.dynamic_update_slice(old, new, (0, place, 0)) for old, new in ((keys, k), (values, v)))
            after.append((keys, values))
            scores = jnp.where(jnp.arange(DEC_PLACES) <= place, jnp.einsum("hqd,hpd->hqp", q, keys) / np.sqrt(D), -jnp.inf)
            x = x + apply(layer["out"], jnp.einsum("hqp,hpd->hqd", jax.nn.softmax(scores, -1), values).reshape(1, C))
            x = x + apply(layer["down"], jax.nn.gelu(apply(layer["up"], layernorm(x, *layer["norm2"])), approximate=True))
        return apply(p["readout"], layernorm(x, *p["norm"])), after

    step = jax.jit(step, donate_argnums=1)
    kept = [tuple(jnp.zeros((H, DEC_PLACES, D)) for _ in range(2)) for _ in range(DEC_LAYERS)]
    token, place = jnp.int32(7), jnp.int32(DEC_PLACES - 1)

    def decode():
        nonlocal kept
        scores, kept = step(p, kept, token, place)
        jax.block_until_ready((scores, kept))

    return decode
