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

// sized is a config.json of a kind with all sizes, and more.
func sized(kind, more string) string {
	if more != "" {
		more = "," + more
	}
	return `{"model_type":"` + kind + `","vocab_size":9,"hidden_size":64,"intermediate_size":8,"num_hidden_layers":2,"num_attention_heads":32` + more + `}`
}

// What a file leaves out is what transformers 5.24 takes for it, and a window is only where it has one.
func TestWhatFilesLeaveOut(t *testing.T) {
	for _, c := range []struct {
		kind, more                           string
		window, kvHeads, headDim, begin, end int // 0: none
		tied                                 bool
	}{
		{"llama", ``, 0, 32, 2, 1, 2, false},
		{"llama", `"sliding_window":7,"head_dim":4,"eos_token_id":null`, 0, 32, 4, 1, 0, false},
		{"mistral", ``, 4096, 8, 2, 1, 2, false},
		{"mistral", `"sliding_window":null,"num_key_value_heads":null`, 0, 32, 2, 1, 2, false},
		{"qwen2", ``, 0, 32, 2, 0, 0, false},
		{"qwen2", `"sliding_window":7`, 0, 32, 2, 0, 0, false},
		{"qwen2", `"sliding_window":7,"use_sliding_window":true`, 0, 32, 2, 0, 0, false}, // from layer 28 on
		{"qwen2", `"sliding_window":7,"use_sliding_window":true,"max_window_layers":0`, 7, 32, 2, 0, 0, false},
		{"qwen3", `"sliding_window":7,"use_sliding_window":true,"layer_types":["sliding_attention","sliding_attention"]`, 7, 32, 128, 0, 0, false},
		{"qwen3", `"sliding_window":7,"use_sliding_window":true,"layer_types":["full_attention","full_attention"]`, 0, 32, 128, 0, 0, false},
		{"gemma", ``, 0, 16, 256, 2, 1, true},
		{"gemma", `"tie_word_embeddings":false`, 0, 16, 256, 2, 1, false},
	} {
		got, err := decoder.ParseConfig([]byte(sized(c.kind, c.more)))
		require.NoError(t, err, "%s %s", c.kind, c.more)
		first := func(list []int) int {
			if len(list) == 0 {
				return 0
			}
			return list[0]
		}
		assert.Equal(t, []any{c.window, c.kvHeads, c.headDim, c.begin, c.end, c.tied, 1e-6, 10_000.0}, []any{got.Window, got.KVHeads, got.HeadDim, first(got.Begin), first(got.End), got.Tied, got.Epsilon, got.RotaryBase}, "%s %s", c.kind, c.more)
	}
}

// generation_config.json tells the ends of a text, as of models that answer.
func TestGenerationConfig(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("config.json", sized("qwen2", `"eos_token_id":5`))
	for _, c := range []struct {
		file string
		want []int
	}{{"", []int{5}}, {`{"do_sample":true}`, []int{5}}, {`{"eos_token_id":[7,5]}`, []int{7, 5}}, {`{"eos_token_id":8}`, []int{8}}, {`{"eos_token_id":null}`, []int{5}}} {
		if c.file != "" {
			write("generation_config.json", c.file)
		}
		got, err := decoder.ReadConfig(dir)
		require.NoError(t, err)
		assert.Equal(t, c.want, got.End, c.file)
	}
	write("generation_config.json", "7")
	_, err := decoder.ReadConfig(dir)
	assert.ErrorContains(t, err, "generation_config.json: json: cannot unmarshal number")
}

// A checkpoint in several files opens from a file system too.
func TestFileSystems(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	m, err := decoder.OpenFS(backend, os.DirFS("testdata"), "qwen3")
	require.NoError(t, err)
	same, err := decoder.Open(backend, "testdata/qwen3")
	require.NoError(t, err)
	assert.Equal(t, same.Config(), m.Config())
	assert.Equal(t, same.Store().GetVariable("/norm/gain").MustValue().Value(), m.Store().GetVariable("/norm/gain").MustValue().Value())
	_, err = decoder.OpenFS(backend, os.DirFS("testdata"), "none")
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = decoder.OpenFS(backend, nil, "none")
	assert.EqualError(t, err, "decoder.Open: the file system is nil")
}

func TestMistakes(t *testing.T) {
	backend := gocpu.New()
	defer backend.Close()
	for want, config := range map[string]string{
		"this is no config.json": `7`,
		`the model_type "gpt9" is not known: known are gemma, llama, mistral, qwen2, qwen3`:          `{"model_type":"gpt9"}`,
		"the decoder's Vocabulary is 0, want 1 to 16777216":                                          `{"model_type":"llama","hidden_act":"silu"}`,
		`the activation "moo" is not known: known are gelu, gelu_pytorch_tanh and silu`:              `{"model_type":"llama","hidden_act":"moo"}`,
		"3 heads of keys and values do not divide 4 heads of queries":                                `{"model_type":"llama","hidden_act":"silu","vocab_size":9,"hidden_size":8,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":4,"num_key_value_heads":3}`,
		`rotary positions of the kind "yarn" are not known: known are default and llama3`:            `{"model_type":"llama","rope_scaling":{"type":"yarn"}}`,
		"heads of 3 channels cannot be turned in pairs by rotary positions: want an even number":     `{"model_type":"llama","hidden_act":"silu","vocab_size":9,"hidden_size":9,"intermediate_size":8,"num_hidden_layers":1,"num_attention_heads":3}`,
		"attention_bias and mlp_bias, which add biases to the outputs of blocks, are not known here": `{"model_type":"llama","mlp_bias":true}`,
		"layers of several kinds, here 1 of 2 with a window of 4, are not known":                     `{"model_type":"qwen2","num_hidden_layers":2,"use_sliding_window":true,"sliding_window":4,"layer_types":["sliding_attention","full_attention"]}`,
		"layers of several kinds, here 2 of 30 with a window of 4096, are not known":                 `{"model_type":"qwen3","num_hidden_layers":30,"use_sliding_window":true}`,
		"use_bidirectional_attention, by which places see what comes after them":                     `{"model_type":"gemma","use_bidirectional_attention":true}`,
		"the decoder's Rotary is {Factor:8 Low:1 High:4 Positions:0}, want numbers above 0":          sized("llama", `"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4}`),
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
