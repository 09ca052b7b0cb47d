// Package gguf reads files in the format of llama.cpp, GGUF: metadata, and tensors by name, most of them quantised in blocks.
//
//	f, err := gguf.Open("model-q4_k_m.gguf")
//	defer f.Close()
//	layers, ok := f.Metadata["llama.block_count"].(uint32)
//	w, err := f.Tensor("blk.0.attn_q.weight") // float32, the numbers that the codes stand for
//
// [Open] reads the header; a tensor is read when it is asked for, and the others are not. [File.Quantized] returns the parts of those whose
// blocks are a scheme of package quant, for products that read codes.
//
// The reader is strict: a file that is not what its header says is an error, and what a header promises costs no memory unless the
// file has it.
//
// Source: ggml/docs/gguf.md of github.com/ggml-org/ggml, versions 2 and 3, and the blocks of ggml-quants.c.
package gguf
