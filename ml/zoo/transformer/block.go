package transformer

import (
	"fmt"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/checkpoints/pretrained"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/zoo/internal/lm"
)

// Size is what the models of this package have in common.
type Size struct {
	Width      int // of the residual stream
	Hidden     int // width of the feed-forward blocks
	Layers     int
	Heads      int     // divides Width
	Epsilon    float64 // of norms
	Activation string  // as layers.Activation knows it
}

func (s Size) check(what string, more map[string]int) error {
	all := map[string]int{"Width": s.Width, "Hidden": s.Hidden, "Layers": s.Layers, "Heads": s.Heads}
	for name, n := range more {
		all[name] = n
	}
	for _, name := range []string{"Width", "Hidden", "Layers", "Heads", "Vocabulary", "Positions", "Kinds", "Picture", "Patch", "Channels", "Classes"} {
		if n, ok := all[name]; ok && (n < 1 || n > 1<<24) {
			return fmt.Errorf("%s's %s is %d, want 1 to %d", what, name, n, 1<<24)
		}
	}
	switch {
	case s.Width%s.Heads != 0:
		return fmt.Errorf("%s's %d heads do not divide a width of %d", what, s.Heads, s.Width)
	case !(s.Epsilon >= 0):
		return fmt.Errorf("%s's Epsilon is %v, want 0 and more", what, s.Epsilon)
	}
	return nil
}

// norm is a layer norm whose variables are gain and offset.
func (s Size) norm(scope *model.Scope, x *graph.Node) *graph.Node {
	v := func(name string, first initializers.Initializer) *graph.Node {
		return scope.WithInitializer(first).VariableWithShape(name, shapes.Make(x.DType(), x.Dim(-1))).NodeValue(x)
	}
	return fast.LayerNorm(x, v("gain", initializers.One), v("offset", initializers.Zero), s.Epsilon)
}

// block is a layer: attention and a feed-forward net, each with a norm before it, or after the sum.
//
//	x + f(norm(x))     or    norm(x + f(x))
func (s Size) block(scope *model.Scope, x *graph.Node, normFirst bool, attend func(q, k, v *graph.Node) *graph.Node) *graph.Node {
	part := func(name string, f func(scope *model.Scope, x *graph.Node) *graph.Node) {
		if normFirst {
			x = graph.Add(x, f(scope.In(name), s.norm(scope.In(name+"_norm"), x)))
		} else {
			x = s.norm(scope.In(name+"_norm"), graph.Add(x, f(scope.In(name), x)))
		}
	}
	part("attention", func(scope *model.Scope, x *graph.Node) *graph.Node {
		heads := func(name string) *graph.Node { // [B, heads, T, D]
			return graph.TransposeAllAxes(layers.Dense(scope.In(name), x, true, s.Heads, s.Width/s.Heads), 0, 2, 1, 3)
		}
		y := graph.TransposeAllAxes(attend(heads("query"), heads("key"), heads("value")), 0, 2, 1, 3)
		return layers.Dense(scope.In("output"), graph.ReshapeWithShape(y, shapes.Make(x.DType(), x.Shape().Dimensions...)), true, s.Width)
	})
	part("feed_forward", func(scope *model.Scope, x *graph.Node) *graph.Node {
		return layers.Dense(scope.In("down"), layers.Activation(s.Activation, layers.Dense(scope.In("up"), x, true, s.Hidden)), true, s.Width)
	})
	return scope.Result(x)
}

// causal is the attention of GPT-2, over a cache or, if that is nil, without.
func causal(kv *cache.Cache) func(q, k, v *graph.Node) *graph.Node {
	return func(q, k, v *graph.Node) *graph.Node {
		if kv != nil {
			return kv.Append(k, v).Attend(q).Done()
		}
		return fast.ScaledDotProductAttention(q, k, v).Causal(true).Done()
	}
}

// both is attention in both directions; mask, which may be nil, is true where there is a token, [B, T].
func both(mask *graph.Node) func(q, k, v *graph.Node) *graph.Node {
	return func(q, k, v *graph.Node) *graph.Node {
		b := fast.ScaledDotProductAttention(q, k, v)
		if mask != nil {
			b.Mask(graph.Reshape(mask, mask.Dim(0), 1, 1, mask.Dim(1)))
		}
		return b.Done()
	}
}

// table returns a variable of vectors.
func table(scope *model.Scope, at *graph.Node, name string, n, width int) *graph.Node {
	return scope.WithInitializer(scope.InitializerOr(initializers.RandomNormalFn(0.02))).VariableWithShape(name, shapes.Make(dtypes.Float32, n, width)).NodeValue(at)
}

// activations are the names that transformers has.
var activations = map[string]string{"gelu": "gelu", "gelu_new": "gelu_approximate", "gelu_pytorch_tanh": "gelu_approximate", "relu": "relu", "silu": "silu"}

// load reads the tensors of a folder into a store.
func load(dir lm.Folder, build func(scope *model.Scope, in []*graph.Node), in []shapes.Shape, rules []pretrained.Rule, ignore ...string) (*model.Store, error) {
	wanted, err := pretrained.Wanted(build, in...)
	if err != nil {
		return nil, err
	}
	file, err := dir.Checkpoint()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	store := model.NewStore()
	if _, err := pretrained.Load(store, file, wanted, rules, ignore...); err != nil {
		store.Close()
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return store, nil
}

// linear are the rules of a Linear of PyTorch, whose weights are [out, in].
func linear(from, to string) []pretrained.Rule {
	return []pretrained.Rule{{From: from + ".weight", To: to + "/weights", Transpose: true}, {From: from + ".bias", To: to + "/biases"}}
}

func layerNorm(from, to string) []pretrained.Rule {
	return []pretrained.Rule{{From: from + ".weight", To: to + "/gain"}, {From: from + ".bias", To: to + "/offset"}}
}

// named returns rules with something before each name of a tensor.
func named(prefix string, rules []pretrained.Rule) []pretrained.Rule {
	out := make([]pretrained.Rule, len(rules))
	for i, r := range rules {
		r.From = prefix + r.From
		out[i] = r
	}
	return out
}

func activation(name string) (string, error) {
	if a, ok := activations[name]; ok {
		return a, nil
	}
	return "", fmt.Errorf("the activation %q is not known: known are gelu, gelu_new, gelu_pytorch_tanh, relu, silu", name)
}
