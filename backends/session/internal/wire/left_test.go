//go:build linux || darwin

package wire_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// written returns a file of two values, of 12 bytes and of none.
func written(t testing.TB) (l *wire.Left, data []byte) {
	l = &wire.Left{
		Values:  []wire.LeftValue{{"a.b", shapes.Make(dtypes.Float32, 3), "/x", true}, {"a.c", shapes.Make(dtypes.Float32, 0, 5), "", false}},
		Keepers: []wire.Keeper{{Path: "/y", File: wire.FileID{Device: 1, Inode: 1 << 40}, Owner: "/x", Names: []string{"a.b", "a.c"}}},
	}
	path := filepath.Join(t.TempDir(), "left")
	require.NoError(t, l.Write(path, func(i int, w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte{7}, l.Values[i].Shape.ByteSize()))
		return err
	}))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return l, data
}

func TestLeft(t *testing.T) {
	want, data := written(t)
	got, err := wire.ReadLeft(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	require.Equal(t, want.Values, got.Values)
	require.Equal(t, want.Keepers, got.Keepers)
	require.Equal(t, bytes.Repeat([]byte{7}, 12), data[got.Offsets()[0]:][:12])
	require.True(t, got.Has("a.c") && !got.Has("a.d") && !got.Wanted(), "no such notebook lives")
	for cut := range data {
		_, err := wire.ReadLeft(bytes.NewReader(data[:cut]), int64(cut))
		require.Error(t, err, cut)
	}
}

// FuzzLeft: whatever a file begins with, it is an error, or all values lie in the file.
func FuzzLeft(f *testing.F) {
	_, data := written(f)
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := wire.ReadLeft(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for i, at := range l.Offsets() {
			require.LessOrEqual(t, at+int64(l.Values[i].Shape.ByteSize()), int64(len(data)))
		}
	})
}
