//go:build linux || darwin

package display

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is sent arrives at the kernel, which knows the types that GoNB has registered and no others; metadata that cannot
// is left out, and the message arrives all the same.
func TestWhatPasses(t *testing.T) {
	k, to, from := startKernel(t)
	p, err := Dial(to, from)
	require.NoError(t, err)
	defer p.Close()
	for i, c := range []struct {
		name       string
		meta, want any // nil: nothing passes
	}{
		{"a text", "a\nb", "a\nb"},
		{"a whole number", 320, 320.0},
		{"another number", 0.5, 0.5},
		{"a number that JSON does not have", math.NaN(), nil},
		{"a truth value", true, true},
		{"width and height", map[string]any{"width": 320, "height": 240.0}, map[string]float64{"width": 320, "height": 240}},
		{"the same, typed", map[string]int{"width": 320, "height": 240}, map[string]int{"width": 320, "height": 240}},
		{"texts", map[string]any{"a": "x"}, map[string]string{"a": "x"}},
		{"an object of several kinds: its numbers", map[string]any{"width": 320, "unconfined": true, "a": "x", "b": map[string]any{"c": 1}, "d": nil, "e": math.Inf(1)}, map[string]float64{"width": 320}},
		{"an object without numbers", map[string]any{"unconfined": true, "a": "x"}, nil},
		{"objects within objects", map[string]any{"a": map[string]any{"b": 1}}, nil},
		{"a list", []any{1}, nil},
		{"a function", func() {}, nil},
		{"a struct", struct{ A int }{1}, nil},
		{"nothing", nil, nil},
	} {
		m := Message{Data: map[string]any{"text/plain": c.name, "image/png": []byte{0x89, 0, 0xff}}, Meta: map[string]any{"m": c.meta}}
		require.NoError(t, p.Send(m), c.name)
		require.NoError(t, p.Sync(), c.name)
		k.mu.Lock()
		require.Len(t, k.got, i+1, c.name)
		got := k.got[i]
		k.mu.Unlock()
		require.Equal(t, c.name, got.Data["text/plain"])
		require.Equal(t, []byte{0x89, 0, 0xff}, got.Data["image/png"], c.name)
		require.Equal(t, c.want, got.Metadata["m"], c.name)
	}
}
