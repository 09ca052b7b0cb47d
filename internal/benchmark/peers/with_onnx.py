"""The cases for onnxruntime that a few of its operators make. Inputs and outputs lie where they are from call to call."""
import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from sizes import *

KINDS = {np.dtype(np.float32): T.FLOAT, np.dtype(np.float64): T.DOUBLE, np.dtype(np.float16): T.FLOAT16, np.dtype(np.int8): T.INT8, np.dtype(np.uint8): T.UINT8,
         np.dtype(np.int32): T.INT32, np.dtype(np.int64): T.INT64}


def cases(add, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # there are many sessions: those that rest must not spin

    def session(nodes, inputs, outputs, constants=()):
        """inputs and constants by name; outputs by name with kind and dimensions."""
        info = [helper.make_tensor_value_info(n, KINDS[v.dtype], v.shape) for n, v in inputs.items()]
        results = [helper.make_tensor_value_info(n, kind, dims) for n, (kind, dims) in outputs.items()]
        graph = helper.make_graph(nodes, "graph", info, results, [numpy_helper.from_array(v, n) for n, v in dict(constants).items()])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
        model.ir_version = 9
        s = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        binding, keep = s.io_binding(), list(inputs.values())
        for n, v in inputs.items():
            binding.bind_cpu_input(n, v)
        for n, (kind, dims) in outputs.items():
            value = ort.OrtValue.ortvalue_from_shape_and_type(list(dims), onnx.helper.tensor_dtype_to_np_dtype(kind)) if kind != T.BFLOAT16 else None
            if value is None:
                binding.bind_output(n)  # NumPy has no such numbers: onnxruntime finds the memory
            else:
                keep.append(value)
                binding.bind_ortvalue_output(n, value)
        return lambda: (s.run_with_iobinding(binding), keep)[0]

    def op(name, kind, inputs, dims, out=T.FLOAT, flops=0, elements=0, constants=(), **attributes):
        """The case of one operator: inputs are arrays, constants come after them."""
        names = [f"x{i}" for i in range(len(inputs))]
        fixed = {f"c{i}": v for i, v in enumerate(constants)}
        outputs = dims if isinstance(dims, dict) else {"y": (out, dims)}
        try:
            f = session([helper.make_node(kind, names + list(fixed), list(outputs), **attributes)], dict(zip(names, inputs)), outputs, fixed)
        except Exception as e:  # told of when the case is run, and only if it is wanted
            def f(e=e):
                raise e
        add(name, f, flops=flops, elements=elements)

    products(op)
    rows(op)
    elements(add, op, session)
    order(op)
    for name, spec in CONVOLUTIONS.items():
        batch, side, cin, cout, window, stride, depthwise, gradients = spec
        if not gradients:
            x, k = normal(batch, cin, side, side), normal(cout, 1 if depthwise else cin, window, window)
            op(name, "Conv", [x], (batch, cout, side // stride, side // stride), flops=conv_flops(*spec), constants=[k], pads=[window // 2] * 4, strides=[stride] * 2,
               group=cin if depthwise else 1)
    op("max_pool2x2_b32_28x28x64", "MaxPool", [normal(32, 64, 28, 28)], (32, 64, 14, 14), elements=32 * 28 * 28 * 64, kernel_shape=[2, 2], strides=[2, 2])
    add("xblock_fwd", block(session), flops=BLOCK_FLOPS)
    x = normal(LSTM_T, LSTM_B, LSTM_C)
    op("lstm_fwd_t64_b32_h128", "LSTM", [x], (LSTM_T, 1, LSTM_B, LSTM_C), flops=LSTM_T * LSTM_FLOPS, hidden_size=LSTM_C,
       constants=[normal(1, 4 * LSTM_C, LSTM_C), normal(1, 4 * LSTM_C, LSTM_C), normal(1, 8 * LSTM_C)])


def products(op):
    for name, (m, k, n) in PRODUCTS.items():
        op(name, "MatMul", [normal(m, k), normal(k, n)], (m, n), flops=2 * m * k * n)
    op("batch_matmul_64x128x64x128", "MatMul", [normal(64, 128, 64), normal(64, 64, 128)], (64, 128, 128), flops=2 * 64 * 128 * 64 * 128)
    square = lambda dtype: [normal(1024, 1024).astype(dtype) for _ in range(2)]
    op("matmul_1024_f64", "MatMul", square(np.float64), (1024, 1024), out=T.DOUBLE, flops=2 * 1024**3)
    op("matmul_1024_f16", "MatMul", square(np.float16), (1024, 1024), out=T.FLOAT16, flops=2 * 1024**3)
    small = [(integers(16, 1024, 1024) - 8).astype(np.int8) for _ in range(2)]
    op("matmul_1024_int8", "MatMulInteger", small, (1024, 1024), out=T.INT32, flops=2 * 1024**3)


def rows(op):
    x, one, zero = normal(1024, 1024), np.array([1], np.int64), np.array([0], np.int64)
    full = lambda name, kind, **more: op(name, kind, [x], (1024, 1024), elements=MILLION, **more)
    full("softmax_1024", "Softmax", axis=-1)
    full("layernorm_1024", "LayerNormalization", constants=[normal(1024), normal(1024)], axis=-1)
    full("transpose_1024", "Transpose", perm=[1, 0])
    full("cumsum_rows_1024", "CumSum", constants=[np.array(1, np.int64)])
    full("cumsum_columns_1024", "CumSum", constants=[np.array(0, np.int64)])
    short = lambda name, kind, axis: op(name, kind, [x], (1024,), elements=MILLION, constants=[axis], keepdims=0)
    short("reduce_sum_rows_1024", "ReduceSum", one)
    short("sum_axis0_1024", "ReduceSum", zero)
    short("row_max_1024", "ReduceMax", one)
    op("argmax_rows_1024", "ArgMax", [x], (1024,), out=T.INT64, elements=MILLION, axis=1, keepdims=0)


def elements(add, op, session):
    x, y, f = normal(MILLION), positive(MILLION), lambda v: np.array(v, np.float32)
    n = helper.make_node
    chain = [n("Mul", ["x", "w"], ["a"]), n("Add", ["a", "b"], ["t"]), n("Tanh", ["t"], ["h"]), n("Exp", ["h"], ["e"]), n("Mul", ["e", "x"], ["m"]), n("Max", ["m", "z"], ["y"])]
    add("chain6_1m", session(chain, {"x": x}, {"y": (T.FLOAT, (MILLION,))}, {"w": f(1.5), "b": f(0.25), "z": f(0)}), elements=MILLION)
    full = lambda name, kind, inputs, **more: op(name, kind, inputs, inputs[0].shape, elements=inputs[0].size, **more)
    full("add_scalar_1m", "Add", [x], constants=[f(1)])
    full("add_scalar_10k", "Add", [normal(10_000)], constants=[f(1)])
    for name in ("Exp", "Tanh", "Erf", "Sin", "Gelu"):
        full(name.lower() + "_1m", name, [x])
    full("sqrt_1m", "Sqrt", [y])
    full("log_1m", "Log", [y])
    full("pow_1m", "Pow", [y, x])
    full("f32_to_f16_1m", "Cast", [x], out=T.FLOAT16, to=T.FLOAT16)
    full("f32_to_bf16_1m", "Cast", [x], out=T.BFLOAT16, to=T.BFLOAT16)
    full("f16_to_f32_1m", "Cast", [x.astype(np.float16)], to=T.FLOAT)
    op("dispatch_scalar_add", "Add", [f(1)], (), constants=[f(1)])
    sines = [n("Sin", [f"t{i}"], [f"t{i + 1}"]) for i in range(10)]
    add("dispatch_chain10_scalar", session(sines, {"t0": f(1)}, {"t10": (T.FLOAT, ())}))


def order(op):
    x, index = normal(MILLION), integers(MILLION, MILLION)
    op("sum_all_1m", "ReduceSum", [x], (), elements=MILLION, keepdims=0)
    op("cumsum_1m", "CumSum", [x], (MILLION,), elements=MILLION, constants=[np.array(0, np.int64)])
    op("top10_1m", "TopK", [x], {"values": (T.FLOAT, (10,)), "indices": (T.INT64, (10,))}, elements=MILLION, constants=[np.array([10], np.int64)])
    op("gather_1m", "Gather", [x, index], (MILLION,), elements=MILLION)
    op("scatter_add_1m", "ScatterElements", [x, index, normal(MILLION)], (MILLION,), elements=MILLION, reduction="add")
    op("embedding_4096_50kx256", "Gather", [normal(50_000, 256), integers(50_000, 4096)], (4096, 256), elements=4096 * 256)


def block(session):
    n = helper.make_node
    shape = lambda *dims: np.array(dims, np.int64)
    constants = {"g1": normal(256), "b1": normal(256), "g2": normal(256), "b2": normal(256), "wqkv": normal(256, 768), "bqkv": normal(768), "wo": normal(256, 256), "bo": normal(256),
                 "wu": normal(256, 1024), "bu": normal(1024), "wd": normal(1024, 256), "bd": normal(256), "heads": shape(4, 128, 3, 4, 64), "whole": shape(4, 128, 256), "first": shape(0),
                 "scale": np.array(0.125, np.float32)}
    dense = lambda x, w, b, y: [n("MatMul", [x, w], [y + "_product"]), n("Add", [y + "_product", b], [y])]
    nodes = [n("LayerNormalization", ["x", "g1", "b1"], ["h1"], axis=-1), *dense("h1", "wqkv", "bqkv", "qkv"), n("Reshape", ["qkv", "heads"], ["split"]),
             n("Transpose", ["split"], ["parts"], perm=[2, 0, 3, 1, 4]), n("Split", ["parts"], ["q1", "k1", "v1"], axis=0, num_outputs=3),
             *(n("Squeeze", [p + "1", "first"], [p]) for p in "qkv"), n("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]), n("MatMul", ["q", "kt"], ["s"]), n("Mul", ["s", "scale"], ["scores"]),
             n("Softmax", ["scores"], ["c"], axis=-1), n("MatMul", ["c", "v"], ["a1"]), n("Transpose", ["a1"], ["a2"], perm=[0, 2, 1, 3]), n("Reshape", ["a2", "whole"], ["a"]),
             *dense("a", "wo", "bo", "o"), n("Add", ["x", "o"], ["r"]), n("LayerNormalization", ["r", "g2", "b2"], ["h2"], axis=-1), *dense("h2", "wu", "bu", "u"),
             n("Gelu", ["u"], ["gelu"], approximate="tanh"), *dense("gelu", "wd", "bd", "d"), n("Add", ["r", "d"], ["y"])]
    return session(nodes, {"x": normal(4, 128, 256)}, {"y": (T.FLOAT, (4, 128, 256))}, constants)
