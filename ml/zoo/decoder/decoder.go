package decoder

import (
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/layers"
	"github.com/quire-ml/quire/ml/model"
)

// Logits returns what comes next at each place of texts:
//
//	x = embeddings[ids]
//	x = x + Attention(RMSNorm(x));  x = x + FeedForward(RMSNorm(x))     for each layer
//	logits = RMSNorm(x) · output                                       [B, T, V]
//
// with FeedForward(x) = (activation(x · gate) ⊙ (x · up)) · down. ids are [B, T], integers; those at a place depend on ids up to there.
//
// Source: Touvron et al., "LLaMA", 2023, arXiv:2302.13971, section 2.2; Qwen3, 2025, arXiv:2505.09388 (norms of queries and keys); Gemma, 2024, arXiv:2403.08295.
func (c Config) Logits(scope *model.Scope, ids *graph.Node) *graph.Node {
	return c.logits(scope, ids, nil)
}

// CachedLogits is Logits for texts that go on from call to call: keys and values of what came before are in caches, see package cache, below the scope. ids are those
// that are new.
func (c Config) CachedLogits(scope *model.Scope, ids *graph.Node) *graph.Node {
	return c.logits(scope, ids, &cache.Place{})
}

// logits are those of texts that go on from caches of a place, if it is not nil.
func (c Config) logits(scope *model.Scope, ids *graph.Node, caches *cache.Place) *graph.Node {
	if err := c.Check(); err != nil {
		graph.Errorf("decoder: %v", err)
	}
	if ids.Rank() != 2 || !ids.DType().IsInt() {
		graph.Errorf("decoder: ids are %s, want integers of [batch, time]", ids.Shape())
	}
	if c.initializer > 0 {
		scope = scope.WithInitializer(initializers.RandomNormalFn(c.initializer))
	}
	table := scope.VariableWithShape("embeddings", shapes.Make(c.DType, c.Vocabulary, c.Width)).NodeValue(ids)
	x := graph.Gather(table, graph.ExpandAxes(ids, -1))
	if c.EmbedScale != 0 && c.EmbedScale != 1 {
		x = graph.Mul(x, graph.Scalar(x.Graph(), c.DType, c.EmbedScale))
	}
	for i := range c.Layers {
		block := scope.In("layer_%d", i)
		x = graph.Add(x, c.attention(block.In("attention"), c.norm(block.In("attention_norm"), x), caches))
		x = block.Result(graph.Add(x, c.feedForward(block.In("feed_forward"), c.norm(block.In("feed_forward_norm"), x))))
	}
	x = c.norm(scope.In("norm"), x)
	if c.Tied {
		return graph.DotGeneral(x, []int{2}, nil, table, []int{1}, nil)
	}
	return layers.Dense(scope.In("output"), x, false, c.Vocabulary)
}

func (c Config) norm(scope *model.Scope, x *graph.Node) *graph.Node {
	first := initializers.One
	if c.NormOffset == 1 {
		first = initializers.Zero
	}
	gain := scope.WithInitializer(first).VariableWithShape("gain", shapes.Make(x.DType(), x.Dim(-1))).NodeValue(x)
	if c.NormOffset != 0 {
		gain = graph.AddScalar(gain, c.NormOffset)
	}
	return fast.RMSNorm(x, gain, c.Epsilon)
}

func (c Config) feedForward(scope *model.Scope, x *graph.Node) *graph.Node {
	gate := layers.Activation(c.Activation, layers.Dense(scope.In("gate"), x, false, c.Hidden))
	return layers.Dense(scope.In("down"), graph.Mul(gate, layers.Dense(scope.In("up"), x, false, c.Hidden)), false, c.Width)
}

func (c Config) attention(scope *model.Scope, x *graph.Node, caches *cache.Place) *graph.Node {
	heads := func(name string, n int) *graph.Node { // [B, heads, T, D]
		y := layers.Dense(scope.In(name), x, c.Bias, n, c.HeadDim)
		if c.QKNorm && name != "value" {
			y = c.norm(scope.In(name+"_norm"), y)
		}
		return graph.TransposeAllAxes(y, 0, 2, 1, 3)
	}
	q, k, v := heads("query", c.Heads), heads("key", c.KVHeads), heads("value", c.KVHeads)
	var kv *cache.Cache
	turn := func(x *graph.Node) *graph.Node {
		b := fast.RoPE(x).Base(c.RotaryBase)
		if c.Rotary != nil {
			s := c.Rotary
			periods, _ := layers.Rotary{Base: c.RotaryBase, Scaling: layers.Llama3Rotary, Factor: s.Factor, OriginalLength: int(s.Positions), LowFrequency: s.Low, HighFrequency: s.High}.Periods(c.HeadDim)
			b = fast.RoPE(x).Frequencies(graph.ConstAsDType(x.Graph(), dtypes.Float32, periods))
		}
		if kv != nil {
			b.Offset(kv.Position())
		}
		return b.Done()
	}
	var y *graph.Node
	if caches != nil {
		kv = caches.KV(scope.In("cache"), x)
		k = turn(k)
		y = kv.Append(k, v).Attend(turn(q)).Window(c.Window).Done()
	} else {
		k = turn(k)
		y = fast.ScaledDotProductAttention(turn(q), k, v).Causal(true).Window(c.Window).Done()
	}
	y = graph.TransposeAllAxes(y, 0, 2, 1, 3) // [B, T, heads, D]
	return layers.Dense(scope.In("output"), graph.Reshape(y, y.Dim(0), y.Dim(1), c.Heads*c.HeadDim), false, c.Width)
}
