package stablehlo_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/quire-ml/quire/backends/stablehlo"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var tokens = regexp.MustCompile(`-?\d+(\.\d+)?(e[+-]\d+)?|%[\w#]+|[a-z_]+ = |tensor<[^<>]*>|stablehlo\.\w+|\n[^\n]*`)

// TestMutatedTexts changes words of texts that are right: numbers, values, types, operations, settings and lines. What
// comes out may be wrong in any way, and is an error or a program, quickly.
func TestMutatedTexts(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	var texts []string
	var words []string
	for _, pattern := range []string{"testdata/jax/*.mlir", "testdata/*.mlir"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err, pattern)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			if len(text) < 20000 {
				texts = append(texts, string(text))
				words = append(words, tokens.FindAllString(string(text), -1)...)
			}
		}
	}
	for _, e := range exports(t) {
		if slices.Contains([]string{"solve_f64", "qr_wide", "svd_full", "eigh_complex", "tpu_lu", "int4", "shard_map_four", "shard_map_ring", "scatter_multiply"}, e.Name) {
			texts = append(texts, e.Text)
			words = append(words, tokens.FindAllString(e.Text, -1)...)
		}
	}
	for _, c := range pairs {
		for range 3 {
			texts = append(texts, prettyModule(c.in, c.out, c.pretty), genericModule(c.in, c.out, c.generic))
		}
	}
	numbers := []string{"0", "1", "-1", "2", "3", "7", "99999999999", "-9223372036854775808", "4294967295", "1e999"}
	rng := rand.New(rand.NewPCG(1, 2))
	read := 0
	for i, text := range texts {
		places := tokens.FindAllStringIndex(text, -1)
		for range rounds {
			changed := text
			for range 1 + rng.IntN(2) {
				at := places[rng.IntN(len(places))]
				if at[1] > len(changed) {
					continue
				}
				old := changed[at[0]:at[1]]
				var by string
				switch c := old[0]; {
				case c == '\n' || rng.IntN(8) == 0: // a line goes, or any word
					by = ""
				case c == '-' || c >= '0' && c <= '9':
					by = numbers[rng.IntN(len(numbers))]
				default: // a word of the same kind
					for try := 0; try < 100 && (by == "" || by[0] != c); try++ {
						by = words[rng.IntN(len(words))]
					}
				}
				changed = changed[:at[0]] + by + changed[at[1]:]
			}
			start := time.Now()
			m, err := stablehlo.Read(changed)
			switch {
			case stablehlo.BrokeDown(err):
				t.Fatalf("text %d: %v\n%s", i, err, changed)
			case err == nil:
				read++
				if m.Main() != nil {
					_, err := m.Program(nil)
					require.NoError(t, err, "text %d was read, but: %v\n%s", i, err, changed)
				}
			}
			if d := time.Since(start); d > time.Minute {
				t.Fatalf("text %d took %v\n%s", i, d, changed)
			}
		}
	}
	assert.NotZero(t, read, "no change left a text right, which cannot be")
}
