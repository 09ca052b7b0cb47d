package transformer_test

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/data"
	"github.com/quire-ml/quire/ml/generation"
	"github.com/quire-ml/quire/ml/losses"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/optimizers"
	"github.com/quire-ml/quire/ml/train"
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

// TestOfOneClass opens a ViT of one class from a file system in memory: that of two files, with one row of its classifier.
func TestOfOneClass(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	var r struct{ Images, Logits []float32 }
	referenceOf(t, "vit", &r)
	classes := len(r.Logits) / 2
	c, store, err := transformer.OpenViTFS(oneClass(t, "testdata/vit", "classifier"), ".")
	require.NoError(t, err)
	assert.Equal(t, 1, c.Classes)
	got, err := model.CallOnce(backend, store, c.Logits, tensors.FromFlatDataAndDimensions(r.Images, 2, 12, 12, 3))
	require.NoError(t, err)
	equal(t, []float32{r.Logits[0], r.Logits[classes]}, got)
}

// oneClass returns a checkpoint with the first class of another one alone.
func oneClass(t *testing.T, dir, classifier string) fs.FS {
	file, err := safetensors.Open(dir + "/model.safetensors")
	require.NoError(t, err)
	defer file.Close()
	all := map[string]*tensors.Tensor{}
	for _, name := range file.Names() {
		if all[name], err = file.Tensor(name); strings.HasPrefix(name, classifier+".") {
			all[name], err = file.Rows(name, 0, 1)
		}
		require.NoError(t, err)
	}
	var weights bytes.Buffer
	require.NoError(t, safetensors.Write(&weights, all, nil))
	raw, err := os.ReadFile(dir + "/config.json")
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, json.Unmarshal(raw, &config))
	config["id2label"] = map[string]string{"0": "LABEL_0"} // as transformers 5.24 writes it for one class
	raw, err = json.Marshal(config)
	require.NoError(t, err)
	return fstest.MapFS{"config.json": {Data: raw}, "model.safetensors": {Data: weights.Bytes()}}
}

// TestFileSystems opens what a program may embed, and says what is not there.
func TestFileSystems(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	m, err := transformer.OpenGPT2FS(backend, embedded, "testdata/gpt2")
	require.NoError(t, err)
	same, err := transformer.OpenGPT2(backend, "testdata/gpt2")
	require.NoError(t, err)
	assert.Equal(t, same.Config(), m.Config())
	assert.Equal(t, same.Store().GetVariable("/norm/gain").MustValue().Value(), m.Store().GetVariable("/norm/gain").MustValue().Value())
	_, _, err = transformer.OpenBERTFS(os.DirFS("testdata"), "bert")
	assert.NoError(t, err)
	_, _, err = transformer.OpenBERTFS(embedded, "testdata/none")
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, _, err = transformer.OpenViTFS(nil, ".")
	assert.EqualError(t, err, "transformer.OpenViT: the file system is nil")
}

// embedded is a checkpoint in this program.
//
//go:embed testdata/gpt2
var embedded embed.FS

// TestTraining trains a small GPT to go round in circles, and a small ViT to tell where a picture is bright.
func TestTraining(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	size := transformer.Size{Width: 32, Hidden: 64, Layers: 2, Heads: 2, Epsilon: 1e-5, Activation: "gelu"}
	const n = 64
	ids, next := make([][]int32, n), make([][][]int32, n)
	images, classes := tensors.FromScalarAndDimensions(float32(0), n, 8, 8, 1), make([][]int32, n)
	for i := range n {
		for k := range 8 {
			ids[i], next[i] = append(ids[i], int32((i+k)%5)), append(next[i], []int32{int32((i + k + 1) % 5)})
		}
		classes[i] = []int32{int32(i % 4)}
		for k := range 16 {
			tensors.Flat[float32](images)[i*64+(i%4/2*4+k/4)*8+i%2*4+k%4] = 1
		}
	}
	fit := func(name string, x, y any, fn func(scope *model.Scope, x *graph.Node) *graph.Node) {
		ds, err := data.InMemory(name, x, y)
		require.NoError(t, err)
		trainer := train.NewTrainer(backend, model.NewStore(), fn, losses.SparseCategoricalCrossEntropyLogits, optimizers.Adam().LearningRate(3e-3).Done())
		metrics, err := train.NewLoop(trainer).RunSteps(ds.BatchSize(16, true).Shuffle(1).Infinite(true), 80)
		require.NoError(t, err)
		assert.Less(t, metrics[0].Value, 0.2, "the loss of %s", name)
	}
	fit("circles", ids, next, transformer.GPT2{Size: size, Vocabulary: 5, Positions: 8}.Logits)
	fit("quarters", images, classes, transformer.ViT{Size: size, Picture: 8, Patch: 4, Channels: 1, Classes: 4}.Logits)
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
