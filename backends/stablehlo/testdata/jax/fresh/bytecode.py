"""Writes the texts of exports.zip, which make.py has made, as the bytecode that jax.export serialises.

    pip install jax==0.10.2
    python bytecode.py     # writes bytecode.tar.gz beside this file

NAME.bc is what jax.export keeps of the text NAME/text.mlir (Exported.mlir_module_serialized), without the names of lines.
serialised0.bin and serialised1.bin are what Exported.serialize returns of a function, without and with its gradient, and
serialised.mlir is its text.
"""
import os

os.environ["JAX_PLATFORMS"] = "cpu"
import gzip
import io
import re
import tarfile
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from jax._src.export import _export
from jax._src.interpreters import mlir
from jaxlib.mlir import ir
from jaxlib.mlir.passmanager import PassManager

HERE = os.path.dirname(os.path.abspath(__file__))


def bytecode(text):
    with mlir.make_ir_context():
        module = ir.Module.parse(text)
        PassManager.parse("builtin.module(strip-debuginfo)").run(module.operation)
        return _export._module_to_bytecode(module)


def f(x, w, n):
    def step(i, y):
        return jnp.tanh(y @ w) + jnp.where(y > 0, y, 0.5)

    return jax.lax.fori_loop(0, 3, step, x) * n, jnp.array([1.5, -2, np.inf]), x.astype(jnp.bfloat16)


def main():
    entries = {}
    with zipfile.ZipFile(os.path.join(HERE, "exports.zip")) as archive:
        for entry in archive.namelist():
            if entry.endswith("/text.mlir"):
                entries[entry.split("/")[0] + ".bc"] = bytecode(archive.read(entry).decode())
    exported = export.export(jax.jit(f))(np.ones((2, 3), np.float32), np.ones((3, 3), np.float32), np.int8(3))
    entries["serialised0.bin"] = bytes(exported.serialize())
    entries["serialised1.bin"] = bytes(exported.serialize(vjp_order=1))
    text = re.sub(r" loc\([^()]*(\([^()]*\))?[^()]*\)", "", exported.mlir_module())
    entries["serialised.mlir"] = "\n".join(line for line in text.split("\n") if not line.startswith("#loc")).encode()
    with gzip.GzipFile(os.path.join(HERE, "bytecode.tar.gz"), "wb", 9, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as out:
        for name, data in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    print(len(entries), "entries")


if __name__ == "__main__":
    main()
