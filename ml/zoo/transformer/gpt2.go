package transformer

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// GPT2 is the sizes of a GPT-2: a decoder with learned positions, and norms before its blocks.
type GPT2 struct {
	Size
	Vocabulary int
	Positions  int // the longest text
	End        []int
}

// GPT2Small is the sizes of the smallest GPT-2, of 124 million parameters.
func GPT2Small() GPT2 {
	return GPT2{Size: Size{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Epsilon: 1e-5, Activation: "gelu_approximate"}, Vocabulary: 50257, Positions: 1024, End: []int{50256}}
}

// Logits returns what comes next at each place of ids, [B, T] integers: [B, T, V].
//
// Source: Radford et al., "Language Models are Unsupervised Multitask Learners", 2019, section 2.3.
func (c GPT2) Logits(scope *model.Scope, ids *graph.Node) *graph.Node {
	return c.logits(scope, ids, nil)
}

// CachedLogits is Logits for texts that go on from call to call, see package cache. ids are those that are new.
func (c GPT2) CachedLogits(scope *model.Scope, ids *graph.Node) *graph.Node {
	return c.logits(scope, ids, &cache.Place{})
}

// logits are those of texts that go on from caches of a place, if it is not nil.
func (c GPT2) logits(scope *model.Scope, ids *graph.Node, in *cache.Place) *graph.Node {
	if err := c.check("GPT-2", map[string]int{"Vocabulary": c.Vocabulary, "Positions": c.Positions}); err != nil {
		graph.Errorf("%v", err)
	}
	if ids.Rank() != 2 || !ids.DType().IsInt() || ids.Dim(1) > c.Positions {
		graph.Errorf("GPT-2: ids are %s, want integers of [batch, time] and %d times at most", ids.Shape(), c.Positions)
	}
	tokens := table(scope, ids, "embeddings", c.Vocabulary, c.Width)
	places := graph.Iota(ids.Graph(), shapes.Make(dtypes.Int32, ids.Dim(1)), 0)
	caches := make([]*cache.Cache, c.Layers)
	if in != nil {
		below := scope.In("caches")
		for i := range caches {
			caches[i] = in.KV(below.In("layer_%d", i), ids)
		}
		places = caches[0].Positions(ids.Dim(1))
	}
	x := graph.Add(graph.Gather(tokens, graph.ExpandAxes(ids, -1)), graph.Gather(table(scope, ids, "positions", c.Positions, c.Width), graph.ExpandAxes(places, -1)))
	for i := range c.Layers {
		x = c.block(scope.In("layer_%d", i), x, true, causal(caches[i]))
	}
	return graph.DotGeneral(c.norm(scope.In("norm"), x), []int{2}, nil, tokens, []int{1}, nil)
}

// GPT2Model generates, see package generation.
type GPT2Model struct {
	*lm.Model
	config GPT2
}

// Config returns its sizes.
func (m *GPT2Model) Config() GPT2 { return m.config }

// NewGPT2 returns a model that generates by the variables of a store; those that are not there begin as those of a model that is to be trained.
func NewGPT2(backend graph.Backend, store *model.Store, c GPT2) (*GPT2Model, error) {
	if err := c.check("GPT-2", map[string]int{"Vocabulary": c.Vocabulary, "Positions": c.Positions}); err != nil {
		return nil, fmt.Errorf("transformer.NewGPT2: %w", err)
	}
	m, err := lm.New(backend, store, lm.Spec{Name: "GPT-2", Vocabulary: c.Vocabulary, Positions: c.Positions, Logits: c.logits})
	if err != nil {
		return nil, fmt.Errorf("transformer.NewGPT2: %w", err)
	}
	return &GPT2Model{m, c}, nil
}

// OpenGPT2 opens a checkpoint of transformers, a folder.
func OpenGPT2(backend graph.Backend, dir string) (*GPT2Model, error) {
	return openGPT2(backend, lm.Dir(dir))
}

// OpenGPT2FS is [OpenGPT2] for a folder of a file system, such as what a program has embedded.
func OpenGPT2FS(backend graph.Backend, fsys fs.FS, dir string) (*GPT2Model, error) {
	return openGPT2(backend, lm.In(fsys, dir))
}

func openGPT2(backend graph.Backend, dir lm.Folder) (*GPT2Model, error) {
	var v struct {
		Vocabulary int     `json:"vocab_size"`
		Positions  int     `json:"n_positions"`
		Width      int     `json:"n_embd"`
		Layers     int     `json:"n_layer"`
		Heads      int     `json:"n_head"`
		Hidden     *int    `json:"n_inner"`
		Activation string  `json:"activation_function"`
		Epsilon    float64 `json:"layer_norm_epsilon"`
		End        *int    `json:"eos_token_id"`
		Tied       *bool   `json:"tie_word_embeddings"`
		Scaled     *bool   `json:"scale_attn_weights"`
		ByLayer    bool    `json:"scale_attn_by_inverse_layer_idx"`
		Cross      bool    `json:"add_cross_attention"`
	}
	v.Epsilon, v.Activation = 1e-5, "gelu_new" // if the file leaves them out (transformers)
	fail := func(err error) (*GPT2Model, error) { return nil, fmt.Errorf("transformer.OpenGPT2: %w", err) }
	if err := dir.ReadConfig("gpt2", &v); err != nil {
		return fail(err)
	}
	if v.ByLayer || v.Cross || v.Scaled != nil && !*v.Scaled || v.Tied != nil && !*v.Tied {
		return fail(fmt.Errorf("%s: GPT-2 with scale_attn_by_inverse_layer_idx or add_cross_attention, or without scale_attn_weights or tie_word_embeddings, is not known here", dir))
	}
	act, err := activation(v.Activation)
	if err != nil {
		return fail(err)
	}
	c := GPT2{Size{v.Width, 4 * v.Width, v.Layers, v.Heads, v.Epsilon, act}, v.Vocabulary, v.Positions, nil}
	if v.Hidden != nil {
		c.Hidden = *v.Hidden
	}
	if v.End != nil {
		c.End = []int{*v.End}
	}
	const layer, our = "h.{}.", "/layer_{}/"
	rules := slices.Concat([]pretrained.Rule{
		{From: "wte.weight", To: "/embeddings"}, {From: "wpe.weight", To: "/positions"},
		{From: layer + "attn.c_proj.weight", To: our + "attention/output/weights"}, {From: layer + "attn.c_proj.bias", To: our + "attention/output/biases"}, // its weights are [in, out]
		{From: layer + "mlp.c_fc.weight", To: our + "feed_forward/up/weights"}, {From: layer + "mlp.c_fc.bias", To: our + "feed_forward/up/biases"},
		{From: layer + "mlp.c_proj.weight", To: our + "feed_forward/down/weights"}, {From: layer + "mlp.c_proj.bias", To: our + "feed_forward/down/biases"},
	}, layerNorm("ln_f", "/norm"), layerNorm(layer+"ln_1", our+"attention_norm"), layerNorm(layer+"ln_2", our+"feed_forward_norm"))
	for i, name := range []string{"query", "key", "value"} { // all in one tensor
		rules = append(rules, pretrained.Rule{From: layer + "attn.c_attn.weight", To: our + "attention/" + name + "/weights", Part: i, Of: 3, Axis: 1},
			pretrained.Rule{From: layer + "attn.c_attn.bias", To: our + "attention/" + name + "/biases", Part: i, Of: 3})
	}
	rules = append(named("transformer.", rules), rules...) // of the whole model, or of its trunk
	store, err := load(dir, func(scope *model.Scope, in []*graph.Node) { c.Logits(scope, in[0]) }, []shapes.Shape{shapes.Make(dtypes.Int32, 1, 1)}, rules, `attn\.(masked_)?bias$`, `^lm_head\.weight$`)
	if err != nil {
		return fail(err)
	}
	return NewGPT2(backend, store, c)
}
