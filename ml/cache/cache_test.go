package cache_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/fast"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/ir"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/cache"
	"github.com/quire-ml/quire/ml/model"
)

const heads, width = 2, 4

// text is some positions, which are their own queries, keys and values: [1, heads, n, width].
type text []float32

func random(n int) text {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make(text, heads*n*width)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func (x text) len() int { return len(x) / (heads * width) }

// part returns positions from to to-1.
func (x text) part(from, to int) *tensors.Tensor {
	flat := make([]float32, 0, heads*(to-from)*width)
	for h := range heads {
		flat = append(flat, x[(h*x.len()+from)*width:(h*x.len()+to)*width]...)
	}
	return tensors.FromFlatDataAndDimensions(flat, 1, heads, to-from, width)
}

// recomputed is the attention of all positions at once, of which each sees those before it: with a size, the first keep and the last ones that
// make it up.
func (x text) recomputed(t *testing.T, size, keep int) text {
	t.Helper()
	y, err := graph.CallOnce(gocpu.New(), func(x *graph.Node) *graph.Node {
		q := fast.RoPE(x).Done()
		b := fast.ScaledDotProductAttention(q, q, x).Causal(true)
		if size > 0 {
			s := shapes.Make(dtypes.Int32, x.Dim(-2), x.Dim(-2))
			i, j := graph.Iota(x.Graph(), s, 0), graph.Iota(x.Graph(), s, 1)
			b.Mask(graph.LogicalOr(graph.LessThan(j, graph.Scalar(x.Graph(), dtypes.Int32, keep)), graph.GreaterThan(j, graph.AddScalar(i, keep-size))))
		}
		return b.Done()
	}, x.part(0, x.len()))
	require.NoError(t, err)
	flat, err := tensors.CopyFlatData[float32](y)
	require.NoError(t, err)
	return flat
}

// decoder appends positions to a cache and attends to it.
type decoder struct {
	*graph.ExecOneOutput
	store  *model.Store
	caches *cache.Set
	builds int // how many graphs were made
}

func newDecoder(of func(scope *model.Scope, x *graph.Node) *cache.Cache) *decoder {
	d := &decoder{store: model.NewStore()}
	d.caches = cache.Of(d.store.RootScope())
	d.ExecOneOutput = model.MustNewExec1(gocpu.New(), d.store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		d.builds++
		kv := of(scope.In("attention"), x)
		q := fast.RoPE(x).Offset(kv.Position()).Done()
		return kv.Append(q, x).Attend(q).Done()
	})
	return d
}

func kv(scope *model.Scope, x *graph.Node) *cache.Cache { return cache.KV(scope, x) }

func rotating(size, keep int) func(*model.Scope, *graph.Node) *cache.Cache {
	return func(scope *model.Scope, x *graph.Node) *cache.Cache { return cache.Rotating(scope, x, size, keep) }
}

// feed appends positions from to to-1 and compares their results with those of a whole text.
func (d *decoder) feed(t *testing.T, x, want text, from, to int) {
	t.Helper()
	require.NoError(t, d.caches.Reserve(to-from))
	y, err := d.Call(x.part(from, to))
	require.NoError(t, err)
	defer y.Close()
	require.NoError(t, graphtest.Diff(y, want.part(from, to), ir.Tolerance{ULP: 64, Abs: 64}), "positions %d to %d", from, to)
}

// A prompt and 2,000 steps are what all positions at once are; memory stays, and so do programs until there is no room.
func TestDecodingIsWhatRecomputingIs(t *testing.T) {
	x := random(2000 + 20)
	if testing.Short() {
		x = random(300 + 20)
	}
	for _, c := range []struct {
		name       string
		of         func(*model.Scope, *graph.Node) *cache.Cache
		size, keep int
	}{{"all positions", kv, 0, 0}, {"the last ones", rotating(48, 0), 48, 0}, {"the first ones and the last", rotating(64, 4), 64, 4}} {
		t.Run(c.name, func(t *testing.T) {
			d, want := newDecoder(c.of), x.recomputed(t, c.size, c.keep)
			d.feed(t, x, want, 0, 20)
			require.NoError(t, d.caches.Reserve(2000))
			d.feed(t, x, want, 20, 21)
			builds, before := d.builds, tensors.Stats().Live
			for i := 21; i < x.len(); i++ {
				d.feed(t, x, want, i, i+1)
			}
			require.Equal(t, builds, d.builds, "one program for all steps")
			require.LessOrEqual(t, tensors.Stats().Live, before+1<<20, "memory")
			n, err := d.caches.Len()
			require.NoError(t, err)
			require.Equal(t, x.len(), n)
		})
	}
}

// Prompts in pieces of any length, some longer than a rotating cache.
func TestPieces(t *testing.T) {
	x := random(300)
	for _, of := range []struct {
		of         func(*model.Scope, *graph.Node) *cache.Cache
		size, keep int
	}{{kv, 0, 0}, {rotating(16, 3), 16, 3}, {rotating(1, 0), 1, 0}, {rotating(8, 0), 8, 0}} {
		for _, pieces := range [][]int{{1, 1, 1, 1, 1, 1, 1, 1}, {5, 1, 1, 30, 1, 2, 1}, {100, 3, 1, 1}, {2, 2, 2, 20, 17, 1}, {16, 1, 16, 1, 13}} {
			d, want, at := newDecoder(of.of), x.recomputed(t, of.size, of.keep), 0
			for _, n := range pieces {
				d.feed(t, x, want, at, at+n)
				at += n
			}
		}
	}
}

func TestCachesGrowByWholeSteps(t *testing.T) {
	x := random(600)
	d, want := newDecoder(kv), x.recomputed(t, 0, 0)
	capacity := func() int { return d.store.GetVariable("/attention/cached_keys").Shape().Dim(-2) }
	d.feed(t, x, want, 0, 200)
	require.Equal(t, cache.Growth, capacity())
	d.feed(t, x, want, 200, 256)
	require.Equal(t, cache.Growth, capacity())
	d.feed(t, x, want, 256, 257)
	require.Equal(t, 2*cache.Growth, capacity())
	d.feed(t, x, want, 257, 600)
	require.Equal(t, 3*cache.Growth, capacity())
	require.False(t, d.store.GetVariable("/attention/cached_keys").Trainable())
}

// Whoever forgets Reserve gets no wrong numbers.
func TestWithoutRoomResultsAreNaN(t *testing.T) {
	x := random(300)
	d := newDecoder(kv)
	d.feed(t, x, x.recomputed(t, 0, 0), 0, 250)
	y, err := d.Call(x.part(250, 260))
	require.NoError(t, err)
	require.True(t, math.IsNaN(float64(y.At(0, 0, 9, 0).(float32))))
	require.ErrorContains(t, d.caches.Reserve(1), `cache "/attention": 260 positions were appended to a cache of 256: call Reserve before each call`)
	require.ErrorContains(t, d.caches.Truncate(255), `cache "/attention": 260 positions were appended to a cache of 256, over others: it cannot be cut to 255`)
	require.NoError(t, d.caches.Reset())
	_, err = d.Call(x.part(0, 300))
	require.ErrorContains(t, err, "300 positions do not fit into a cache of 256: call Reserve(300)")
	d.feed(t, x, x.recomputed(t, 0, 0), 0, 20) // of what was NaN nothing is left
}

func TestTruncateAndReset(t *testing.T) {
	x := random(40)
	d, want := newDecoder(kv), x.recomputed(t, 0, 0)
	d.feed(t, x, want, 0, 20)
	d.feed(t, x, want, 20, 30)
	require.NoError(t, d.caches.Truncate(12))
	d.feed(t, x, want, 12, 13)
	require.NoError(t, d.caches.Reset())
	d.feed(t, x, want, 0, 40)
	require.ErrorContains(t, d.caches.Truncate(41), "it has 40 positions, and cannot be cut to 41")

	d, want = newDecoder(rotating(8, 2)), x.recomputed(t, 8, 2)
	d.feed(t, x, want, 0, 20)
	require.ErrorContains(t, d.caches.Truncate(19), "it is a rotating one")
	require.NoError(t, d.caches.Reset())
	d.feed(t, x, want, 0, 9)
}

// A snapshot has the bytes of what was appended, and caches go on from it.
func TestSnapshot(t *testing.T) {
	x := random(300)
	for _, c := range []struct {
		of               func(*model.Scope, *graph.Node) *cache.Cache
		size, keep, held int
	}{{kv, 0, 0, 10}, {rotating(8, 2), 8, 2, 8}} {
		d, want := newDecoder(c.of), x.recomputed(t, c.size, c.keep)
		d.feed(t, x, want, 0, 10)
		shot, err := d.caches.Snapshot()
		require.NoError(t, err)
		require.Equal(t, 2*heads*c.held*width*4, shot.ByteSize(), "not the room of %d positions", cache.Growth)
		d.feed(t, x, want, 10, 290)
		require.NoError(t, d.caches.Restore(shot))
		d.feed(t, x, want, 10, 11)
		require.NoError(t, d.caches.Restore(shot))
		d.feed(t, x, want, 10, 30)

		other := newDecoder(c.of) // of the same model
		require.ErrorContains(t, other.caches.Restore(shot), "which the snapshot has")
		other.feed(t, x, want, 0, 3)
		require.NoError(t, other.caches.Restore(shot))
		other.feed(t, x, want, 10, 12)
		require.NoError(t, shot.Close())
		require.EqualError(t, other.caches.Restore(nil), "cache: the snapshot is nil")
	}
}

// At a snapshot of nothing there was nothing, which is what Restore makes of caches that began since.
func TestSnapshotOfNothing(t *testing.T) {
	x := random(300)
	for _, c := range []struct {
		of         func(*model.Scope, *graph.Node) *cache.Cache
		size, keep int
	}{{kv, 0, 0}, {rotating(8, 2), 8, 2}} {
		d, want := newDecoder(c.of), x.recomputed(t, c.size, c.keep)
		shot, err := d.caches.Snapshot()
		require.NoError(t, err)
		d.feed(t, x, want, 0, 20)
		require.NoError(t, d.caches.Restore(shot))
		n, err := d.caches.Len()
		require.NoError(t, err)
		require.Zero(t, n)
		d.feed(t, x, want, 0, 12)
	}
}

// Of caches of both kinds, where one cannot be cut, none is.
func TestTruncateIsForAllOrNone(t *testing.T) {
	x := random(20)
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		store := model.NewStore()
		exec := model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
			y := cache.KV(scope.In(names[0]), x).Append(x, x).Attend(x).Done()
			return cache.Rotating(scope.In(names[1]), x, 8, 2).Append(y, y).Attend(y).Done()
		})
		_, err := exec.Call(x.part(0, 10))
		require.NoError(t, err)
		require.ErrorContains(t, cache.Of(store.RootScope()).Truncate(5), "it is a rotating one")
		for _, name := range names {
			require.Equal(t, int32(10), store.GetVariable("/"+name+"/cached_length").MustValue().Value())
		}
		require.NoError(t, cache.Of(store.RootScope()).Truncate(10))
		require.NoError(t, cache.Of(store.RootScope()).Reset())
	}
}

func TestWhatDoesNotFit(t *testing.T) {
	x := random(4).part(0, 4)
	for _, c := range []struct {
		want  string
		build func(scope *model.Scope, x *graph.Node) *graph.Node
	}{
		{"cache.Rotating: 4 positions of which the first 4 stay: there must be one that does not", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return cache.Rotating(scope, x, 4, 4).Position()
		}},
		{"cache.Append: keys or values are nil", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return cache.KV(scope, x).Append(x, nil).Position()
		}},
		{"cache.Append: keys float32[1 2 4 4], values float32[2 4 4]: want [..., time, channels] of the same leading axes", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return cache.KV(scope, x).Append(x, graph.Squeeze(x, 0)).Position()
		}},
		{"cache.Append: this cache has been appended to in this graph: append all positions at once", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return cache.KV(scope, x).Append(x, x).Append(x, x).Position()
		}},
		{"cache.Attend: nothing was appended in this graph (see Append)", func(scope *model.Scope, x *graph.Node) *graph.Node {
			return cache.KV(scope, x).Attend(x).Done()
		}},
	} {
		_, err := model.MustNewExec1(gocpu.New(), model.NewStore(), c.build).Call(x)
		require.ErrorContains(t, err, c.want)
	}
}

func TestStep(t *testing.T) {
	c, calls := cache.NewStep[int](3), 0
	compute := func() (int, error) { calls++; return calls, nil }
	var got []int
	for range 7 {
		v, err := c.Do(compute)
		require.NoError(t, err)
		got = append(got, v)
	}
	require.Equal(t, []int{1, 1, 1, 2, 2, 2, 3}, got)
	computed, reused := c.Counts()
	require.Equal(t, [2]int{3, 4}, [2]int{computed, reused})
	c.Reset()
	v, err := c.Do(compute)
	require.NoError(t, err)
	require.Equal(t, 4, v)
}

func TestTea(t *testing.T) {
	c, calls := cache.NewTea[int](0.25), 0
	compute := func() (int, error) { calls++; return calls, nil }
	var got []int
	for _, signal := range []float64{1, 0.9, 0.8, 0.7, 0.65, 0.3, math.NaN(), 0.3} {
		v, err := c.Do(signal, compute)
		require.NoError(t, err)
		got = append(got, v)
	}
	require.Equal(t, []int{1, 1, 1, 2, 2, 3, 4, 5}, got) // 0.1 + 0.11 + 0.125 is more than 0.25, and a signal that is none does not serve
	always := cache.NewTea[int](0)
	for i := range 3 {
		v, err := always.Do(1, func() (int, error) { return i, nil })
		require.NoError(t, err)
		require.Equal(t, i, v)
	}
}

func TestErrorsAreNotKept(t *testing.T) {
	wrong := errors.New("wrong")
	step, tea := cache.NewStep[int](4), cache.NewTea[int](1)
	for _, do := range []func(compute func() (int, error)) (int, error){step.Do, func(compute func() (int, error)) (int, error) { return tea.Do(1, compute) }} {
		_, err := do(func() (int, error) { return 0, wrong })
		require.ErrorIs(t, err, wrong)
		v, err := do(func() (int, error) { return 7, nil })
		require.NoError(t, err)
		require.Equal(t, 7, v)
	}
}
