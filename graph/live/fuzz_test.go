package live_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/live"
)

// known is an array with the value that it must have.
type known struct {
	array    *live.Array
	value    float32
	released bool // itself; what it is made of may be, too
}

// play records, evaluates, keeps, releases and drops arrays at random, with collections and limits between: whatever is read is what it must be,
// or says that it was released (M4).
func play(t *testing.T, seed uint64, steps int) {
	s, e := counted(t)
	r := rand.New(rand.NewPCG(seed, 1))
	list := []known{{array: s.Full(1, 64), value: 1}}
	pick := func() *known { return &list[r.IntN(len(list))] }
	check := func(k *known) {
		v, err := live.Values[float32](k.array)
		if err != nil {
			require.True(t, errors.Is(err, live.ErrReleased) || atLimit(err), "seed %d: %v", seed, err)
			return
		}
		require.False(t, k.released, "seed %d", seed)
		require.Equal(t, [2]float32{k.value, k.value}, [2]float32{v[0], v[63]}, "seed %d", seed)
	}
	var pending []*live.Pending
	for range steps {
		switch r.IntN(12) {
		case 0, 1, 2:
			k := pick()
			list = append(list, known{array: k.array.Mul(0.5).Add(1), value: k.value*0.5 + 1})
		case 3:
			a, b := pick(), pick()
			list = append(list, known{array: a.array.Maximum(b.array), value: max(a.value, b.value)})
		case 4:
			live.Keep(pick().array)
		case 5:
			live.Unkeep(pick().array)
		case 6:
			check(pick())
		case 7:
			k := pick()
			k.released = true
			live.Release(k.array)
		case 8: // drop
			if len(list) > 3 {
				i := r.IntN(len(list))
				list = append(list[:i], list[i+1:]...)
			}
		case 9:
			runtime.GC()
		case 10:
			pending = append(pending, live.AsyncEval(context.Background(), pick().array, pick().array))
		case 11:
			s.SetLimit([]int64{0, 1 << 20, 64 * 4 * 20}[r.IntN(3)])
		}
	}
	for _, p := range pending {
		if err := p.Wait(context.Background()); err != nil {
			require.True(t, errors.Is(err, live.ErrReleased) || atLimit(err), "seed %d: %v", seed, err)
		}
	}
	s.SetLimit(0)
	for i := range list {
		check(&list[i])
	}
	live.Release(func() (all []*live.Array) {
		for _, k := range list {
			all = append(all, k.array)
		}
		return all
	}()...)
	list = nil
	runtime.GC()
	require.Zero(t, s.Memory().Live, "seed %d", seed)
	require.Zero(t, s.Memory().Spilled, "seed %d", seed)
	require.Zero(t, e.bytes(), "seed %d", seed)
}

// atLimit reports whether more is kept and in use than the limit leaves room for.
func atLimit(err error) bool {
	return strings.Contains(err.Error(), "is taken by arrays that are kept or in use")
}

func TestNothingIsEverWrong(t *testing.T) {
	for seed := range uint64(6) {
		play(t, seed, 150)
	}
}

func FuzzLifecycle(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { play(t, seed, 100) })
}
