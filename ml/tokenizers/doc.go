// Package tokenizers reads the tokenizers of pretrained language models, files named tokenizer.json as the Hugging Face library of that name writes them,
// and turns texts into the numbers of tokens and back, as that library does.
//
//	t, err := tokenizers.Open("llama/tokenizer.json")
//	e, err := t.Encode("Hello there")              // e.IDs, e.Tokens, e.Offsets
//	ids, mask, err := t.Batch([]string{"a", "b c"}) // int32[2 T], padded; mask is 1 where there is a token
//	answer := t.Decode(ids, true)                  // without special tokens
//
// A Tokenizer is a chain: tokens that were added to the vocabulary are found first; what lies between is normalised, split into words,
// and each word is taken apart by the model, which is BPE (with bytes or characters; GPT, Llama, Qwen), WordPiece (BERT), Unigram (T5, XLM-R, SentencePiece)
// or WordLevel; at last special tokens are put around. A Stream decodes tokens one by one as a model generates them.
//
// A Tokenizer may be used by several goroutines.
//
// Sources: Sennrich, Haddow and Birch 2016, arXiv:1508.07909 (BPE); Wu et al. 2016, arXiv:1609.08144 (WordPiece); Kudo 2018, arXiv:1804.10959
// (Unigram); the values of its tests are those of the library tokenizers (testdata/make.py says which version).
package tokenizers
