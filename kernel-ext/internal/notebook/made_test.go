package notebook

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func made() Made {
	return Made{
		Quire: "v0.1.0", Go: "go1.26.8", GoNB: "v0.11.5", Modules: map[string]string{"a/b": "v1.0.0", "c/d": "v2.0.0"}, Backend: "go",
		Seeds: []int64{1, math.MaxInt64}, Machine: Machine{CPU: "a processor", Tier: "avx2", OS: "linux/amd64"},
	}
}

func TestWhatANotebookWasMadeWithIsReadAgain(t *testing.T) {
	nb := New()
	_, ok := nb.Made()
	assert.False(t, ok, "an empty notebook says something")
	require.NoError(t, nb.SetMade(made()))
	text, err := nb.Encode()
	require.NoError(t, err)
	again, err := Parse(text)
	require.NoError(t, err)
	got, ok := again.Made()
	require.True(t, ok)
	assert.Equal(t, made(), got)
	assert.Empty(t, got.Differences(made()))
	for name, value := range map[string]any{"a text": "x", "a list": []any{1}, "another tool's": map[string]any{"theme": "dark"}, "numbers": map[string]any{"quire": 7}} {
		nb.Metadata[madeKey] = value
		_, ok := nb.Made()
		assert.False(t, ok, name)
	}
}

func TestDifferencesAreSaid(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Made)
		want   string
	}{
		{"Quire", func(m *Made) { m.Quire = "v0.2.0" }, "Quire: recorded with v0.1.0, now v0.2.0"},
		{"Go", func(m *Made) { m.Go = "go1.27.0" }, "Go: recorded with go1.26.8, now go1.27.0"},
		{"GoNB", func(m *Made) { m.GoNB = "v0.12.0" }, "GoNB: recorded with v0.11.5, now v0.12.0"},
		{"a module", func(m *Made) { m.Modules = map[string]string{"a/b": "v1.0.1", "c/d": "v2.0.0"} }, "module a/b: recorded with v1.0.0, now v1.0.1"},
		{"a module more", func(m *Made) { m.Modules = map[string]string{"a/b": "v1.0.0", "c/d": "v2.0.0", "e": "v3.0.0"} }, "module e: recorded with none, now v3.0.0"},
		{"a module less", func(m *Made) { m.Modules = map[string]string{"a/b": "v1.0.0"} }, "module c/d: recorded with v2.0.0, now none"},
		{"backend", func(m *Made) { m.Backend = "xla:cpu" }, "backend: recorded with go, now xla:cpu"},
		{"seeds", func(m *Made) { m.Seeds = []int64{2} }, "seeds: recorded with 1 9223372036854775807, now 2"},
		{"system", func(m *Made) { m.Machine.OS = "darwin/arm64" }, "system: recorded with linux/amd64, now darwin/arm64"},
		{"tier", func(m *Made) { m.Machine.Tier = "avx512" }, "vector instructions: recorded with avx2, now avx512"},
		{"processor", func(m *Made) { m.Machine.CPU = "" }, "processor: recorded with a processor, now none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := made()
			c.change(&now)
			list := made().Differences(now)
			require.Len(t, list, 1)
			assert.Equal(t, c.want, list[0].String())
			assert.Equal(t, c.name == "processor", list[0].Harmless)
		})
	}
}
