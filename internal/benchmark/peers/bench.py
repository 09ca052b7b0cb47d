#!/usr/bin/env python3
"""Measures one of the peers: bench.py --mode numpy|torch|compile|jax|onnx --threads N; a line of JSON a case."""
import argparse
import os
import sys

from harness import Bench

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--mode", required=True, choices=["numpy", "torch", "compile", "jax", "onnx"])
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--ms", type=float, default=30, help="how long a sample takes")
parser.add_argument("--filter", default="", help="only cases whose names contain one of these, separated by commas")
parser.add_argument("--exclude", default="")
args = parser.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):  # before the libraries are loaded
    os.environ[name] = str(args.threads)
words = lambda text: [w for w in text.split(",") if w]
bench = Bench(words(args.filter), words(args.exclude))
if args.mode == "numpy":
    import numpy
    import with_numpy

    version = numpy.__version__
    with_numpy.cases(bench.add)
elif args.mode in ("torch", "compile"):
    import with_torch

    version = with_torch.torch.__version__
    with_torch.setup(args.threads)
    with_torch.Cases(bench.add, args.mode == "compile")
elif args.mode == "jax":
    # XLA takes the processors that the process may use, and has no other setting.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    import with_jax

    version = with_jax.jax.__version__
    with_jax.cases(bench.add)
else:
    import with_onnx

    version = with_onnx.ort.__version__
    with_onnx.cases(bench.add, args.threads)
name = {"compile": "torch.compile", "onnx": "onnxruntime"}.get(args.mode, args.mode)
bench.run(f"{name} {version}", args.threads, args.rounds, args.ms * 1e6)
sys.stdout.flush()
os._exit(0)  # some libraries' threads do not end
