package carry

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a cell is made to name of a package that it imports for its codec has to be there, in each of them.
func TestEveryPackageOfCodecsCanBeLinked(t *testing.T) {
	packages, err := filepath.Glob("*codec")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(packages), 8)
	for _, dir := range packages {
		text, err := os.ReadFile(filepath.Join(dir, "linked.go"))
		require.NoError(t, err)
		assert.Contains(t, string(text), "\nconst Linked = true\n", dir)
	}
}

func TestCodecsThatAreNone(t *testing.T) {
	pack, unpack := func(int32) (int32, error) { return 0, nil }, func(int32) (int32, error) { return 0, nil }
	assert.PanicsWithValue(t, "carry: int32 cannot be carried as itself: give its codec another type to stand for it", func() {
		Register(Codec[int32, int32]{Pack: pack, Unpack: unpack})
	})
	assert.PanicsWithValue(t, "carry: the codec of int32 lacks Pack or Unpack", func() {
		Register(Codec[int32, int64]{})
	})
	KnowType(nil)
}
