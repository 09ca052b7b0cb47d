package transformer

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// BERT is the sizes of a BERT: an encoder with learned positions and kinds of texts, and norms behind its blocks.
type BERT struct {
	Size
	Vocabulary int
	Positions  int // the longest text
	Kinds      int // of texts, as first and second
	Pooler     bool
}

// BERTBase is the sizes of BERT base for English in small letters, of 109 million parameters.
func BERTBase() BERT {
	return BERT{Size: Size{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Epsilon: 1e-12, Activation: "gelu"}, Vocabulary: 30522, Positions: 512, Kinds: 2, Pooler: true}
}

// Hidden returns what the last layer makes of texts, [B, T, Width]. ids are [B, T], integers; mask, which may be nil, is [B, T], not 0 where there is a token;
// kinds, which may be nil, are 0 for the first of two texts and 1 for the second.
//
// Source: Devlin et al., "BERT", 2018, arXiv:1810.04805, section 3.
func (c BERT) Hidden(scope *model.Scope, ids, mask, kinds *graph.Node) *graph.Node {
	if err := c.check("BERT", map[string]int{"Vocabulary": c.Vocabulary, "Positions": c.Positions, "Kinds": c.Kinds}); err != nil {
		graph.Errorf("%v", err)
	}
	if ids.Rank() != 2 || ids.Dim(1) > c.Positions || !ids.DType().IsInt() {
		graph.Errorf("BERT: ids are %s, want integers of [batch, time] and %d times at most", ids.Shape(), c.Positions)
	}
	for i, x := range []*graph.Node{mask, kinds} {
		if x != nil && !slices.Equal(x.Shape().Dimensions, ids.Shape().Dimensions) {
			graph.Errorf("BERT: ids are %s and the %s %s: want them alike", ids.Shape(), []string{"mask", "kinds"}[i], x.Shape())
		}
	}
	if mask != nil && mask.DType() != dtypes.Bool {
		mask = graph.NotEqual(mask, graph.ScalarZero(mask.Graph(), mask.DType()))
	}
	if kinds == nil {
		kinds = graph.ZerosLike(ids)
	}
	in := scope.In("embeddings")
	take := func(name string, n int, at *graph.Node) *graph.Node {
		return graph.Gather(table(in, ids, name, n, c.Width), graph.ExpandAxes(at, -1))
	}
	x := graph.Add(take("tokens", c.Vocabulary, ids), take("kinds", c.Kinds, kinds))
	x = graph.Add(x, take("positions", c.Positions, graph.Iota(ids.Graph(), shapes.Make(dtypes.Int32, ids.Dim(1)), 0)))
	x = c.norm(in.In("norm"), x)
	for i := range c.Layers {
		x = c.block(scope.In("layer_%d", i), x, false, both(mask))
	}
	return x
}

// Pooled returns a summary of each text from what [BERT.Hidden] made of its first token: tanh(x₀ · w + b), [B, Width].
func (c BERT) Pooled(scope *model.Scope, hidden *graph.Node) *graph.Node {
	first := graph.Squeeze(graph.SliceAxis(hidden, 1, graph.AxisElem(0)), 1)
	return graph.Tanh(layers.Dense(scope.In("pooler"), first, true, c.Width))
}

// OpenBERT opens a checkpoint of transformers, a folder, with or without what was trained on top of the encoder, which is left out.
func OpenBERT(dir string) (c BERT, store *model.Store, err error) { return openBERT(lm.Dir(dir)) }

// OpenBERTFS is [OpenBERT] for a folder of a file system, such as what a program has embedded.
func OpenBERTFS(fsys fs.FS, dir string) (c BERT, store *model.Store, err error) {
	return openBERT(lm.In(fsys, dir))
}

func openBERT(dir lm.Folder) (c BERT, store *model.Store, err error) {
	var v struct {
		Vocabulary int     `json:"vocab_size"`
		Positions  int     `json:"max_position_embeddings"`
		Kinds      int     `json:"type_vocab_size"`
		Width      int     `json:"hidden_size"`
		Hidden     int     `json:"intermediate_size"`
		Layers     int     `json:"num_hidden_layers"`
		Heads      int     `json:"num_attention_heads"`
		Activation string  `json:"hidden_act"`
		Epsilon    float64 `json:"layer_norm_eps"`
		Decoder    bool    `json:"is_decoder"`
	}
	v.Kinds, v.Epsilon, v.Activation = 2, 1e-12, "gelu" // if the file leaves them out (transformers)
	fail := func(err error) (BERT, *model.Store, error) {
		return BERT{}, nil, fmt.Errorf("transformer.OpenBERT: %w", err)
	}
	if err := dir.ReadConfig("bert", &v); err != nil {
		return fail(err)
	}
	if v.Decoder {
		return fail(fmt.Errorf("%s: a BERT that is a decoder, is_decoder, is not known here", dir))
	}
	act, err := activation(v.Activation)
	if err != nil {
		return fail(err)
	}
	c = BERT{Size{v.Width, v.Hidden, v.Layers, v.Heads, v.Epsilon, act}, v.Vocabulary, v.Positions, v.Kinds, true}
	const layer, our = "encoder.layer.{}.", "/layer_{}/"
	rules := slices.Concat([]pretrained.Rule{
		{From: "embeddings.word_embeddings.weight", To: "/embeddings/tokens"}, {From: "embeddings.position_embeddings.weight", To: "/embeddings/positions"},
		{From: "embeddings.token_type_embeddings.weight", To: "/embeddings/kinds"},
	}, layerNorm("embeddings.LayerNorm", "/embeddings/norm"),
		linear(layer+"attention.self.query", our+"attention/query"), linear(layer+"attention.self.key", our+"attention/key"), linear(layer+"attention.self.value", our+"attention/value"),
		linear(layer+"attention.output.dense", our+"attention/output"), layerNorm(layer+"attention.output.LayerNorm", our+"attention_norm"),
		linear(layer+"intermediate.dense", our+"feed_forward/up"), linear(layer+"output.dense", our+"feed_forward/down"), layerNorm(layer+"output.LayerNorm", our+"feed_forward_norm"))
	pooler := linear("pooler.dense", "/pooler")
	for i := range pooler {
		pooler[i].Optional = true
	}
	rules = append(rules, pooler...)
	rules = append(named("bert.", rules), rules...)
	store, err = load(dir, func(scope *model.Scope, in []*graph.Node) { c.Pooled(scope, c.Hidden(scope, in[0], nil, nil)) }, []shapes.Shape{shapes.Make(dtypes.Int32, 1, 1)}, rules, `position_ids$`, `^cls\.`, `^classifier\.`, `^qa_outputs\.`)
	if err != nil {
		return fail(err)
	}
	c.Pooler = store.GetVariable("/pooler/weights") != nil
	return c, store, nil
}
