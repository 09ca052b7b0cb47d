package tokenizers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/ml/tokenizers"
)

// TestBadFiles gives files with one mistake each: the error is one sentence that says where.
func TestBadFiles(t *testing.T) {
	const words = `"model":{"type":"WordLevel","vocab":{"a":0,"[UNK]":1},"unk_token":"[UNK]"}`
	for file, want := range map[string]string{
		``:                         "this is no tokenizer.json: unexpected end of JSON input",
		`[1]`:                      "this is no tokenizer.json: json: cannot unmarshal array",
		`{}`:                       "this is no tokenizer.json: it has no model",
		`{"model":{"type":"Cow"}}`: `model: the model "Cow" is not known: known are BPE, Unigram, WordLevel, WordPiece`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`:                                                         `model: merge 0 makes "ab" of "a" and "b", which are not all in the vocabulary`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b c"]}}`:                                                       `model: merge 0 is "a b c", want two tokens`,
		`{"model":{"type":"BPE","vocab":{"a":0},"merges":[7]}}`:                                                             `model: merge 0: json: cannot unmarshal number`,
		`{"model":{"type":"BPE","vocab":{"a":-1},"merges":[]}}`:                                                             `model: the vocabulary gives "a" the number -1, want one from 0 to 16777216`,
		`{"model":{"type":"BPE","vocab":{"a":99999999},"merges":[]}}`:                                                       `the number 99999999, want one from 0 to`,
		`{"model":{"type":"WordPiece","vocab":{"a":0}}}`:                                                                    `model: a WordPiece model needs an unknown token: unk_token`,
		`{"model":{"type":"WordPiece","vocab":{"a":0},"unk_token":"?"}}`:                                                    `model: the unknown token "?" is not in the vocabulary`,
		`{"model":{"type":"Unigram","vocab":[["a",-1]],"unk_id":3}}`:                                                        `model: unk_id is 3, but the vocabulary has 1 tokens`,
		`{"model":{"type":"Unigram","vocab":[[1,-1]]}}`:                                                                     `model: token 0 of the vocabulary: json: cannot unmarshal number`,
		`{` + words + `,"normalizer":{"type":"Moo"}}`:                                                                       `normalizer: the normalizer "Moo" is not known: known are BertNormalizer,`,
		`{` + words + `,"normalizer":{"type":"Replace","pattern":{"Regex":"("},"content":""}}`:                              `normalizer: the regular expression "(": error parsing regexp`,
		`{` + words + `,"normalizer":{"type":"Replace","pattern":{},"content":""}}`:                                         `normalizer: a pattern is to be {"String": …} or {"Regex": …} and not empty`,
		`{` + words + `,"normalizer":{"type":"Precompiled","precompiled_charsmap":"!"}}`:                                    `normalizer: precompiled_charsmap is not base64`,
		`{` + words + `,"normalizer":{"type":"Precompiled","precompiled_charsmap":"/////w=="}}`:                             `normalizer: precompiled_charsmap has 4 bytes, which cannot hold a trie of 4294967295`,
		`{` + words + `,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Moo"}]}}`:                              `pre_tokenizer: the pre-tokenizer "Moo" is not known: known are BertPreTokenizer,`,
		`{` + words + `,"pre_tokenizer":{"type":"Split","pattern":{"String":"a"},"behavior":"Gone"}}`:                       `pre_tokenizer: the behavior "Gone" is not known: known are Contiguous, Isolated,`,
		`{` + words + `,"pre_tokenizer":{"type":"CharDelimiterSplit","delimiter":"ab"}}`:                                    `pre_tokenizer: the delimiter "ab" is not one character`,
		`{` + words + `,"pre_tokenizer":{"type":"Metaspace","replacement":"_","prepend_scheme":"often"}}`:                   `pre_tokenizer: the prepend_scheme "often" of Metaspace is not known: known are always, first, never`,
		`{` + words + `,"post_processor":{"type":"Moo"}}`:                                                                   `post_processor: the post-processor "Moo" is not known: known are BertProcessing,`,
		`{` + words + `,"post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x","type_id":0}}]}}`: `post_processor: the template names the token "x", which special_tokens does not tell`,
		`{` + words + `,"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"C","type_id":0}}]}}`:     `post_processor: a part of a template is to be a SpecialToken, or a Sequence A or B`,
		`{` + words + `,"decoder":{"type":"Moo"}}`:                                                                          `decoder: the decoder "Moo" is not known: known are BPEDecoder,`,
		`{` + words + `,"decoder":{"type":"Strip","content":"ab"}}`:                                                         `decoder: the content "ab" of Strip is not one character`,
		`{` + words + `,"added_tokens":[{"id":-4,"content":"x"}]}`:                                                          `added_tokens has "x" with the number -4, want a text and a number from 0 to`,
		`{` + words + `,"truncation":{"max_length":3,"strategy":"Best"}}`:                                                   `truncation to 3 tokens by the strategy "Best" is not known: known are LongestFirst,`,
		`{` + words + `,"padding":{"strategy":{"Fixed":99999999999}}}`:                                                      `padding to 99999999999 tokens, or multiples of 0, is out of range`,
	} {
		_, err := tokenizers.Parse([]byte(file))
		if assert.Error(t, err, file) {
			assert.Contains(t, err.Error(), want)
			assert.NotContains(t, err.Error(), "\n")
		}
	}
	_, err := tokenizers.Open(filepath.Join(t.TempDir(), "none.json"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestBadTexts(t *testing.T) {
	all := references(t)
	k, err := tokenizers.Parse(all["bert-cut"].File)
	require.NoError(t, err)
	_, err = k.Truncated(1).Encode("a")
	assert.EqualError(t, err, "tokenizers.Encode: a limit of 1 tokens leaves no room beside the 2 that are put around a text")
	_, _, err = k.Batch(nil)
	assert.EqualError(t, err, "tokenizers.Batch: there are no texts")
	_, ok := k.Token(1 << 30)
	assert.False(t, ok)
	assert.Empty(t, k.Decode([]int{-1, 1 << 30}, true))
	for name, r := range all { // text that is no UTF-8
		k, err := tokenizers.Parse(r.File)
		require.NoError(t, err)
		e, err := k.Encode("a\xff\xfeb")
		require.NoError(t, err, name)
		same, err := k.Encode("a\uFFFD\uFFFDb")
		require.NoError(t, err, name)
		assert.Equal(t, same.IDs, e.IDs, name)
	}
	// An expression that takes exponential time for some texts is an error, not a hang, and no other text suffers: it is tried for as long as a text may take only where tests may be long.
	if !testing.Short() {
		k, err := tokenizers.Parse([]byte(`{"model":{"type":"WordLevel","vocab":{"a":0}},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"(a+)+$"},"behavior":"Isolated"}}`))
		require.NoError(t, err)
		_, err = k.Encode("aaaa")
		require.NoError(t, err)
	}
}

// FuzzEncode reads changed files and has them take texts apart: no panic, offsets within the text, whole characters.
func FuzzEncode(f *testing.F) {
	all := references(f)
	for _, r := range all {
		f.Add(string(r.File), "Hello, wörld! 今日は <mask> 12\n", 0, byte(0))
	}
	f.Fuzz(func(t *testing.T, file, text string, place int, change byte) {
		if len(text) > 200 || len(file) > 1<<16 || strings.Contains(file, "Regex") && change != 0 { // changed expressions may take as long as they are allowed to
			return
		}
		raw := []byte(file)
		if n := len(raw); n > 0 && change != 0 {
			raw[((place%n)+n)%n] = change
		}
		k, err := tokenizers.Parse(raw)
		if err != nil {
			return
		}
		e, err := k.Encode(text)
		if err != nil {
			return
		}
		for i, o := range e.Offsets {
			if o[0] < 0 || o[0] > o[1] || o[1] > len(text) {
				t.Errorf("token %d of %q is said to be bytes %v of %d", i, text, o, len(text))
			}
		}
		if s := k.Decode(e.IDs, false); !utf8.ValidString(s) {
			t.Errorf("%q is decoded to %q", text, s)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	all := references(b)
	text := strings.Repeat("First Citizen: Before we proceed any further, hear me speak. Resolved, we know't; 1234 of 5678!\n", 100)
	for _, name := range []string{"gpt2", "llama3", "llama2", "bert", "t5"} {
		b.Run(name, func(b *testing.B) {
			k, err := tokenizers.Parse(all[name].File)
			require.NoError(b, err)
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := k.Encode(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
