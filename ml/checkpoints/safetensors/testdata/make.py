# Writes python.safetensors with the format's own library: pip install safetensors numpy
import numpy as np
from safetensors.numpy import save_file

save_file({
    "f32": np.arange(6, dtype=np.float32).reshape(2, 3),
    "f64": np.array(3.25),
    "f16": np.array([1, 0.5, -2], dtype=np.float16),
    "i8": np.array([-1, 2], dtype=np.int8),
    "u16": np.array([65535], dtype=np.uint16),
    "i64": np.array([[[1, -2]]], dtype=np.int64),
    "u8": np.array([7], dtype=np.uint8),
    "bool": np.array([True, False, True]),
    "empty": np.zeros((0, 4), dtype=np.float32),
    "a.b/c": np.array([1, 2, 3], dtype=np.int32),
    'é "q"': np.array([9], dtype=np.uint32),
}, "python.safetensors", {"format": "np"})
