package npz

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// archive writes arrays, compressed or not.
func archive(t testing.TB, method uint16, values map[string]*tensors.Tensor) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.npz")
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, name := range []string{"x", "y", "scalar"} {
		if values[name] == nil {
			continue
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: method})
		require.NoError(t, err)
		require.NoError(t, tensors.WriteNpy(w, values[name]))
	}
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path
}

func arrays() map[string]*tensors.Tensor {
	return map[string]*tensors.Tensor{
		"x":      tensors.FromValue([][]float32{{1, 2}, {3, 4}, {5, 6}, {7, 8}}),
		"y":      tensors.FromValue([]int64{10, 30, 50, 70}),
		"scalar": tensors.FromValue(3.5),
	}
}

func TestExamples(t *testing.T) {
	single := filepath.Join(t.TempDir(), "x.npy")
	require.NoError(t, arrays()["x"].Save(single))
	for name, c := range map[string]struct {
		path   string
		labels []string
	}{
		"as it is":   {archive(t, zip.Store, arrays()), []string{"y"}},
		"compressed": {archive(t, zip.Deflate, arrays()), []string{"y"}},
		".npy":       {single, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Open(c.path)
			require.NoError(t, err)
			e, err := f.Examples([]string{"x"}, c.labels)
			require.NoError(t, err)
			assert.Equal(t, c.path, e.Name())
			ds := data.Batched(data.ByIndex(e, data.Permuted(e.Len(), 3), 2), 3, false)
			for range 2 {
				seen := map[float32]bool{}
				for b, err := range ds.Iter() {
					require.NoError(t, err)
					x := tensors.Flat[float32](b.Inputs[0])
					for i := range b.Inputs[0].Shape().Dim(0) {
						seen[x[2*i]] = true
						assert.Equal(t, x[2*i]+1, x[2*i+1])
						if len(b.Labels) > 0 {
							assert.Equal(t, int64(10*x[2*i]), tensors.Flat[int64](b.Labels[0])[i])
						}
					}
					b.Close()
				}
				assert.Len(t, seen, 4)
			}
			_, err = e.Example(4)
			assert.Error(t, err)
			require.NoError(t, f.Close())
			_, err = e.Example(0)
			assert.Error(t, err, "of a file that is closed")
		})
	}
}

func TestErrors(t *testing.T) {
	values := arrays()
	values["y"] = tensors.FromValue([]int64{1})
	path := archive(t, zip.Store, values)
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, []string{"x", "y", "scalar"}, f.Names())
	for want, ask := range map[string][2][]string{
		`no inputs: the arrays are ["x" "y" "scalar"]`:                   {},
		`"z": there is none of this name (there are ["x" "y" "scalar"])`: {{"z"}},
		`"scalar": it is a scalar, which has no rows`:                    {{"scalar"}},
		`"x" has 4 rows, "y" has 1: want one each per example`:           {{"x"}, {"y"}},
	} {
		_, err := f.Examples(ask[0], ask[1])
		assert.EqualError(t, err, "npz: "+path+": "+want)
	}
	for want, text := range map[string]string{"no .npz file": "PK no", "no .npy file": "something else", "it has no two bytes": ""} {
		bad := filepath.Join(t.TempDir(), "bad.npz")
		require.NoError(t, os.WriteFile(bad, []byte(text), 0o600))
		_, err := Open(bad)
		assert.ErrorContains(t, err, want)
	}
}

func FuzzOpen(f *testing.F) {
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		text, err := os.ReadFile(archive(f, method, arrays()))
		require.NoError(f, err)
		f.Add(text)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "x.npz")
		require.NoError(t, os.WriteFile(path, text, 0o600))
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		e, err := file.Examples(file.Names()[:1], nil)
		if err != nil || e.Len() == 0 {
			return
		}
		if b, err := e.Example(e.Len() - 1); err == nil {
			require.NoError(t, b.Close())
		}
	})
}
