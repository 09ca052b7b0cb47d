package guard_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/guard"
)

// A panic is named by the user's own line, wherever below it the panic happened.
func TestThePlaceOfAPanic(t *testing.T) {
	var line int
	here := func(below int) { _, _, line, _ = runtime.Caller(1); line += below }
	var list []int
	for _, c := range []struct {
		name, said string
		fn         func() error
	}{
		{"the user's own", "a mistake", func() error { here(0); panic("a mistake") }},
		{"the runtime's", "runtime error: index out of range [3] with length 0", func() error { here(0); list[3] = 1; return nil }},
		{"one of Quire's functions", "Float64At(7) of float32[2]: it has 2 elements", func() error {
			x := tensors.FromValue([]float32{1, 2})
			here(1)
			x.Float64At(7)
			return nil
		}},
		{"one that was recovered and passed on", "a mistake, again", func() error {
			defer func() {
				if r := recover(); r != nil {
					panic(fmt.Sprint(r, ", again"))
				}
			}()
			here(1)
			panic("a mistake")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := guard.Call(c.fn)
			require.Error(t, err)
			require.Contains(t, err.Error(), fmt.Sprintf("panic at guard_test.go:%d: ", line))
			require.ErrorContains(t, err, c.said)
		})
	}
	require.NoError(t, guard.Call(func() error { return nil }))
	mine := errors.New("mine")
	require.ErrorIs(t, guard.Call(func() error { panic(mine) }), mine)
	require.Equal(t, mine, guard.Call(func() error { return mine }))
}

func TestApartMakesErrorsOfWhateverEndsIt(t *testing.T) {
	mine := errors.New("mine")
	require.NoError(t, guard.Apart(func() error { return nil }))
	require.Equal(t, mine, guard.Apart(func() error { return mine }))
	require.ErrorIs(t, guard.Apart(func() error { panic(mine) }), mine)
	require.Equal(t, guard.ErrGoexit, guard.Apart(func() error { runtime.Goexit(); return nil }))
	require.Equal(t, guard.ErrGoexit, guard.Apart(func() error {
		defer runtime.Goexit()
		panic("what a Goexit covers")
	}))
}
