package arena_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/arena"
)

// Slices hold zeros, have no room behind them and share nothing, whatever the sizes of those before them.
func TestSlicesAreApart(t *testing.T) {
	var a arena.Of[int]
	arena.Room(&a, 7)
	var all [][]int
	for i := range 3000 {
		list := arena.Take(&a, i%40)
		require.Len(t, list, i%40)
		require.Equal(t, len(list), cap(list))
		for k := range list {
			require.Zero(t, list[k])
			list[k] = i
		}
		all = append(all, list)
	}
	for i, list := range all {
		for _, v := range list {
			require.Equal(t, i, v)
		}
	}
	require.Equal(t, []int{1, 2}, arena.List(&a, 1, 2))
	require.Zero(t, *arena.One(&a))
	require.Len(t, arena.Take(&a, 5000), 5000)
}

// What is handed out between two resets is apart and zero, whatever was written there before.
func TestReusedSlicesAreApart(t *testing.T) {
	var r arena.Reused[int]
	for round := range 5 {
		var all [][]int
		for i := range 300 * (round + 1) {
			list := arena.Again(&r, i%40)
			require.Len(t, list, i%40)
			require.Equal(t, len(list), cap(list))
			for k := range list {
				require.Zero(t, list[k])
				list[k] = i + 1
			}
			all = append(all, list)
		}
		for i, list := range all {
			for _, v := range list {
				require.Equal(t, i+1, v)
			}
		}
		had := arena.Len(&r)
		arena.Reset(&r)
		require.Equal(t, had, arena.Len(&r))
	}
	require.Len(t, arena.Again(&r, 100_000), 100_000)
}
