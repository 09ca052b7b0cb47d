package viz

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// kept is where an area of a test is drawn.
type kept struct {
	mu    sync.Mutex
	last  Bundle
	final int
}

func (k *kept) draw(b Bundle, _ string, final bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.last = b
	if final {
		k.final++
	}
}

// onBoard replaces the process's board by one that draws into what it returns.
func onBoard(t *testing.T) *kept {
	t.Helper()
	k := &kept{}
	before := tracks
	t.Cleanup(func() { tracks = before })
	tracks = &trackBoard{open: func() *Area { return newArea(k) }}
	return k
}

func TestTrackShowsNestedLoopsAndKeepsRows(t *testing.T) {
	k := onBoard(t)
	inner := ""
	for fold := range Track(slices.Values([]int{1, 2, 3}), TrackOptions{Name: "folds", Total: 3}) {
		for range Track(slices.Values(make([]int, 4)), TrackOptions{Name: "batches", Total: 4}) {
			inner = tracks.view().Text()
		}
		TrackRow("fold", fold, "accuracy", 0.5+float64(fold)/10)
	}
	assert.Regexp(t, `(?m)^folds    [█▏▎▍▌▋▊▉░]+ 2/3 · .* left$`, inner)
	assert.Regexp(t, `(?m)^batches  [█▏▎▍▌▋▊▉░]+ 3/4 · .* left$`, inner)
	assert.Contains(t, inner, "fold  accuracy\n")
	text := k.last.Text()
	assert.Regexp(t, `^folds  █{24} 3/3 · .* · done\nfold  accuracy\n─+\n   1       0.6\n   2       0.7\n   3       0.8\n$`, text)
	assert.NotContains(t, text, "batches", "an inner loop's bar stays")
	assert.Equal(t, 1, k.final, "final drawings")
	assert.Empty(t, tracks.bars)
}

func TestTrackOfLoopsThatEndOtherwise(t *testing.T) {
	k := onBoard(t)
	for v := range Track(slices.Values([]int{1, 2, 3})) {
		if v == 2 {
			break
		}
	}
	assert.Regexp(t, `^1 · .* · left early\n$`, k.last.Text())
	for a, b := range Track2(maps.All(map[string]int{"x": 1})) {
		assert.Equal(t, "x1", a+fmt.Sprint(b))
	}
	assert.Regexp(t, `^1 · .* · done\n$`, k.last.Text())
	for range Track[int](nil) {
		t.Error("a turn of nothing")
	}
	func() {
		defer func() { _ = recover() }()
		for range Track(slices.Values([]int{1, 2})) {
			panic("stop")
		}
	}()
	assert.Empty(t, tracks.bars, "a bar stays after a panic")
	require.NotPanics(t, func() {
		for range Track(slices.Values([]int{1}), TrackOptions{Total: -3}) {
			TrackRow("a")
			TrackRow(1, 2)
			TrackRow("b", 1)
			TrackRow("c", 2)
		}
	})
	assert.Contains(t, k.last.Text(), "names and values in turn")
	assert.Contains(t, k.last.Text(), "argument 1 is of type int, want the name of a column")
}

func TestTrackInSeveralGoroutines(t *testing.T) {
	k := onBoard(t)
	var group sync.WaitGroup
	for range Track(slices.Values([]int{0}), TrackOptions{Name: "all", Total: 1}) {
		for i := range 8 {
			group.Go(func() {
				for j := range Track(slices.Values(make([]int, 50)), TrackOptions{Name: fmt.Sprint(i), Total: 50}) {
					_ = j
				}
				TrackRow("worker", i)
			})
		}
		group.Wait()
	}
	assert.Len(t, strings.Split(strings.TrimSpace(k.last.Text()), "\n"), 1+2+8)
}

func TestTrackKeepsABoundedTable(t *testing.T) {
	onBoard(t)
	for i := range Track(slices.Values(make([]int, 1))) {
		for k := range maxTrackRows + 5 {
			TrackRow("row", i+k)
		}
		g := tracks.table()
		assert.Len(t, g.rows, maxTrackRows+1)
		assert.Equal(t, "… 5 more", g.rows[maxTrackRows/2][0])
	}
}

func TestStatusOfABar(t *testing.T) {
	began := time.Unix(1e9, 0)
	b := trackBar{total: 10, turns: 4, began: began}
	assert.Equal(t, "4/10 · 2.0s each · 8.0s · 12.0s left", b.status(began.Add(8*time.Second)))
	b.ended = began.Add(9 * time.Second)
	assert.Equal(t, "4/10 · 2.2s each · 9.0s · left early", b.status(began.Add(time.Hour)))
	assert.Equal(t, "0", (&trackBar{began: began}).status(began))
}
