// Package safetensors reads and writes tensors by name in the format of Hugging Face's library of the
// same name: 8 bytes with the length of a JSON header, the header (name, dtype, shape and place of each
// tensor, and metadata), and the elements, little-endian and in row-major order.
//
//	err := safetensors.Save("model.safetensors", tensors, nil)
//	tensors, metadata, err := safetensors.Load("model.safetensors")
//
// [Open] reads the header of a file, or the index of a checkpoint that is divided into several, and then single tensors, or rows of them,
// and nothing else:
//
//	f, err := safetensors.Open("model.safetensors.index.json")
//	defer f.Close()
//	w, err := f.Tensor("model.embed_tokens.weight")
//
// The reader is strict: a file that is not exactly what its header says is an error, never a tensor of
// something else. What a header promises costs no memory unless the file has it.
package safetensors
