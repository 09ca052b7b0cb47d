"""Makes types.gguf, a file with a tensor of each type that is read, and types.json, what the package gguf of llama.cpp makes of them.

    pip install gguf==0.19.0 numpy==2.4.6
    python make.py
"""

import json

import gguf
import numpy as np

rng = np.random.default_rng(1)
w = gguf.GGUFWriter("types.gguf", "llama")
w.add_uint32("a.uint32", 7)
w.add_int64("a.int64", -(1 << 40))
w.add_float32("a.float32", 0.5)
w.add_float64("a.float64", 1e-300)
w.add_bool("a.bool", True)
w.add_string("a.string", "Quire ≤ 1")
w.add_array("a.strings", ["one", "", "three"])
w.add_array("a.ints", [1, -2, 3])
w.add_array("a.floats", [0.25, -1.5])

expected = {}


def add(name, data, kind, shape=None):
    """data are the bytes of rows, or numbers of a plain type."""
    w.add_tensor(name, data, raw_dtype=kind)
    values = gguf.dequantize(data, kind) if kind not in plain else data
    if kind == gguf.GGMLQuantizationType.BF16:
        values = gguf.dequantize(data, kind)
    expected[name] = {"type": kind.name, "dims": list(values.shape), "data": [float(v) for v in np.asarray(values, np.float64).ravel()]}


T = gguf.GGMLQuantizationType
plain = {T.F32: np.float32, T.F16: np.float16, T.F64: np.float64, T.I8: np.int8, T.I16: np.int16, T.I32: np.int32, T.I64: np.int64}
for kind, dtype in plain.items():
    x = rng.standard_normal((2, 3)) * 100
    w.add_tensor(kind.name, x.astype(dtype))
    expected[kind.name] = {"type": kind.name, "dims": [2, 3], "data": [float(v) for v in x.astype(dtype).ravel()]}
x = rng.standard_normal((3, 64)).astype(np.float32)
for kind in T.BF16, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q8_0:
    add(kind.name, gguf.quantize(x, kind), kind)
halves = {T.Q4_K: [0, 1], T.Q5_K: [0, 1], T.Q6_K: [104]}  # where a block has float16s
for kind, at in halves.items():  # blocks of any bits, with scales that are numbers
    size, nbytes = gguf.GGML_QUANT_SIZES[kind]
    data = rng.integers(0, 256, (2, 2 * nbytes), np.uint8)
    for i in at:
        data.reshape(-1, nbytes).view(np.float16)[:, i] = rng.standard_normal(4).astype(np.float16)
    add(kind.name, data, kind)
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
with open("types.json", "w") as f:
    json.dump(expected, f)
    f.write("\n")
