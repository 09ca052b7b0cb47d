package transformer_test

import (
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/generation"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/transformer"
)

// reference is what transformers computes by the checkpoints in testdata, written by testdata/make.py.
//
//go:embed testdata/reference.json
var reference []byte

// bertCase is what a BERT makes of two texts: with and without mask and kinds.
type bertCase struct {
	IDs, Mask, Kinds      [][]int32
	Hidden, Pooled, Plain []float32
}

func referenceOf(t *testing.T, name string, v any) {
	var file map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(reference, &file))
	require.NoError(t, json.Unmarshal(file[name], v))
}

func equal(t *testing.T, want []float32, got *tensors.Tensor) {
	t.Helper()
	require.NotEmpty(t, want)
	require.Len(t, tensors.Flat[float32](got), len(want))
	assert.InDeltaSlice(t, want, tensors.Flat[float32](got), 1e-4)
}

func TestGPT2(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	var r struct {
		IDs       [][]int32
		Logits    []float32
		Generated []struct {
			Prompt []int
			Beams  int
			Tokens []int
		}
	}
	referenceOf(t, "gpt2", &r)
	m, err := transformer.OpenGPT2(backend, "testdata/gpt2")
	require.NoError(t, err)
	got, err := model.CallOnce(backend, m.Store(), func(scope *model.Scope, ids *graph.Node) *graph.Node { return m.Config().Logits(scope, ids) }, r.IDs)
	require.NoError(t, err)
	equal(t, r.Logits, got)
	for _, c := range r.Generated {
		g := generation.New().MaxTokens(15).EndsWith(m.Config().End...)
		if c.Beams > 1 {
			g.Beams(c.Beams)
		}
		list, err := g.Generate(t.Context(), m, c.Prompt)
		require.NoError(t, err)
		assert.Equal(t, c.Tokens, list[0].Tokens, "%v, %d beams", c.Prompt, c.Beams)
	}
	require.NoError(t, m.Begin(1))
	_, err = m.Extend(t.Context(), [][]int{make([]int, 41)})
	assert.ErrorContains(t, err, "GPT-2: a text of 41 tokens is longer than the 40 positions")
}

func TestBERT(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for _, name := range []string{"bert", "bert-classifier"} {
		var r bertCase
		referenceOf(t, name, &r)
		c, store, err := transformer.OpenBERT("testdata/" + name)
		require.NoError(t, err)
		assert.True(t, c.Pooler)
		got, err := model.CallOnceN(backend, store, func(scope *model.Scope, in []*graph.Node) []*graph.Node {
			hidden := c.Hidden(scope, in[0], in[1], in[2])
			return []*graph.Node{hidden, c.Pooled(scope, hidden)}
		}, r.IDs, r.Mask, r.Kinds)
		require.NoError(t, err)
		equal(t, r.Hidden, got[0])
		equal(t, r.Pooled, got[1])
		plain, err := model.CallOnce(backend, store, func(scope *model.Scope, ids *graph.Node) *graph.Node { return c.Hidden(scope, ids, nil, nil) }, r.IDs)
		require.NoError(t, err)
		equal(t, r.Plain, plain)
	}
}

func TestViT(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	var r struct{ Images, Logits []float32 }
	referenceOf(t, "vit", &r)
	c, store, err := transformer.OpenViT("testdata/vit")
	require.NoError(t, err)
	got, err := model.CallOnce(backend, store, func(scope *model.Scope, x *graph.Node) *graph.Node { return c.Logits(scope, x) }, tensors.FromFlatDataAndDimensions(r.Images, 2, 12, 12, 3))
	require.NoError(t, err)
	equal(t, r.Logits, got)
}

func TestMistakes(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	_, err := transformer.OpenGPT2(backend, "testdata/vit")
	assert.EqualError(t, err, `transformer.OpenGPT2: testdata/vit: the model_type is "vit", want "gpt2"`)
	_, _, err = transformer.OpenBERT(t.TempDir())
	assert.ErrorIs(t, err, os.ErrNotExist)
	c, _, err := transformer.OpenViT("testdata/vit")
	require.NoError(t, err)
	_, err = model.CallOnce(backend, model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node { return c.Logits(scope, x) }, [][][][]float32{{{{1}}}})
	assert.ErrorContains(t, err, "ViT: images are float32[1 1 1 1], want floats of [batch, 12, 12, 3]")
	// What would compute something else without a word.
	for config, want := range map[string]string{
		`{"model_type":"gpt2","scale_attn_by_inverse_layer_idx":true}`: "transformer.OpenGPT2: ",
		`{"model_type":"gpt2","scale_attn_weights":false}`:             "transformer.OpenGPT2: ",
		`{"model_type":"gpt2","tie_word_embeddings":false}`:            "transformer.OpenGPT2: ",
		`{"model_type":"gpt2","add_cross_attention":true}`:             "transformer.OpenGPT2: ",
		`{"model_type":"bert","is_decoder":true}`:                      "transformer.OpenBERT: ",
	} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600))
		if _, err = transformer.OpenGPT2(backend, dir); strings.Contains(want, "BERT") {
			_, _, err = transformer.OpenBERT(dir)
		}
		assert.ErrorContains(t, err, want+dir)
		assert.ErrorContains(t, err, "is not known here")
	}
	_, err = transformer.NewGPT2(backend, model.NewStore(), transformer.GPT2{})
	assert.EqualError(t, err, "transformer.NewGPT2: GPT-2's Width is 0, want 1 to 16777216")
}
