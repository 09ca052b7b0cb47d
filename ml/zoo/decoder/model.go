package decoder

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// rules are the names of transformers.
var rules = []pretrained.Rule{
	{From: "model.embed_tokens.weight", To: "/embeddings"},
	{From: "model.norm.weight", To: "/norm/gain"},
	{From: "lm_head.weight", To: "/output/weights", Transpose: true, Optional: true},
	{From: "model.layers.{}.input_layernorm.weight", To: "/layer_{}/attention_norm/gain"},
	{From: "model.layers.{}.post_attention_layernorm.weight", To: "/layer_{}/feed_forward_norm/gain"},
	{From: "model.layers.{}.self_attn.q_proj.weight", To: "/layer_{}/attention/query/weights", Transpose: true},
	{From: "model.layers.{}.self_attn.k_proj.weight", To: "/layer_{}/attention/key/weights", Transpose: true},
	{From: "model.layers.{}.self_attn.v_proj.weight", To: "/layer_{}/attention/value/weights", Transpose: true},
	{From: "model.layers.{}.self_attn.o_proj.weight", To: "/layer_{}/attention/output/weights", Transpose: true},
	{From: "model.layers.{}.self_attn.q_proj.bias", To: "/layer_{}/attention/query/biases"},
	{From: "model.layers.{}.self_attn.k_proj.bias", To: "/layer_{}/attention/key/biases"},
	{From: "model.layers.{}.self_attn.v_proj.bias", To: "/layer_{}/attention/value/biases"},
	{From: "model.layers.{}.self_attn.q_norm.weight", To: "/layer_{}/attention/query_norm/gain"},
	{From: "model.layers.{}.self_attn.k_norm.weight", To: "/layer_{}/attention/key_norm/gain"},
	{From: "model.layers.{}.mlp.gate_proj.weight", To: "/layer_{}/feed_forward/gate/weights", Transpose: true},
	{From: "model.layers.{}.mlp.up_proj.weight", To: "/layer_{}/feed_forward/up/weights", Transpose: true},
	{From: "model.layers.{}.mlp.down_proj.weight", To: "/layer_{}/feed_forward/down/weights", Transpose: true},
}

// Load reads the tensors of a checkpoint, named as transformers does, into the variables of a store.
func (c Config) Load(store *model.Store, src pretrained.Source) (*pretrained.Report, error) {
	wanted, err := pretrained.Wanted(func(scope *model.Scope, in []*graph.Node) { c.Logits(scope, in[0]) }, shapes.Make(dtypes.Int32, 1, 2))
	if err != nil {
		return nil, err
	}
	for _, name := range src.Names() { // a checkpoint without it has the table of embeddings in its place
		if name == "lm_head.weight" && !c.Tied {
			return pretrained.Load(store, src, wanted, rules, `rotary_emb\.inv_freq$`)
		}
	}
	if _, ok := wanted["/output/weights"]; ok {
		return nil, errors.New("decoder: the checkpoint has no lm_head.weight, but its config does not say that embeddings are tied")
	}
	return pretrained.Load(store, src, wanted, rules, `rotary_emb\.inv_freq$`, `^lm_head\.weight$`)
}

// Open opens a checkpoint, a folder with config.json and model.safetensors, or model.safetensors.index.json and the files that it names. Variables are float32, whatever the
// file has.
func Open(backend graph.Backend, dir string) (*Model, error) { return open(backend, lm.Dir(dir)) }

// OpenFS is [Open] for a folder of a file system, such as what a program has embedded.
func OpenFS(backend graph.Backend, fsys fs.FS, dir string) (*Model, error) {
	return open(backend, lm.In(fsys, dir))
}

func open(backend graph.Backend, dir lm.Folder) (*Model, error) {
	c, err := readConfig(dir)
	if err != nil {
		return nil, fmt.Errorf("decoder.Open: %w", err)
	}
	file, err := dir.Checkpoint()
	if err != nil {
		return nil, fmt.Errorf("decoder.Open: %w", err)
	}
	defer file.Close()
	store := model.NewStore()
	if _, err := c.Load(store, file); err != nil {
		store.Close()
		return nil, fmt.Errorf("decoder.Open: %s: %w", dir, err)
	}
	return New(backend, store, c)
}

// Model is a decoder on a backend, which generates: it is a generation.Verifier. A single sequence has its keys and values in caches that stay on the backend; of several, as of
// beams, all of the text is computed for each token. It is for one goroutine.
type Model struct {
	*lm.Model
	config Config
}

// New returns a model that generates by the variables of a store; those that are not there begin as those of a model that is to be trained.
func New(backend graph.Backend, store *model.Store, c Config) (*Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	m, err := lm.New(backend, store, lm.Spec{Name: "decoder", Vocabulary: c.Vocabulary, Positions: c.Positions, Logits: c.logits})
	if err != nil {
		return nil, err
	}
	return &Model{m, c}, nil
}

// Config returns its sizes and kind.
func (m *Model) Config() Config { return m.config }
