package cache_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
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

// ragged is a decoder of rows that go on by different numbers of positions.
type ragged struct {
	*graph.ExecOneOutput
	store  *model.Store
	caches *cache.Set
	texts  []text
	at     []int
}

func newRagged(texts []text, window int) *ragged { return newRaggedIn("rows", texts, window) }

func newRaggedIn(name string, texts []text, window int) *ragged {
	d := &ragged{store: model.NewStore(), texts: texts, at: make([]int, len(texts))}
	d.caches = cache.Of(d.store.RootScope())
	d.ExecOneOutput = model.MustNewExec1(gocpu.New(), d.store, func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
		kv := cache.Place{Counts: counts}.KV(scope.In("%s", name), x)
		q := fast.RoPE(x).Offset(kv.Position()).Done()
		return kv.Append(q, x).Attend(q).Window(window).Done()
	})
	return d
}

// rowsOf returns the next counts[i] positions of each text, padded to the longest by what spoils whatever looks at it.
func rowsOf(texts []text, at, counts []int) (x, n *tensors.Tensor) {
	longest := slices.Max(counts)
	flat := make([]float32, 0, len(texts)*heads*longest*width)
	list := make([]int32, len(counts))
	for b, x := range texts {
		list[b] = int32(counts[b])
		for h := range heads {
			flat = append(flat, x[(h*x.len()+at[b])*width:(h*x.len()+at[b]+counts[b])*width]...)
			for range (longest - counts[b]) * width {
				flat = append(flat, 1e3)
			}
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, len(texts), heads, longest, width), tensors.FromValue(list)
}

// feed appends counts[i] positions to row i, and compares the results with those of whole texts.
func (d *ragged) feed(t *testing.T, want []text, counts ...int) {
	t.Helper()
	require.NoError(t, d.caches.Reserve(slices.Max(counts)))
	x, n := rowsOf(d.texts, d.at, counts)
	y, err := d.Call(x, n)
	require.NoError(t, err)
	defer y.Close()
	for b, c := range counts {
		for h := range heads {
			for k := range c {
				for w := range width {
					require.InDelta(t, want[b][(h*want[b].len()+d.at[b]+k)*width+w], y.At(b, h, k, w), 1e-4, "row %d, head %d, position %d", b, h, d.at[b]+k)
				}
			}
		}
		d.at[b] += c
	}
}

// Prompts of different lengths, and rows that go on by different numbers, are what each row is alone: what it had before is not computed again.
func TestRowsOfSeveralLengths(t *testing.T) {
	whole := random(600)
	texts := []text{whole, slices.Clone(whole), slices.Clone(whole)}
	for i := range whole {
		texts[1][i], texts[2][i] = -whole[i], whole[i]/2
	}
	for _, window := range []int{0, 5} {
		want := make([]text, len(texts))
		for i, x := range texts {
			want[i] = x.recomputed(t, window, 0)
		}
		d := newRagged(texts, window)
		d.feed(t, want, 7, 1, 3)
		d.feed(t, want, 1, 1, 1)
		d.feed(t, want, 0, 5, 2)
		shot, err := d.caches.Snapshot()
		require.NoError(t, err)
		at := slices.Clone(d.at)
		d.feed(t, want, 300, 2, 1) // and more room
		d.feed(t, want, 1, 1, 1)
		require.NoError(t, d.caches.Restore(shot))
		copy(d.at, at)
		d.feed(t, want, 2, 1, 4)
		require.ErrorContains(t, d.caches.Truncate(3), "its rows have different lengths, and cannot be cut to 3")

		from := []int{2, 0, 2, 1}
		require.NoError(t, d.caches.Select(from))
		was := slices.Clone(d.at)
		d.at, d.texts = nil, nil
		var more []text
		for _, k := range from {
			d.at, d.texts, more = append(d.at, was[k]), append(d.texts, texts[k]), append(more, want[k])
		}
		d.feed(t, more, 1, 2, 3, 1)
		require.NoError(t, d.caches.Reset())
		clear(d.at)
		d.feed(t, more, 1, 9, 3, 1)
		require.NoError(t, d.caches.Clear())
		require.Zero(t, d.store.NumVariables())
		d.texts, d.at = texts[:1], []int{0}
		d.feed(t, want, 4)
	}
}

// Rows that began together may go on by themselves.
func TestUnevenGoesOnFromRowsOfOneLength(t *testing.T) {
	x := random(40)
	want := x.recomputed(t, 0, 0)
	store := model.NewStore()
	rows := cache.Place{Name: "rows"}
	even := model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		kv := cache.KV(scope, x)
		q := fast.RoPE(x).Offset(kv.Position()).Done()
		return kv.Append(q, x).Attend(q).Done()
	})
	y, err := even.Call(x.part(0, 9))
	require.NoError(t, err)
	y.Close()
	all := cache.Of(store.RootScope())
	require.NoError(t, all.Select([]int{0, 0}))
	require.ErrorContains(t, all.Uneven(cache.Place{}), "caches of another name")
	require.NoError(t, all.Uneven(rows))
	require.ErrorContains(t, rows.Of(store.RootScope()).Uneven(cache.Place{}), "rows of several lengths already")
	d := newRagged([]text{x, x}, 0)
	d.store, d.caches, d.at = store, rows.Of(store.RootScope()), []int{9, 9}
	d.ExecOneOutput = model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
		kv := cache.Place{Name: "rows", Counts: counts}.KV(scope, x)
		q := fast.RoPE(x).Offset(kv.Position()).Done()
		return kv.Append(q, x).Attend(q).Done()
	})
	d.feed(t, []text{want, want}, 3, 1)
	d.feed(t, []text{want, want}, 1, 4)
	n, err := all.Len()
	require.NoError(t, err)
	require.Zero(t, n, "they moved")
}

// Caches of other names in one store, as of two texts by one model, have nothing to do with each other.
func TestNamesKeepCachesApart(t *testing.T) {
	x, y := random(60), random(60)
	for i := range y {
		y[i] = -y[i]
	}
	store := model.NewStore()
	of := func(name string) *decoder {
		place := cache.Place{Name: name}
		return &decoder{store: store, caches: place.Of(store.RootScope()), ExecOneOutput: model.MustNewExec1(gocpu.New(), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
			kv := place.KV(scope.In("attention"), x)
			q := fast.RoPE(x).Offset(kv.Position()).Done()
			return kv.Append(q, x).Attend(q).Done()
		})}
	}
	a, b := of("a"), of("b")
	wantX, wantY := x.recomputed(t, 0, 0), y.recomputed(t, 0, 0)
	a.feed(t, x, wantX, 0, 10)
	b.feed(t, y, wantY, 0, 3)
	a.feed(t, x, wantX, 10, 12)
	require.NoError(t, b.caches.Reset())
	a.feed(t, x, wantX, 12, 13)
	b.feed(t, y, wantY, 0, 1)
	n, err := cache.Of(store.RootScope()).Len()
	require.NoError(t, err)
	require.Zero(t, n, "those without a name are others")
	for v := range store.IterVariables() {
		require.True(t, v.Transient(), v.Path())
	}
	require.NoError(t, a.caches.Clear())
	b.feed(t, y, wantY, 1, 4)
}

// A cache that has counts is always given them, and one without never.
func TestCountsAreForAllCallsOrNone(t *testing.T) {
	x, n := rowsOf([]text{random(9)}, []int{0}, []int{3})
	plain := func(scope *model.Scope, x, _ *graph.Node) *graph.Node {
		kv := cache.KV(scope, x)
		return kv.Append(x, x).Attend(x).Done()
	}
	counted := func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
		kv := cache.Place{Counts: counts}.KV(scope, x)
		return kv.Append(x, x).Attend(x).Done()
	}
	for _, c := range []struct {
		first, second func(scope *model.Scope, x, counts *graph.Node) *graph.Node
		want          string
	}{{plain, counted, "has rows of one length, without Counts"}, {counted, plain, "has rows of several lengths: give Counts, here too"}} {
		store := model.NewStore()
		_, err := model.MustNewExec1(gocpu.New(), store, c.first).Call(x, n)
		require.NoError(t, err)
		_, err = model.MustNewExec1(gocpu.New(), store, c.second).Call(x, n)
		require.ErrorContains(t, err, c.want)
	}
	for want, build := range map[string]func(scope *model.Scope, x, counts *graph.Node) *graph.Node{
		"Counts is int64[1], want int32 of [batch]": func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
			return counted(scope, x, graph.ConvertDType(counts, dtypes.Int64))
		},
		"and counts of 2 rows": func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
			return counted(scope, x, graph.Concatenate([]*graph.Node{counts, counts}, 0))
		},
		"a rotating cache has rows of one length": func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
			return cache.Place{Counts: counts}.Rotating(scope, x, 4, 1).Append(x, x).Attend(x).Done()
		},
		"has a slash": func(scope *model.Scope, x, counts *graph.Node) *graph.Node {
			return cache.Place{Name: "a/b"}.KV(scope, x).Append(x, x).Attend(x).Done()
		},
	} {
		_, err := model.MustNewExec1(gocpu.New(), model.NewStore(), build).Call(x, n)
		require.ErrorContains(t, err, want)
	}
	d := newDecoder(kv)
	d.feed(t, random(9), random(9).recomputed(t, 0, 0), 0, 3)
	require.ErrorContains(t, d.caches.Select([]int{1}), "row 1 is to be taken of 1")
	require.ErrorContains(t, d.caches.Select(nil), "no rows are to be taken")
}

// A snapshot of rows of one length is restored into caches whose rows may have several: all have that one, whatever they had.
func TestASnapshotWithoutCountsIsRestoredIntoOneWithCounts(t *testing.T) {
	x := random(60)
	plain, want := newDecoder(kv), x.recomputed(t, 0, 0)
	plain.feed(t, x, want, 0, 10)
	shot, err := plain.caches.Snapshot()
	require.NoError(t, err)
	d := newRaggedIn("attention", []text{x}, 0)
	d.feed(t, []text{want}, 17)
	require.NoError(t, d.caches.Restore(shot))
	d.at[0] = 10
	d.feed(t, []text{want}, 4)
	d.feed(t, []text{want}, 30)
	require.NoError(t, shot.Close())
}
