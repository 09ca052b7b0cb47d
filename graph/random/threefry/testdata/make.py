"""Makes jax.json: what jax.random returns. pip install jax==0.10.2; python make.py > jax.json"""

import json

import jax

jax.config.update("jax_enable_x64", True)
cases = []


def case(fn, seed, out, dtype=""):
    cases.append({"fn": fn, "seed": str(seed), "dtype": dtype, "out": [str(v) for v in out.ravel().tolist()]})


for seed in 0, 42, 2**32 - 1, 2**33 + 5, 2**63 + 1:
    key = jax.random.wrap_key_data(jax.numpy.array([seed >> 32, seed % 2**32], "uint32"))
    if seed < 2**63:
        assert (jax.random.key_data(jax.random.key(seed)) == jax.random.key_data(key)).all()
    case("split", seed, jax.random.key_data(jax.random.split(key, 5)))
    case("fold_in", seed, jax.random.key_data(jax.random.fold_in(key, 7)))
    for d in "uint8", "uint16", "uint32", "uint64":
        case("bits", seed, jax.random.bits(key, (3, 5), d), d)
    for d in "float16", "bfloat16", "float32", "float64":
        case("uniform", seed, jax.random.uniform(key, (3, 5), d).astype("float64"), d)
        case("normal", seed, jax.random.normal(key, (3, 5), d).astype("float64"), d)
print(json.dumps({"made by": f"make.py with jax {jax.__version__}"})[:-1] + ', "cases": [')
print(",\n".join(json.dumps(c) for c in cases) + "\n]}")
