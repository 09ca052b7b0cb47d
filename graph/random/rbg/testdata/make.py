"""Makes jax.json: what jax.random returns for keys of the generator rbg, and jax.lax.rng_bit_generator, on a CPU.

pip install jax==0.6.2; python make.py > jax.json
"""

import json

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_threefry_partitionable", True)
cases = []


def case(fn, seed, out, dtype="", state=None, dims=(3, 5), algorithm=""):
    cases.append({"fn": fn, "seed": str(seed), "dtype": dtype, "out": [str(v) for v in out.ravel().tolist()], "dims": dims,
                  "state": [str(v) for v in state or []], "algorithm": algorithm})


for seed in 0, 42, 2**33 + 5:
    key = jax.random.key(seed, impl="rbg")
    case("key", seed, jax.random.key_data(key))
    case("split", seed, jax.random.key_data(jax.random.split(key, 5)))
    case("fold_in", seed, jax.random.key_data(jax.random.fold_in(key, 7)))
    for d in "uint8", "uint16", "uint32", "uint64":
        case("bits", seed, jax.random.bits(key, (3, 5), d), d)
    for d in "float16", "bfloat16", "float32", "float64":
        case("uniform", seed, jax.random.uniform(key, (3, 5), d).astype("float64"), d)
        case("normal", seed, jax.random.normal(key, (3, 5), d).astype("float64"), d)
algorithms = {"DEFAULT": jax.lax.RandomAlgorithm.RNG_DEFAULT, "PHILOX": jax.lax.RandomAlgorithm.RNG_PHILOX,
              "THREE_FRY": jax.lax.RandomAlgorithm.RNG_THREE_FRY}
k = 0x0123456789ABCDEF
for name, algorithm in algorithms.items():
    for state in ([k, 5], [k, 2**64 - 2]):  # JAX takes no state of three words
        for d in "uint8", "uint16", "uint32", "uint64":
            for dims in (5,), (2, 4), (3, 3), (), *([(3, 6, 5), (3, 5, 7), (1, 3), (0, 3)] if d == "uint32" else []):
                next, bits = jax.lax.rng_bit_generator(jnp.array(state, "uint64"), dims, d, algorithm)
                case("generate", 0, jnp.concatenate([next, bits.ravel().astype("uint64")]), d, state, dims, name)
print(json.dumps({"made by": f"make.py with jax {jax.__version__}"})[:-1] + ', "cases": [')
print(",\n".join(json.dumps(c) for c in cases) + "\n]}")
