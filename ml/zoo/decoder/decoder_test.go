package decoder_test

import (
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
	"github.com/quire-ml/quire/ml/generation"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/decoder"
)

// reference is what transformers computes by the checkpoints in testdata, written by testdata/make.py.
//
//go:embed testdata/reference.json
var reference []byte

type kind struct {
	IDs       [][]int32
	Logits    [][][]float32
	Generated []struct {
		Prompt []int
		Beams  int
		Tokens []int
	}
}

func kinds(t *testing.T) map[string]kind {
	var file struct{ Kinds map[string]kind }
	require.NoError(t, json.Unmarshal(reference, &file))
	require.Len(t, file.Kinds, 6)
	return file.Kinds
}

func TestLogitsAreThoseOfTransformers(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for name, k := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			m, err := decoder.Open(backend, filepath.Join("testdata", name))
			require.NoError(t, err)
			exec, err := model.NewExec(backend, m.Store(), func(scope *model.Scope, ids *graph.Node) *graph.Node { return m.Config().Logits(scope, ids) })
			require.NoError(t, err)
			defer exec.Close()
			got, err := exec.Call(k.IDs)
			require.NoError(t, err)
			want := tensors.FromValue(k.Logits)
			require.Equal(t, want.Shape().Dimensions, got[0].Shape().Dimensions)
			assert.InDeltaSlice(t, tensors.Flat[float32](want), tensors.Flat[float32](got[0]), 1e-4)

			// The same through the caches, piece by piece and one by one.
			for _, pieces := range [][]int{{11}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {4, 2, 1, 1, 3}} {
				for i, row := range k.IDs {
					require.NoError(t, m.Begin(1))
					at := 0
					for _, n := range pieces {
						var tokens []int
						for _, id := range row[at : at+n] {
							tokens = append(tokens, int(id))
						}
						rows, err := m.ExtendAll(t.Context(), tokens)
						require.NoError(t, err)
						for p, r := range rows {
							require.InDeltaSlice(t, k.Logits[i][at+p], r, 1e-4, "row %d in pieces of %v, place %d", i, pieces, at+p)
						}
						at += n
					}
				}
			}
		})
	}
}

func TestGeneratedTokensAreThoseOfTransformers(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for name, k := range kinds(t) {
		t.Run(name, func(t *testing.T) {
			m, err := decoder.Open(backend, filepath.Join("testdata", name))
			require.NoError(t, err)
			for _, c := range k.Generated {
				g := generation.New().MaxTokens(20).EndsWith(m.Config().End...)
				if c.Beams > 1 {
					g.Beams(c.Beams)
				}
				got, err := g.Generate(t.Context(), m, c.Prompt)
				require.NoError(t, err)
				assert.Equal(t, c.Tokens, got[0].Tokens, "%v, %d beams", c.Prompt, c.Beams)
				if c.Beams > 1 {
					continue
				}
				draft, err := decoder.Open(backend, filepath.Join("testdata", name))
				require.NoError(t, err)
				require.NoError(t, draft.Store().GetVariable("/norm/gain").SetValue(tensors.FromScalarAndDimensions(float32(1), 24))) // another model
				guessed, err := g.Speculate(draft, 3).Generate(t.Context(), m, c.Prompt)
				require.NoError(t, err)
				assert.Equal(t, c.Tokens, guessed[0].Tokens, "with guesses")
				batch, err := generation.New().MaxTokens(20).EndsWith(m.Config().End...).Generate(t.Context(), m, c.Prompt, []int{3, 4})
				require.NoError(t, err)
				assert.Equal(t, c.Tokens, batch[0].Tokens, "in a batch")
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for want, config := range map[string]string{
		"this is no config.json": `7`,
		`the model_type "gpt9" is not known: known are gemma, llama, mistral, qwen2, qwen3`:                  `{"model_type":"gpt9"}`,
		"the decoder's Vocabulary is 0, want 1 to 16777216":                                                  `{"model_type":"llama","hidden_act":"silu"}`,
		`the activation "moo" is not known: known are gelu, gelu_pytorch_tanh and silu`:                      `{"model_type":"llama","hidden_act":"moo"}`,
		"3 heads of keys and values do not divide 4 heads of queries":                                        `{"model_type":"llama","hidden_act":"silu","vocab_size":9,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":3}`,
		`rotary positions of the kind "yarn" are not known: known are default and llama3`:                    `{"model_type":"llama","rope_scaling":{"type":"yarn"}}`,
		"heads of 3 channels cannot be turned in pairs by rotary positions: want an even number":             `{"model_type":"llama","hidden_act":"silu","vocab_size":9,"hidden_size":9,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":3}`,
		"attention_bias and mlp_bias, which add biases to the outputs of blocks, are not known here":         `{"model_type":"llama","mlp_bias":true}`,
		`layers of several kinds, here [sliding_attention full_attention] with a window of 4, are not known`: `{"model_type":"qwen2","sliding_window":4,"layer_types":["sliding_attention","full_attention"]}`,
	} {
		_, err := decoder.ParseConfig([]byte(config))
		assert.ErrorContains(t, err, want)
	}
	_, err := decoder.Open(backend, t.TempDir())
	assert.ErrorIs(t, err, os.ErrNotExist)

	m, err := decoder.Open(backend, "testdata/llama")
	require.NoError(t, err)
	require.NoError(t, m.Begin(1))
	_, err = m.Extend(t.Context(), [][]int{{99}})
	assert.EqualError(t, err, "decoder: the token 99 is none of a vocabulary of 53")
	_, err = m.Extend(t.Context(), [][]int{make([]int, 600)})
	assert.ErrorContains(t, err, "longer than the 512 positions that the model was made for")

	// A checkpoint of another model: what is missing, unexpected or of another shape is told by name.
	file, err := safetensors.Open("testdata/llama/model.safetensors")
	require.NoError(t, err)
	defer file.Close()
	c := m.Config()
	c.Layers = 3
	report, err := c.Load(model.NewStore(), file)
	assert.ErrorIs(t, err, pretrained.ErrIncomplete)
	assert.Len(t, report.Missing, 9)
	assert.ErrorContains(t, err, "9 missing: /layer_2/attention/key/weights, /layer_2/attention/output/weights,")
	c = m.Config()
	c.Hidden = 41
	_, err = c.Load(model.NewStore(), file)
	assert.ErrorContains(t, err, `the tensor "model.layers.0.mlp.down_proj.weight" is float32[24 40], which would make [40 24] of the variable "/layer_0/feed_forward/down/weights", want float32[41 24]`)
	c = m.Config()
	c.Layers = 1
	_, err = c.Load(model.NewStore(), file)
	assert.ErrorContains(t, err, `is to be the variable "/layer_1/`)
}
