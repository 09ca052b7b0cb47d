package model_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/quire-ml/quire/backends/gocpu"
	. "github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/graphtest"
	"github.com/quire-ml/quire/graph/shapes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/initializers"
	"github.com/quire-ml/quire/ml/internal/counting"
	"github.com/quire-ml/quire/ml/model"

	"github.com/stretchr/testify/require"
)

// many adds x to each of several variables, which all hold one number everywhere, of several sizes.
const many = 6

func addToMany(scope *model.Scope, x *Node) *Node {
	for i := range many {
		v := scope.WithInitializer(initializers.Zero).VariableWithShape(fmt.Sprint("v", i), shapes.Make(f32, 1+i*7000))
		v.SetNodeValue(Add(v.NodeValue(x), x))
	}
	return x
}

func sumOfMany(scope *model.Scope, g *Graph) *Node {
	var firsts []*Node
	for i := range many {
		firsts = append(firsts, ReduceAllMax(scope.WithInitializer(initializers.Zero).VariableWithShape(fmt.Sprint("v", i), shapes.Make(f32, 1+i*7000)).NodeValue(g)))
	}
	return Stack(firsts, 0)
}

func newCounting(t *testing.T) *counting.Backend {
	inner := gocpu.New()
	t.Cleanup(func() { inner.Close() })
	return counting.New(inner)
}

// number returns the number that a value consists of.
func number(t testing.TB, x *model.Value) float32 {
	host, err := x.ToHost()
	require.NoError(t, err)
	defer host.Close()
	flat := tensors.Flat[float32](host)
	for _, f := range flat {
		require.Equal(t, flat[0], f, "a value is of two steps")
	}
	return flat[0]
}

// Readers take snapshots, read them and run on them, while a writer makes steps: each sees one step, the writer's bits are
// those of a run without readers, nothing is read that is released, and in the end nothing is left.
func TestSnapshotsAreOfOneStep(t *testing.T) {
	b, store := newCounting(t), model.NewStore()
	write, read := model.MustNewExec(b, store, addToMany), model.MustNewExec(b, store, sumOfMany)
	write.MustCall(float32(1))
	var readers sync.WaitGroup
	written := make(chan struct{})
	for r := range 4 {
		readers.Go(func() {
			last := float32(0)
			for more := true; more; {
				select {
				case <-written:
					more = false
				default:
				}
				snapshot := store.Snapshot()
				var step float32
				for path, x := range snapshot.Values() {
					n := number(t, x)
					if step == 0 {
						step = n
					}
					if n != step || x.Version() != snapshot.Version() {
						t.Errorf("%s is of step %v, version %d, another variable of step %v, the snapshot of version %d", path, n, x.Version(), step, snapshot.Version())
					}
				}
				if step < last {
					t.Errorf("a snapshot of step %v comes after one of step %v", step, last)
				}
				last = step
				if r%2 == 0 {
					out, err := read.CallContext(snapshot.Context(context.Background()))
					if err != nil {
						t.Error(err)
					} else if got := tensors.Flat[float32](out[0]); got[0] != step || got[many-1] != step {
						t.Errorf("a run on the snapshot of step %v read %v", step, got)
					}
				}
				snapshot.Close()
			}
		})
	}
	for range 150 {
		write.MustCall(float32(1))
	}
	close(written)
	readers.Wait()
	require.Equal(t, []float32{151, 151, 151, 151, 151, 151}, read.MustCall()[0].Value())
	require.Equal(t, many, b.Live(), "buffers that live: those of the variables")
	require.NoError(t, store.Close())
	require.Zero(t, b.Live())
}

// Whatever is done to variables, a snapshot keeps what they held.
func TestASnapshotKeepsItsValues(t *testing.T) {
	for name, change := range map[string]func(store *model.Store, write *model.Exec) error{
		"a run": func(_ *model.Store, write *model.Exec) error { _, err := write.Call(float32(1)); return err },
		"SetValue": func(store *model.Store, _ *model.Exec) error {
			return store.GetVariable("v0").SetValue(tensors.FromValue([]float32{9}))
		},
		"Reset":         func(store *model.Store, _ *model.Exec) error { return store.GetVariable("v0").Reset() },
		"deletion":      func(store *model.Store, _ *model.Exec) error { return store.DeleteVariable("v0") },
		"Store.Close":   func(store *model.Store, _ *model.Exec) error { return store.Close() },
		"two snapshots": func(store *model.Store, _ *model.Exec) error { return store.Snapshot().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			b, store := newCounting(t), model.NewStore()
			write := model.MustNewExec(b, store, addToMany)
			write.MustCall(float32(5))
			snapshot := store.Snapshot()
			require.Same(t, store, snapshot.Store())
			require.NoError(t, change(store, write))
			for i := range many {
				require.Equal(t, float32(5), number(t, snapshot.Value(fmt.Sprint("v", i))))
			}
			x := snapshot.Value("/v0")
			require.Equal(t, shapes.Make(f32, 1), x.Shape())
			require.NoError(t, snapshot.Close())
			require.NoError(t, snapshot.Close(), "again")
			require.Nil(t, snapshot.Value("/v0"))
			require.NoError(t, store.Close())
			_, err := x.ToHost()
			require.EqualError(t, err, `model: the value of "/v0" is released: it was read from a snapshot that is closed`)
			require.Zero(t, b.Live())
		})
	}
}

// A run takes the memory of values that only variables hold, and leaves those alone that a snapshot or a clone holds too.
func TestWhatIsSharedIsNotGivenUp(t *testing.T) {
	b, store := newCounting(t), model.NewStore()
	write := model.MustNewExec(b, store, addToMany)
	given := func() int {
		before := b.Given()
		write.MustCall(float32(1))
		return b.Given() - before
	}
	require.Equal(t, many, given())
	snapshot := store.Snapshot()
	require.Equal(t, 0, given(), "all are shared")
	require.Equal(t, many, given(), "the snapshot has the values before")
	require.NoError(t, snapshot.Close())
	clone, err := store.Clone()
	require.NoError(t, err)
	require.Equal(t, 0, given(), "all are shared with the clone")
	require.Equal(t, float32(3), number(t, clone.Snapshot().Value("v2")))
	require.Equal(t, float32(4), number(t, store.Snapshot().Value("v2")))
}

// A value that a snapshot holds is not lost in a run that fails.
func TestARunThatFailsLosesWhatItWasGiven(t *testing.T) {
	for shared, wantErr := range map[bool]string{false: "was lost in a run that failed", true: ""} {
		b, store := newCounting(t), model.NewStore()
		write := model.MustNewExec(b, store, addToMany)
		write.MustCall(float32(1))
		if shared {
			defer store.Snapshot().Close()
		}
		b.BeforeRun(func() error { return errors.New("the device is on fire") })
		_, err := write.Call(float32(1))
		require.ErrorContains(t, err, "on fire")
		b.BeforeRun(func() error { return nil })
		out, err := write.Call(float32(1))
		if !shared {
			require.ErrorContains(t, err, wantErr)
			require.Empty(t, maps(store.Snapshot()), "variables without a value are not in a snapshot")
			continue
		}
		require.NoError(t, err)
		require.Equal(t, float32(1), out[0].Value())
		require.Equal(t, float32(2), store.GetVariable("v0").MustValue().Value().([]float32)[0])
	}
}

// A value that outlives its snapshot may be given up to a run at any moment: who reads it then is told so.
func TestAValueThatIsGivenUpIsNotRead(t *testing.T) {
	for _, calls := range []int{0, 1} { // a value that an initializer made, and one that a run made
		b, store := newCounting(t), model.NewStore()
		write := model.MustNewExec(b, store, addToMany)
		var err error
		if calls == 0 {
			_, err = write.Compile(shapes.Make(f32))
		} else {
			_, err = write.Call(float32(1))
		}
		require.NoError(t, err)
		snapshot := store.Snapshot()
		x := snapshot.Value("/v0")
		require.NoError(t, snapshot.Close())
		b.BeforeRun(func() error {
			_, err := x.ToHost()
			return err
		})
		_, err = write.Call(float32(1))
		require.ErrorContains(t, err, `the value of "/v0" was given up to a run that changes it: it was read from a snapshot that is closed`, "after %d calls", calls)
	}
}

func maps(s *model.Snapshot) map[string]int64 {
	out := map[string]int64{}
	for path, x := range s.Values() {
		out[path] = x.Version()
	}
	return out
}

func TestRunsOnASnapshot(t *testing.T) {
	b, store := newCounting(t), model.NewStore()
	write, read := model.MustNewExec(b, store, addToMany), model.MustNewExec(b, store, sumOfMany)
	write.MustCall(float32(1))
	snapshot := store.Snapshot()
	ctx := snapshot.Context(context.Background())
	write.MustCall(float32(1))

	out, err := write.CallContext(ctx, float32(7))
	require.NoError(t, err, "what it makes of variables is dropped")
	require.Equal(t, float32(7), out[0].Value())
	require.Equal(t, float32(2), number(t, store.Snapshot().Value("v0")))
	out, err = read.CallContext(ctx)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 1, 1, 1, 1, 1}, out[0].Value())

	other := model.MustNewExec(b, model.NewStore(), sumOfMany)
	out, err = other.CallContext(ctx)
	require.NoError(t, err, "a snapshot of another store is not meant")
	require.Equal(t, []float32{0, 0, 0, 0, 0, 0}, out[0].Value())

	younger := model.MustNewExec(b, store, func(scope *model.Scope, g *Graph) *Node {
		return scope.VariableWithValue("younger", float32(0)).NodeValue(g)
	})
	_, err = younger.CallContext(ctx)
	require.EqualError(t, err, `model: the snapshot has no variable "/younger": it was made later, or had no value then`)
	require.NoError(t, snapshot.Close())
	_, err = read.CallContext(ctx)
	require.EqualError(t, err, "model: the snapshot is closed")
}

// Versions tell which values changed, and that they changed together.
func TestVersions(t *testing.T) {
	store := model.NewStore()
	exec := model.MustNewExec(graphtest.Reference(), store, addToMany)
	exec.MustCall(float32(1))
	a := maps(store.Snapshot())
	require.NoError(t, store.GetVariable("v1").SetValue(store.GetVariable("v1").MustValue()))
	b := maps(store.Snapshot())
	require.Equal(t, a["/v0"], b["/v0"])
	require.Greater(t, b["/v1"], a["/v1"])
	exec.MustCall(float32(1))
	c := maps(store.Snapshot())
	require.Equal(t, c["/v0"], c["/v1"])
	require.Greater(t, c["/v0"], b["/v1"])
	require.Equal(t, c["/v0"], store.GetVariable("v0").Version())
}
