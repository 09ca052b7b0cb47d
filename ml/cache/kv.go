package cache

import (
	"math"
	"slices"
	"strings"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/model"
)

// Growth is by how many positions a cache of [KV] grows.
const Growth = 256

// Names of variables.
const (
	keysName, valuesName, lengthName = "cached_keys", "cached_values", "cached_length"
	ringKeysName, ringValuesName     = "ring_keys", "ring_values"
	countsName, placesName           = "cached_counts", "cached_places" // of rows of several lengths
)

// Cache is the keys and values of one attention, in variables of a scope, while a graph is built. The variables are transient
// ([model.Variable.SetTransient]): no checkpoint has them.
type Cache struct {
	scope      *model.Scope
	place      Place
	length     *model.Variable
	position   *graph.Node // how many times were appended before, padding included
	size, keep int         // of a rotating one; 0

	counts             *model.Variable // int32[B], how many positions each row has; nil if all have as many
	before             *graph.Node     // its value
	keys, values, mask *graph.Node     // that queries see
	places             *graph.Node     // of the keys, [B, T]
}

// Place says which of the caches of a scope are meant, and how they are appended to. Its methods make them; the zero Place is what [KV] and [Rotating]
// take.
type Place struct {
	// Name keeps caches apart that stand in one scope: texts that go on side by side, by models that share their weights in one store, each
	// have a name of their own. [Place.Of] are those of the name.
	Name string

	// Counts, int32 of int32[B], has rows of a batch go on by different numbers of positions: of the T times that are appended to row b,
	// the first Counts[b] are the row's, and the others are padding, which nothing looks at. A cache is made with counts or without, and
	// stays so. It is for KV alone.
	Counts *graph.Node
}

// KV returns the cache of a scope, one that holds all positions. It is empty at first; [Set.Reserve] makes it larger.
func KV(scope *model.Scope, at graph.GraphProvider) *Cache { return Place{}.KV(scope, at) }

// KV is [KV] of this place.
func (p Place) KV(scope *model.Scope, at graph.GraphProvider) *Cache {
	return newCache(p, scope, at, 0, 0)
}

// Rotating returns the cache of a scope that holds the first keep positions, which queries go on looking at, and of the others the last
// size - keep, the query's own included. It takes the same memory however long a text is.
//
// Source: Xiao et al., "Efficient streaming language models with attention sinks", 2023, arXiv:2309.17453, section 3.2; positions are those of
// the text, not of the cache.
func Rotating(scope *model.Scope, at graph.GraphProvider, size, keep int) *Cache {
	return Place{}.Rotating(scope, at, size, keep)
}

// Rotating is [Rotating] of this place.
func (p Place) Rotating(scope *model.Scope, at graph.GraphProvider, size, keep int) *Cache {
	if p.Counts != nil {
		graph.Errorf("cache.Rotating: a rotating cache has rows of one length: Counts is for KV")
	}
	if keep < 0 || size <= keep {
		graph.Errorf("cache.Rotating: %d positions of which the first %d stay: there must be one that does not", size, keep)
	}
	return newCache(p, scope, at, size, keep)
}

func newCache(p Place, scope *model.Scope, at graph.GraphProvider, size, keep int) *Cache {
	if scope == nil || at == nil {
		graph.Errorf("cache: the scope or the node is nil")
	}
	if strings.Contains(p.Name, "/") {
		graph.Errorf("cache: the name %q has a slash: want one without", p.Name)
	}
	c := &Cache{scope: scope.WithInitializer(initializers.Zero), place: p, size: size, keep: keep}
	c.length = c.scope.VariableWithShape(p.of(lengthName), shapes.Make(dtypes.Int32)).SetTransient(true)
	c.position = c.length.NodeValue(at)
	there, counted := scope.GetVariable(p.of(keysName)) != nil, scope.GetVariable(p.of(countsName)) != nil
	switch {
	case p.Counts == nil && counted:
		graph.Errorf("cache %q has rows of several lengths: give Counts, here too", scope.Path())
	case p.Counts == nil:
		return c
	case p.Counts.DType() != dtypes.Int32 || p.Counts.Rank() != 1:
		graph.Errorf("cache: Counts is %s, want int32 of [batch]", p.Counts.Shape())
	case there && !counted:
		graph.Errorf("cache %q has rows of one length, without Counts: Clear it, or use another Name", scope.Path())
	}
	c.counts = c.scope.VariableWithShape(p.of(countsName), shapes.Make(dtypes.Int32, p.Counts.Dim(0))).SetTransient(true)
	c.before = c.counts.NodeValue(at)
	return c
}

// of returns the name of a variable of the place.
func (p Place) of(name string) string {
	if p.Name == "" {
		return name
	}
	return name + "@" + p.Name
}

// Position returns how many positions were appended before, which is the position of the next: an int32 scalar, or with Counts one of each row, int32[B].
func (c *Cache) Position() *graph.Node {
	if c.before != nil {
		return c.before
	}
	return c.position
}

// Positions returns the positions of the next n times: int32 of [n], or with Counts [B, n].
func (c *Cache) Positions(n int) *graph.Node {
	next := graph.Iota(c.position.Graph(), shapes.Make(dtypes.Int32, n), 0)
	if c.before != nil {
		return graph.Add(graph.ExpandAxes(c.before, -1), next)
	}
	return graph.Add(c.position, next)
}

// Append adds keys, [..., H, T, D], and values, [..., H, T, E], of the next T positions, and returns c, which then has what [Cache.Attend] sees. The
// cache has their leading axes and dtypes from the first call on.
//
// Where a cache of KV has no room for them, because [Set.Reserve] was not called, values become NaN, and the next Reserve is an error.
func (c *Cache) Append(keys, values *graph.Node) *Cache {
	const op = "cache.Append"
	switch {
	case keys == nil || values == nil:
		graph.Errorf("%s: keys or values are nil", op)
	case keys.Rank() < 2 || keys.Rank() != values.Rank() || !slices.Equal(keys.Shape().Dimensions[:keys.Rank()-1], values.Shape().Dimensions[:keys.Rank()-1]):
		graph.Errorf("%s: keys %s, values %s: want [..., time, channels] of the same leading axes", op, keys.Shape(), values.Shape())
	case c.counts != nil && keys.Dim(0) != c.place.Counts.Dim(0):
		graph.Errorf("%s: keys %s, and counts of %d rows: want keys of [batch, ..., time, channels]", op, keys.Shape(), c.place.Counts.Dim(0))
	case c.keys != nil:
		graph.Errorf("%s: this cache has been appended to in this graph: append all positions at once", op)
	}
	if c.size > 0 {
		c.appendToRing(keys, values)
	} else {
		c.append(keys, values)
	}
	if c.counts != nil {
		c.count(keys.Dim(-2))
	}
	c.length.SetNodeValue(graph.AddScalar(c.position, keys.Dim(-2)))
	return c
}

// append writes behind what is there.
func (c *Cache) append(keys, values *graph.Node) {
	n := keys.Dim(-2)
	capacity := max(1, (n+Growth-1)/Growth) * Growth
	if v := c.scope.GetVariable(c.place.of(keysName)); v != nil {
		capacity = v.Shape().Dim(-2)
	}
	if n > capacity {
		graph.Errorf("cache.Append: %d positions do not fit into a cache of %d: call Reserve(%d) of cache.Of before", n, capacity, n)
	}
	fits := graph.LessOrEqual(c.position, graph.Scalar(c.position.Graph(), dtypes.Int32, capacity-n))
	values = graph.Where(fits, values, graph.Scalar(values.Graph(), values.DType(), math.NaN()))
	c.keys = c.write(keysName, keys, capacity, c.position)
	c.values = c.write(valuesName, values, capacity, c.position)
}

// count notes which positions the n times that were appended have in each row: in the variable one more, 0 for padding.
func (c *Cache) count(n int) {
	g, counts := c.before.Graph(), graph.ExpandAxes(plain(c.place.Counts), -1) // [B, 1]
	times := graph.Iota(g, shapes.Make(dtypes.Int32, n), 0)
	at := graph.Where(graph.LessThan(times, counts), graph.AddScalar(c.Positions(n), 1), graph.ScalarZero(g, dtypes.Int32)) // [B, n]
	places := c.write(placesName, graph.ExpandAxes(at, -1), c.keys.Dim(-2), c.position)
	c.places = graph.AddScalar(graph.Squeeze(places, -1), -1)
	c.counts.SetNodeValue(graph.Add(c.before, plain(c.place.Counts)))
}

// write puts x into a variable with so many positions, at one of them.
func (c *Cache) write(name string, x *graph.Node, capacity int, at *graph.Node) *graph.Node {
	v := c.variable(name, x, capacity)
	starts := make([]*graph.Node, x.Rank())
	for i := range starts {
		starts[i] = graph.ScalarZero(x.Graph(), dtypes.Int32)
	}
	starts[len(starts)-2] = at
	y := graph.DynamicUpdateSlice(v.NodeValue(x), plain(x), starts)
	v.SetNodeValue(y)
	return y
}

// variable returns the one that holds so many positions of what x has.
func (c *Cache) variable(name string, x *graph.Node, capacity int) *model.Variable {
	s := shapes.Make(x.DType(), x.Shape().Dimensions...)
	s.Dimensions[s.Rank()-2] = capacity
	return c.scope.VariableWithShape(c.place.of(name), s).SetTrainable(false).SetTransient(true)
}

// plain returns x without names of axes and gradients.
func plain(x *graph.Node) *graph.Node {
	if x.Shape().HasNames() {
		x = x.WithAxisNames(make([]string, x.Rank())...)
	}
	return graph.StopGradient(x)
}

// appendToRing writes over the oldest positions that may go. One new position is written first, and queries see the cache; of several the
// first ones must see what the last ones write over, and so queries see the cache as it was and what is new.
func (c *Cache) appendToRing(keys, values *graph.Node) {
	g, n := keys.Graph(), keys.Dim(-2)
	slots := graph.Iota(g, shapes.Make(dtypes.Int32, c.size), 0)
	newest := graph.AddScalar(c.position, n-1)
	if n == 1 {
		at := graph.Where(graph.LessThan(newest, graph.Scalar(g, dtypes.Int32, c.size)), newest, graph.AddScalar(graph.Rem(graph.AddScalar(newest, -c.keep), graph.Scalar(g, dtypes.Int32, c.size-c.keep)), c.keep))
		c.keys, c.values = c.write(ringKeysName, keys, c.size, at), c.write(ringValuesName, values, c.size, at)
		c.mask = graph.Reshape(graph.IsNonNegative(c.held(slots, newest)), 1, c.size)
		return
	}
	places := c.held(slots, graph.AddScalar(c.position, -1))                                    // [size]
	added := graph.Add(graph.Iota(g, shapes.Make(dtypes.Int32, n), 0), c.position)              // [T]
	all := graph.Concatenate([]*graph.Node{places, added}, 0)                                   // [size + T]
	query := graph.ExpandAxes(added, 1)                                                         // [T, 1]
	recent := graph.GreaterThan(all, graph.AddScalar(query, c.keep-c.size))                     // [T, size + T]
	seen := graph.LogicalOr(recent, graph.LessThan(all, graph.Scalar(g, dtypes.Int32, c.keep))) // or the first ones
	c.mask = graph.LogicalAnd(graph.LogicalAnd(seen, graph.LessOrEqual(all, query)), graph.IsNonNegative(all))

	now := c.held(slots, newest)
	from := graph.Sub(now, c.position) // index of what is new, negative for what stays
	c.keys, c.values = c.turn(ringKeysName, keys, from), c.turn(ringValuesName, values, from)
}

// held returns the positions that slots hold when newest was written last, -1 if none.
func (c *Cache) held(slots, newest *graph.Node) *graph.Node {
	g, ring := slots.Graph(), c.size-c.keep
	number := func(n int) *graph.Node { return graph.Scalar(g, dtypes.Int32, n) }
	since := graph.Rem(graph.AddScalar(graph.Sub(newest, slots), c.size*ring), number(ring)) // of a number that is not negative
	last := graph.Sub(newest, since)
	last = graph.Where(graph.LessThan(last, number(c.keep)), number(-1), last)
	first := graph.Where(graph.LessOrEqual(slots, newest), slots, number(-1))
	return graph.Where(graph.LessThan(slots, number(c.keep)), first, last)
}

// turn returns what was held and x, one after the other along time, and sets slots to what is new where from, an index of x, is not negative.
func (c *Cache) turn(name string, x, from *graph.Node) *graph.Node {
	v := c.variable(name, x, c.size)
	old, x := v.NodeValue(x), plain(x)
	perm := make([]int, x.Rank()) // time first
	for i := range perm {
		perm[i] = i
	}
	t := x.Rank() - 2
	perm = append([]int{t}, slices.Delete(perm, t, t+1)...)
	back := make([]int, len(perm))
	for i, p := range perm {
		back[p] = i
	}
	taken := graph.TransposeAllAxes(graph.Gather(graph.TransposeAllAxes(x, perm...), graph.ExpandAxes(from, -1)), back...)
	v.SetNodeValue(graph.Where(graph.Reshape(graph.IsNonNegative(from), c.size, 1), taken, old))
	return graph.Concatenate([]*graph.Node{old, x}, t)
}

// Attend starts the attention of queries, [..., H, T, D], at the positions that were appended: each sees the positions up to its own that the cache
// holds. Settings of [fast.ScaledDotProductAttention], such as a window or sinks, may be added.
func (c *Cache) Attend(query *graph.Node) *fast.AttentionBuilder {
	if c.keys == nil {
		graph.Errorf("cache.Attend: nothing was appended in this graph (see Append)")
	}
	b := fast.ScaledDotProductAttention(query, c.keys, c.values)
	switch {
	case c.mask != nil:
		return b.Mask(c.mask)
	case c.places != nil:
		return b.Causal(true).Offset(c.before).KeyPositions(c.places)
	}
	return b.Causal(true).Offset(c.position)
}
