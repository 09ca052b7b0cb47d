package live_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/linalg"
	"github.com/quire-ml/quire/graph/live"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
)

// Ten thousand ops are noted without anything being put on the engine, compiled or run (M1).
func TestRecordingRunsNothing(t *testing.T) {
	s, e := counted(t)
	x := s.Of([]float32{1, 2})
	for range 10_000 {
		x = x.Mul(1.0001).Tanh()
	}
	compiles, runs := e.counts()
	assert.Zero(t, compiles)
	assert.Zero(t, runs)
	assert.Zero(t, e.bytes())
	assert.False(t, x.Evaluated())
	assert.Equal(t, "float32[2]", x.Shape().String())
}

// Other numbers in arrays and other numbers of Go compile nothing; another shape compiles once, and it is said why (M2).
func TestTheStructureIsCompiledOnce(t *testing.T) {
	s, e := counted(t)
	step := func(values []float32, rate float64) *live.Array {
		x := s.Of(values)
		y := x.Sub(x.Square().Mul(rate)).Sum()
		eval(t, y)
		return y
	}
	for i := range 10 {
		y := step([]float32{1, 2, float32(i)}, 0.1*float64(i))
		got, want := floats(t, y)[0], 0.0
		for _, v := range []float64{1, 2, float64(i)} {
			want += v - v*v*0.1*float64(i)
		}
		assert.InDelta(t, want, got, 1e-4)
	}
	compiles, runs := e.counts()
	require.Equal(t, 1, compiles)
	require.Equal(t, 10, runs)
	step([]float32{1, 2}, 0.1)
	compiles, _ = e.counts()
	require.Equal(t, 2, compiles)
	r := s.Report()
	assert.Equal(t, 11, r.Evals)
	assert.Equal(t, 9, r.Hits)
	assert.Zero(t, r.Implicit)
	require.Len(t, r.Compiles, 2)
	assert.Equal(t, "the first evaluation here", r.Compiles[0].Reason)
	assert.Regexp(t, `^an operand of Square at eval_test.go:\d+ is float32\[2\], and was float32\[3\]$`, r.Compiles[1].Reason)
	assert.Regexp(t, `^live_test.go:\d+$`, r.Compiles[1].Place)
	assert.Contains(t, r.String(), "11 evals, 9 of a program compiled before, 2 compiles, 0 asked for by reading a value\ncompiled at live_test.go:")
}

// An index is a number like any other: a loop over the rows compiles once.
func TestRowsAreOneProgram(t *testing.T) {
	s, e := counted(t)
	x := s.Arange(20).Reshape(10, 2)
	eval(t, x)
	for i := range 10 {
		require.Equal(t, []float32{float32(2 * i), float32(2*i + 1)}, floats(t, x.At(i)))
	}
	compiles, _ := e.counts()
	require.Equal(t, 2, compiles)
}

// Only what is named and kept gets a value; a branch that nobody asks for is not run (M3).
func TestOnlyNamedAndKeptArraysGetValues(t *testing.T) {
	s, e := counted(t)
	x := s.Of([]float32{1, 2, 3})
	a := x.Add(1)
	b := a.Mul(2)
	kept := b.Square()
	c := kept.Sum()
	unused := a.Div(0)
	live.Keep(kept)
	eval(t, c)
	for _, q := range []struct {
		x    *live.Array
		want bool
	}{{a, false}, {b, false}, {kept, true}, {c, true}, {unused, false}} {
		assert.Equal(t, q.want, q.x.Evaluated())
	}
	require.Equal(t, []int{2}, e.results)
	eval(t, c, kept, x)
	_, runs := e.counts()
	require.Equal(t, 1, runs, "what is at hand is not computed again")
	require.Equal(t, []float32{16, 36, 64}, floats(t, kept))
}

// What is computed again and again is counted, with its line.
func TestRecomputedArraysAreReported(t *testing.T) {
	s := session(t)
	shared := s.Of([]float32{1, 2}).Exp()
	for i := range 5 {
		eval(t, shared.Mul(i))
	}
	r := s.Report()
	require.Len(t, r.Recomputed, 1)
	assert.Equal(t, "Exp", r.Recomputed[0].What)
	assert.Equal(t, 5, r.Recomputed[0].Times)
	assert.Regexp(t, `Exp at eval_test.go:\d+ was computed 5 times: Keep it\?`, r.String())
}

// A loop of a thousand steps takes as much memory at its end as at its beginning; what is kept is what it grows by (M4).
func TestALoopsMemoryIsFlat(t *testing.T) {
	s, e := counted(t)
	const n = 1000
	x := s.Ones(n)
	eval(t, x)
	var held []*live.Array
	measure := func() int64 {
		runtime.GC()
		m := s.Memory()
		assert.Equal(t, e.bytes(), m.Live)
		return m.Live
	}
	loop := func(keep bool) {
		for i := range 1000 {
			x = x.Mul(0.5).Add(1)
			eval(t, x)
			if keep && i%100 == 0 {
				live.Keep(x)
				held = append(held, x)
			}
		}
	}
	loop(false)
	before := measure()
	assert.Equal(t, int64(4*n), before)
	loop(false)
	assert.Equal(t, before, measure())
	loop(true)
	assert.Equal(t, before+10*4*n, measure())
	assert.Equal(t, int64(10*4*n), s.Memory().Kept)
	compiles, _ := e.counts()
	assert.Equal(t, 2, compiles)
	runtime.KeepAlive(held)
	runtime.KeepAlive(x)
}

// A scope gives back everything but what it returns, and what was kept; to use the rest is an error that says where (M4).
func TestScopes(t *testing.T) {
	s, e := counted(t)
	x := s.Of([]float32{1, 2})
	eval(t, x.Neg())
	var inner, kept, nested *live.Array
	out, err := s.Scope(context.Background(), func() []*live.Array {
		inner, kept = x.Add(1), x.Add(2)
		live.Keep(kept)
		eval(t, inner, kept)
		within, err := s.Scope(context.Background(), func() []*live.Array {
			nested = inner.Mul(2)
			return []*live.Array{nested, nested.Mul(10)}
		})
		require.NoError(t, err)
		return []*live.Array{within[1]}
	})
	require.NoError(t, err)
	assert.Equal(t, []float32{40, 60}, floats(t, out[0]))
	assert.Equal(t, []float32{3, 4}, floats(t, kept))
	for _, gone := range []*live.Array{inner, nested, inner.Add(1), nested.Sum()} {
		_, err := gone.Tensor()
		require.ErrorIs(t, err, live.ErrReleased)
		assert.Regexp(t, `^eval_test.go:\d+: .*float32\[2\]: the array was released at the end of the scope of eval_test.go:\d+: compute it again`, err.Error())
	}
	runtime.GC()
	atHand := s.Memory().Live // gives back what was collected
	assert.Equal(t, e.bytes(), atHand)
	assert.Panics(t, func() { _, _ = s.Scope(context.Background(), func() []*live.Array { panic("on purpose") }) })
	runtime.KeepAlive(x)
}

func TestReleasedArrays(t *testing.T) {
	s, e := counted(t)
	x := s.Of([]float32{1, 2}).Add(1)
	y := x.Mul(3)
	eval(t, x)
	held := e.bytes()
	live.Release(x)
	live.Release(x)
	assert.Less(t, e.bytes(), held)
	_, err := y.Tensor()
	require.ErrorIs(t, err, live.ErrReleased)
	assert.Regexp(t, `^eval_test.go:\d+: float32\[2\]: the array was released at eval_test.go:\d+: compute it again`, err.Error())
	assert.Regexp(t, "^error: eval_test.go", x.String())
	never := s.Of(float32(1)).Add(1)
	live.Release(never)
	require.ErrorIs(t, live.Eval(context.Background(), never), live.ErrReleased)
}

// Mistakes are found where they are written, and whoever uses what came of them is told of that line.
func TestMistakes(t *testing.T) {
	s, e := counted(t)
	x := s.Of([][]float32{{1, 2, 3}, {4, 5, 6}})
	other := session(t)
	for _, c := range []struct {
		y    *live.Array
		want string
	}{
		{x.MatMul(x), `MatMul [2 3] · [2 3]: inner axes differ: 3 columns against 2 rows`},
		{x.Add([]float64{1, 2}), `Add [2 3] · [2]: axis 1: 3 against 2`},
		{x.ConvertDType(dtypes.Int32).Add(0.5), `int32[2 3] and 0.5: 0.5 is not a value of int32: want a whole number from`},
		{x.Add(s.Of([]float64{1, 2, 3})), `dtypes differ: float32 and float64`},
		{x.At(2), `float32[2 3], axis 0: the index 2 lies outside of its 2 elements`},
		{x.At(0, 0, 0), `float32[2 3] has no 3 axes to index`},
		{x.Slice("0:3"), `float32[2 3]: axis 0: "0:3": 3 lies outside of its 2 elements`},
		{x.SetSlice("0", []float64{1, 2}), `2 cannot be repeated to 3`},
		{x.Sum(2), `axis 2`},
		{x.Add("three"), `string`},
		{x.Add(nil), `an operand is nil: want an array, a tensor or a number`},
		{x.Add((*live.Array)(nil)), `the array is nil or a zero Array`},
		{(*live.Array)(nil).Add(1), `the array is nil or a zero Array`},
		{new(live.Array).Sum(), `the array is nil or a zero Array`},
		{x.Add(other.Of(float32(1))), `the arrays belong to two sessions`},
		{s.Of("text"), `string`},
		{s.Load("no such file.npy"), `no such file`},
		{s.Arange(1, 2, 0), `Arange from 1 to 2 in steps of 0 has no end`},
		{live.Call1(func(x *graph.Node) *graph.Node { panic("on purpose") }, x), `the function panicked: on purpose`},
		{live.Call1(func(x, y *graph.Node) *graph.Node { return x }, x), `the function takes 2 arrays, and is given 1`},
		{live.Stack(0), `there are no arrays`},
	} {
		at := c.y.Tanh().Sum() // goes on with it
		require.Error(t, c.y.Err(), c.want)
		assert.Regexp(t, `^eval_test.go:\d+: `, c.y.Err().Error())
		assert.Contains(t, c.y.Err().Error(), c.want)
		assert.Equal(t, c.y.Err(), at.Err())
		_, err := at.Tensor()
		assert.Equal(t, c.y.Err(), err)
		assert.Equal(t, "error: "+c.y.Err().Error(), c.y.String())
		assert.Zero(t, c.y.Size()+c.y.Rank())
	}
	_, err := live.Item[float32](x)
	assert.ErrorContains(t, err, "an item is the only element of an array, and float32[2 3] has 6")
	_, err = live.Values[int32](x)
	assert.Error(t, err)
	assert.Equal(t, float32(21), live.MustItem[float32](x.Sum()), "and the session goes on")
	_, runs := e.counts()
	assert.Equal(t, 1, runs)
}

// A run that fails names the line, and what was asked for can be asked for again.
func TestFailuresOfRuns(t *testing.T) {
	s := session(t)
	y := s.Of([]int32{1, 2}).Div(s.Of([]int32{1, 0}))
	_, err := y.Add(1).Tensor()
	require.ErrorContains(t, err, "zero")
	require.Regexp(t, `eval_test.go:\d+`, err.Error())
	_, again := y.Add(1).Tensor()
	require.ErrorContains(t, again, "zero")
	require.Equal(t, 2, s.Report().Failed)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := s.Of([]float32{1}).Add(1)
	require.ErrorIs(t, live.Eval(ctx, x), context.Canceled)
	require.Equal(t, []float32{2}, floats(t, x))
	var none context.Context
	require.ErrorContains(t, live.Eval(none, x), "the context is nil")
	require.ErrorContains(t, live.AsyncEval(none, x).Wait(context.Background()), "the context is nil")
}

// While arrays are computed, the caller goes on recording, also of these (M5).
func TestAsyncEvalGoesOn(t *testing.T) {
	s, e := counted(t)
	ctx := context.Background()
	x := s.Of([]float32{1, 2})
	open := e.shut()
	y := x.Mul(2)
	p := live.AsyncEval(ctx, y)
	<-e.entered
	z := y.Add(1)
	q := live.AsyncEval(ctx, z, y) // waits for y rather than computing it again
	assert.False(t, p.Done())
	assert.False(t, y.Evaluated())
	short, cancel := context.WithCancel(ctx)
	cancel()
	require.ErrorIs(t, p.Wait(short), context.Canceled)
	open()
	require.NoError(t, p.Wait(ctx))
	require.NoError(t, q.Wait(ctx))
	require.Equal(t, []float32{3, 5}, floats(t, z))
	_, runs := e.counts()
	require.Equal(t, 2, runs)

	bad := live.AsyncEval(ctx, s.Of([]int32{1}).Div(s.Of([]int32{0})))
	require.ErrorContains(t, bad.Wait(ctx), "zero")
	require.Error(t, live.AsyncEval(ctx, x.Add("text")).Wait(ctx))
	require.Error(t, (*live.Pending)(nil).Wait(ctx))
}

// Who waits for a run that its own caller has ended computes for itself.
func TestAnEndedRunIsTakenOver(t *testing.T) {
	s, e := counted(t)
	y := s.Of([]float32{1, 2}).Mul(2)
	open := e.shut()
	ctx, cancel := context.WithCancel(context.Background())
	p := live.AsyncEval(ctx, y)
	<-e.entered
	q := live.AsyncEval(context.Background(), y.Add(1))
	r := live.AsyncEval(context.Background(), y)
	cancel()
	require.ErrorIs(t, p.Wait(context.Background()), context.Canceled)
	open()
	require.NoError(t, q.Wait(context.Background()))
	require.NoError(t, r.Wait(context.Background()))
	require.Equal(t, []float32{2, 4}, floats(t, y))
}

// A function may be another one each time: what it does counts (M10).
func TestCallsAreComparedByWhatTheyDo(t *testing.T) {
	s, e := counted(t)
	x := s.Of([]float32{1, 2})
	call := func(power int) *live.Array {
		return live.Call1(func(x *graph.Node) *graph.Node {
			y := x
			for range power - 1 {
				y = graph.Mul(y, x)
			}
			return y
		}, x)
	}
	for _, power := range []int{3, 3, 4, 3} {
		require.Equal(t, []float32{1, float32(int(1) << power)}, floats(t, call(power)))
	}
	compiles, _ := e.counts()
	require.Equal(t, 2, compiles)

	// Several results; functions within functions.
	values, indices := live.Call2(func(x *graph.Node) (v, i *graph.Node) {
		inner := graph.NewClosure(x.Graph(), func(g *graph.Graph) []*graph.Node {
			y := graph.Parameter(g, "", shapes.Make(dtypes.Float32, 2))
			return []*graph.Node{graph.Neg(y)}
		})
		return graph.SortWithIndices(inner.Call(x)[0], 0, true)
	}, x)
	eval(t, values, indices)
	require.Equal(t, []float32{-2, -1}, floats(t, values))
	got, err := live.Values[int32](indices)
	require.NoError(t, err)
	require.Equal(t, []int32{1, 0}, got)

	a := s.Of([][]float32{{1, 2}, {3, 4}})
	order, l, u := live.Call3(linalg.LU, a)
	require.True(t, live.MustItem[bool](l.MatMul(u).AllClose(a.Take(order, 0), 1e-5, 1e-5)))

	// A function that fails is an error with its line, and the next one is none the worse for it. One that reads an array while it is traced
	// gets its value.
	bad := live.Call1(func(x *graph.Node) *graph.Node { return graph.Reshape(x, 3) }, x)
	require.ErrorContains(t, bad.Err(), "eval_test.go:")
	within := live.Call1(func(n *graph.Node) *graph.Node { return graph.MulScalar(n, live.MustItem[float32](x.Sum())) }, x)
	require.Equal(t, []float32{3, 6}, floats(t, within))
}

// Values of a session are bounded by a limit: first what nobody has goes, then what was not used goes to files, and then it is an error (M14).
func TestLimits(t *testing.T) {
	s, e := counted(t)
	const n = 1000
	s.SetLimit(4 * 4 * n)
	base := s.Full(1, n)
	eval(t, base)
	for range 20 { // dropped at once
		eval(t, base.Add(1))
	}
	assert.LessOrEqual(t, e.bytes(), int64(4*4*n))
	var list []*live.Array
	for i := range 8 {
		x := base.Add(i)
		eval(t, x)
		list = append(list, x)
		require.LessOrEqual(t, s.Memory().Live, int64(4*4*n))
	}
	runtime.GC()
	m := s.Memory()
	assert.Positive(t, m.Collections)
	assert.Equal(t, int64(9*4*n), m.Live+m.Spilled)
	assert.Equal(t, e.bytes(), m.Live)
	for i, x := range list { // back from the file
		v := floats(t, x)
		assert.Equal(t, float32(1+i), v[0])
		assert.Equal(t, float32(1+i), v[n-1])
	}
	live.Keep(list...)
	_, err := base.Mul(2).Tensor()
	require.Error(t, err)
	assert.Regexp(t, `^eval_test.go:\d+: (Mul )?float32\[1000\]: 4 kB more is needed, and \d+ kB of the limit of 16 kB is taken by arrays that are kept or in use: Release some of them, or SetLimit to more$`, err.Error())
	live.Release(list...)
	require.Equal(t, float32(2), floats(t, base.Mul(2))[0])
	report := s.Memory()
	require.NotEmpty(t, report.Lines)
	assert.Regexp(t, `^eval_test.go:\d+$`, report.Lines[0].Place)
	assert.Contains(t, report.String(), "the limit is 16 kB")
	assert.GreaterOrEqual(t, report.Peak, report.Live)
	runtime.KeepAlive(base)
}

// Random numbers are a matter of the seed, and each array of them has its own (M15).
func TestRandomNumbers(t *testing.T) {
	s, s2 := session(t), session(t)
	s.Seed(7)
	s2.Seed(7)
	a, b, u := s.Normal(1000), s.Normal(1000), s.Uniform(1000)
	eval(t, u, b, a) // in whatever order
	require.Equal(t, floats(t, a), floats(t, s2.Normal(1000)))
	require.Equal(t, floats(t, b), floats(t, s2.Normal(1000)))
	require.Equal(t, floats(t, u), floats(t, s2.Uniform(1000)))
	require.NotEqual(t, floats(t, a), floats(t, b))
	require.Less(t, live.MustItem[float32](a.Mul(b).Mean().Abs()), float32(0.15), "they have nothing to do with each other")
	require.InDelta(t, 1, live.MustItem[float32](a.Std()), 0.1)
	require.Equal(t, 3, len(s.Report().Compiles), "an evaluation of three, a product, a deviation")
	s.Seed(7)
	require.Equal(t, floats(t, a), floats(t, s.Normal(1000)))
	require.NotEqual(t, floats(t, session(t).Normal(3)), floats(t, session(t).Normal(3)), "without a seed")
}

// Arrays are for several goroutines: all of them see right values, whoever computes.
func TestManyGoroutines(t *testing.T) {
	s := session(t)
	x := s.Of([]float32{1, 2, 3})
	shared := x.Mul(2)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				y := shared.Add(g).Mul(i)
				v, err := live.Values[float32](y)
				if !assert.NoError(t, err) {
					return
				}
				assert.Equal(t, []float32{float32((2 + g) * i), float32((4 + g) * i), float32((6 + g) * i)}, v)
			}
		})
	}
	wg.Wait()
	require.Equal(t, []float32{2, 4, 6}, floats(t, shared))
}

// A deep expression is walked without a deep stack, and what is shared is computed once.
func TestDeepExpressions(t *testing.T) {
	s := session(t)
	x := s.Of(float32(1))
	y := x
	for range 60 {
		y = y.Add(y) // 2⁶⁰ paths
	}
	require.Equal(t, float32(1<<60), live.MustItem[float32](y))
	z := x
	for range 3000 {
		z = z.Add(1)
	}
	require.Equal(t, float32(3001), live.MustItem[float32](z))
}

func TestPrograms(t *testing.T) {
	s, e := counted(t)
	y := s.Of([]float32{1, 2}).Mul(3).Sum()
	p, err := live.Program(y)
	require.NoError(t, err)
	require.Equal(t, 2, len(p.Instrs))
	require.Regexp(t, `eval_test.go:\d+`, p.Instrs[0].Place.String())
	compiles, runs := e.counts()
	require.Zero(t, compiles+runs)
	require.Equal(t, []float32{9}, floats(t, y))
	_, err = live.Program(y)
	require.ErrorContains(t, err, "at hand already")
}

// Tensors, arrays of Go and bytes go in and come out.
func TestInAndOut(t *testing.T) {
	s := session(t)
	given := tensors.FromValue([]float32{1, 2})
	x := s.Of(given)
	require.Same(t, x, s.Of(x))
	require.Equal(t, given, must(x.Tensor()))
	path := t.TempDir() + "/x.npy"
	require.NoError(t, x.Add(1).Save(path))
	require.Equal(t, []float32{2, 3}, floats(t, s.Load(path)))
	data, err := x.Bytes()
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2}, floats(t, live.FromBytes(data, dtypes.Float32, 2)))
	require.NoError(t, given.Close())
	require.Equal(t, []float32{1, 2}, floats(t, x), "it holds its own reference")
	require.Contains(t, fmt.Sprintf("%v", x), "[1 2]")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A session that is closed holds nothing any more, and can be used anew.
func TestClosedSessions(t *testing.T) {
	s, e := counted(t)
	x := s.Of([]float32{1, 2}).Add(1)
	eval(t, x)
	require.NoError(t, s.Close())
	require.Zero(t, e.bytes())
	require.Zero(t, s.Memory().Live)
	_, err := x.Tensor()
	require.ErrorIs(t, err, live.ErrReleased)
	require.Equal(t, []float32{2, 3}, floats(t, s.Of([]float32{1, 2}).Add(1)))
	require.NoError(t, s.Close())
}

func TestSessions(t *testing.T) {
	_, err := live.NewSession(nil)
	require.ErrorContains(t, err, "the backend is nil")
	b, err := session(t).Backend()
	require.NoError(t, err)
	require.Equal(t, "go", b.Name())
	b, err = live.Default().Backend()
	require.NoError(t, err)
	require.NotEmpty(t, b.Name())
	live.Seed(1)
	live.SetLimit(0)
	for _, x := range []*live.Array{live.Of(3), live.Zeros(2), live.Ones(2, 2), live.Full(0.5, 3), live.Arange(3), live.Linspace(0, 1, 3), live.Tri(2, 2, 0), live.Normal(2), live.Uniform(2), live.Key()} {
		eval(t, x)
	}
	require.True(t, strings.HasPrefix(live.Report().String(), fmt.Sprint(live.Report().Evals)))
	require.Positive(t, live.Memory().Peak)
	out, err := live.Scope(context.Background(), func() []*live.Array { return []*live.Array{live.Load("none")} })
	require.Error(t, err)
	require.True(t, errors.Is(out[0].Err(), err) || out[0].Err() == err)
}
