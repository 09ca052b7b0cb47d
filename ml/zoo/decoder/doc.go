// Package decoder has the language models that Llama, Mistral, Qwen and Gemma are: decoders with rotary positions, grouped heads, gated feed-forward blocks and
// norms by the root mean square. It trains new ones, and opens checkpoints as Hugging Face's transformers writes them.
//
//	m, err := decoder.Open(backend, "Llama-3.2-1B")          // a folder: config.json, model.safetensors
//	t, err := tokenizers.Open("Llama-3.2-1B")
//	prompt, err := t.Encode("The capital of France is")
//	for token, err := range generation.New().EndsWith(m.Config().End...).Stream(ctx, m, prompt.IDs) { … }
//
// A new one is a function for a trainer: config.Logits(scope, ids) of ids int32[B T] are logits [B T V].
package decoder
