"""Sizes and work of the cases, as in the Go files beside this folder."""
import numpy as np

MILLION = 1 << 20
rng = np.random.default_rng(1)


def normal(*dims):
    return rng.standard_normal(dims, dtype=np.float32) * np.float32(0.5)


def positive(*dims):
    return np.abs(normal(*dims)) + np.float32(1e-3)


def integers(below, *dims, dtype=np.int64):
    return rng.integers(0, below, dims).astype(dtype)


MLP = (784, 512, 512, 10)
MLP_FLOPS = 2 * 128 * (3 * (784 * 512 + 512 * 512 + 512 * 10) - 784 * 512)
BLOCK_FLOPS = 2 * 4 * 128 * (4 * 256 * 256 + 2 * 256 * 4 * 256) + 2 * 2 * 4 * 128 * 128 * 256
CNN_FLOPS = 2 * 64 * (2 * 28 * 28 * 8 * 25 + 3 * (14 * 14 * 16 * 9 * 8 + 784 * 64 + 64 * 10))
LSTM_T, LSTM_B, LSTM_C = 64, 32, 128
LSTM_FLOPS = 2 * LSTM_B * 2 * LSTM_C * 4 * LSTM_C
CHAR_B, CHAR_T, CHAR_C, CHAR_HEADS, CHAR_LAYERS, CHAR_KINDS = 16, 64, 128, 4, 4, 65
CHAR_FLOPS = 3 * (2 * CHAR_B * CHAR_T * (CHAR_LAYERS * 12 * CHAR_C * CHAR_C + CHAR_C * CHAR_KINDS) + CHAR_LAYERS * 4 * CHAR_B * CHAR_T * CHAR_T * CHAR_C)
DEC_C, DEC_HEADS, DEC_LAYERS, DEC_PLACES, DEC_KINDS = 256, 4, 4, 256, 1024
DEC_FLOPS = 2 * (DEC_LAYERS * 12 * DEC_C * DEC_C + DEC_C * DEC_KINDS) + DEC_LAYERS * 4 * DEC_PLACES * DEC_C
GPT_B, GPT_T, GPT_C, GPT_HEADS, GPT_LAYERS, GPT_KINDS = 8, 128, 256, 4, 4, 1024
GPT_FLOPS = 3 * (2 * GPT_B * GPT_T * (GPT_LAYERS * 12 * GPT_C * GPT_C + GPT_C * GPT_KINDS) + GPT_LAYERS * 4 * GPT_B * GPT_T * GPT_T * GPT_C)
RESNET_B, RESNET_SIDE, RESNET_WIDTHS = 8, 64, (64, 128, 256, 512)
ATTENTION_B, ATTENTION_H, ATTENTION_T, ATTENTION_D = 4, 8, 512, 64
ATTENTION_FLOPS = 2 * 2 * ATTENTION_B * ATTENTION_H * ATTENTION_T * ATTENTION_T * ATTENTION_D
# name: causal, with gradients, work
ATTENTIONS = {
    "attention_b4_h8_t512_d64": (False, False, ATTENTION_FLOPS),
    "attention_causal_b4_h8_t512_d64": (True, False, ATTENTION_FLOPS // 2),
    "attention_train_b4_h8_t512_d64": (False, True, ATTENTION_FLOPS * 7 // 2),
    "attention_causal_train_b4_h8_t512_d64": (True, True, ATTENTION_FLOPS * 7 // 4),
}
FFT_FLOPS = 5 * MILLION * 20

# name: batch, side, channels in, channels out, window, stride, depthwise, with gradients
CONVOLUTIONS = {
    "conv3x3_b32_28x28x32_64": (32, 28, 32, 64, 3, 1, False, False),
    "conv3x3_train_b32_28x28x32_64": (32, 28, 32, 64, 3, 1, False, True),
    "conv1x1_b8_28x28x64_64": (8, 28, 64, 64, 1, 1, False, False),
    "conv7x7s2_b8_112x112x3_64": (8, 112, 3, 64, 7, 2, False, False),
    "depthwise3x3_b8_28x28x64": (8, 28, 64, 64, 3, 1, True, False),
    "depthwise3x3_train_b8_28x28x64": (8, 28, 64, 64, 3, 1, True, True),
}


def conv_flops(batch, side, cin, cout, window, stride, depthwise, gradients):
    n = 2 * batch * (side // stride) ** 2 * cout * window * window * (1 if depthwise else cin)
    return 3 * n if gradients else n


def resnet_flops():
    """Of convolutions and the classifier, forward and twice as much back."""
    side, width = RESNET_SIDE // 2, 64
    n = RESNET_B * side**2 * 3 * 49 * 64
    for i, out in enumerate(RESNET_WIDTHS):
        side //= 2
        n += RESNET_B * side**2 * (9 * (width * out + 3 * out * out) + (width * out if i else 0))
        width = out
    return 3 * 2 * (n + RESNET_B * width * 10)


# name: m, k, n
PRODUCTS = {f"matmul_{n}": (n, n, n) for n in (256, 512, 1024, 16, 32, 64, 128)}
PRODUCTS |= {"matmul_1x4096x4096": (1, 4096, 4096), "matmul_8x1024x1024": (8, 1024, 1024)}
