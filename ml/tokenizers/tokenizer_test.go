package tokenizers_test

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/tokenizers"
)

// reference is what the library tokenizers makes of texts, written by testdata/make.py.
//
//go:embed testdata/reference.json.gz
var reference []byte

type referenceCase struct {
	Text    string
	Second  *string
	IDs     []int
	Tokens  []string
	Offsets [][2]int
	Types   []int
	Special []int
	Plain   []int
	All     string
	Decoded string
}

type referenceTokenizer struct {
	File  json.RawMessage
	Cases []referenceCase
	Size  int
}

func references(t testing.TB) map[string]referenceTokenizer {
	r, err := gzip.NewReader(bytes.NewReader(reference))
	require.NoError(t, err)
	var file struct {
		Tokenizers map[string]referenceTokenizer
	}
	require.NoError(t, json.NewDecoder(r).Decode(&file))
	require.Greater(t, len(file.Tokenizers), 15)
	return file.Tokenizers
}

func TestTokensAreThoseOfTheReference(t *testing.T) {
	for name, r := range references(t) {
		t.Run(name, func(t *testing.T) {
			k, err := tokenizers.Parse(r.File)
			require.NoError(t, err)
			assert.Equal(t, r.Size, k.Len())
			for _, c := range r.Cases {
				var e *tokenizers.Encoding
				if c.Second != nil {
					e, err = k.EncodePair(c.Text, *c.Second)
				} else {
					e, err = k.Encode(c.Text)
				}
				require.NoError(t, err)
				special := make([]int, len(e.Special))
				for i, s := range e.Special {
					if s {
						special[i] = 1
					}
				}
				for i, id := range e.IDs { // the library has the text itself for what Unigram does not know
					if text, _ := k.Token(id); i < len(c.Tokens) && text == "<unk>" {
						c.Tokens[i] = text
					}
				}
				ok := assert.Equal(t, c.Tokens, orEmpty(e.Tokens), "tokens of %q, %q", c.Text, c.Second) &&
					assert.Equal(t, c.IDs, orEmpty(e.IDs), "numbers of %q, %q", c.Text, c.Second) &&
					assert.Equal(t, c.Types, orEmpty(e.TypeIDs), "types of %q, %q", c.Text, c.Second) &&
					assert.Equal(t, c.Special, special, "special tokens of %q, %q", c.Text, c.Second)
				if ok {
					assert.Equal(t, c.Offsets, orEmpty(e.Offsets), "offsets of %q, %q", c.Text, c.Second)
				}
				plain, err := k.EncodePlain(c.Text)
				require.NoError(t, err)
				assert.Equal(t, c.Plain, orEmpty(plain.IDs), "%q without special tokens", c.Text)
				assert.Equal(t, c.All, k.Decode(c.IDs, false), "text of %q", c.Text)
				assert.Equal(t, c.Decoded, k.Decode(c.IDs, true), "text of %q without special tokens", c.Text)
			}
		})
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// TestAStreamGivesTheText decodes token by token: where the whole is text, the parts are it.
func TestAStreamGivesTheText(t *testing.T) {
	for name, r := range references(t) {
		k, err := tokenizers.Parse(r.File)
		require.NoError(t, err)
		for _, c := range r.Cases {
			if strings.Contains(c.Decoded, "\uFFFD") {
				continue
			}
			s := k.Stream(true)
			var b strings.Builder
			for _, id := range c.IDs {
				b.WriteString(s.Next(id))
			}
			assert.Equal(t, c.Decoded, b.String(), "%s: %q", name, c.Text)
		}
	}
}

func TestOpenFS(t *testing.T) {
	files := fstest.MapFS{"t/tokenizer.json": {Data: references(t)["roberta"].File}, "bad.json": {Data: []byte("7")}}
	want, err := tokenizers.Parse(references(t)["roberta"].File)
	require.NoError(t, err)
	for _, name := range []string{"t", "t/tokenizer.json"} {
		k, err := tokenizers.OpenFS(files, name)
		require.NoError(t, err)
		assert.Equal(t, want.Len(), k.Len())
	}
	_, err = tokenizers.OpenFS(files, "none")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	_, err = tokenizers.OpenFS(files, "bad.json")
	assert.ErrorContains(t, err, "tokenizers.OpenFS: bad.json: ")
	_, err = tokenizers.OpenFS(nil, "t")
	assert.EqualError(t, err, "tokenizers.OpenFS: the file system is nil")
}

func TestBatch(t *testing.T) {
	k, err := tokenizers.Parse(references(t)["roberta"].File)
	require.NoError(t, err)
	texts := []string{"First Citizen", "", "Speak, speak and speak again."}
	ids, mask, err := k.Batch(texts)
	require.NoError(t, err)
	require.Equal(t, ids.Shape(), mask.Shape())
	width := ids.Shape().Dimensions[1]
	pad, _ := k.ID("<pad>")
	for i, text := range texts {
		e, err := k.Encode(text)
		require.NoError(t, err)
		for j := range width {
			id, kept := tensors.Flat[int32](ids)[i*width+j], tensors.Flat[int32](mask)[i*width+j]
			if j < len(e.IDs) {
				assert.Equal(t, []int32{int32(e.IDs[j]), 1}, []int32{id, kept})
			} else {
				assert.Equal(t, []int32{int32(pad), 0}, []int32{id, kept})
			}
		}
	}
	short, err := k.Truncated(4).Encode(texts[2])
	require.NoError(t, err)
	assert.Len(t, short.IDs, 4)
	assert.True(t, short.Special[0] && short.Special[3] && !short.Special[1])
}
