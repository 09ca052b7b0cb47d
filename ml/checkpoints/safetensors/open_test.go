package safetensors_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"
)

// counting counts the bytes that are read.
type counting struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, at)
	c.n.Add(int64(n))
	return n, err
}

func TestOneOfAThousandIsRead(t *testing.T) {
	values := map[string]*tensors.Tensor{}
	for i := range 1000 {
		values[fmt.Sprint("layer", i)] = tensors.FromFlatDataAndDimensions(slices.Repeat([]float32{float32(i)}, 4096), 64, 64)
	}
	var file bytes.Buffer
	require.NoError(t, safetensors.Write(&file, values, map[string]string{"a": "b"}))
	r := &counting{ReaderAt: bytes.NewReader(file.Bytes())}
	f, err := safetensors.NewFile(r, int64(file.Len()))
	require.NoError(t, err)
	require.Len(t, f.Names(), 1000)
	require.Equal(t, map[string]string{"a": "b"}, f.Metadata())
	require.Equal(t, int64(file.Len()-1000*4096*4), r.n.Load(), "the header")
	s, err := f.Shape("layer3")
	require.NoError(t, err)
	require.Equal(t, "float32[64 64]", s.String())
	before := r.n.Load()
	x, err := f.Tensor("layer777")
	require.NoError(t, err)
	require.True(t, x.Equal(values["layer777"]))
	require.Equal(t, int64(4096*4), r.n.Load()-before)
	rows, err := f.Rows("layer12", 3, 5)
	require.NoError(t, err)
	require.Equal(t, "float32[2 64]", rows.Shape().String())
	require.Equal(t, int64(4096*4+2*64*4), r.n.Load()-before)
}

// plainFiles hides all that files can but what fs.File has.
type plainFiles struct{ fs.FS }

func (p plainFiles) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	return struct{ fs.File }{f}, err
}

// TestOpenFS opens from file systems: whole and divided checkpoints, of files that can be read from any place and of those that cannot.
func TestOpenFS(t *testing.T) {
	var one, two bytes.Buffer
	x, y := tensors.FromFlatDataAndDimensions([]float32{1, 2, 3, 4}, 2, 2), tensors.FromFlatDataAndDimensions([]int32{7}, 1)
	require.NoError(t, safetensors.Write(&one, map[string]*tensors.Tensor{"x": x}, map[string]string{"a": "b"}))
	require.NoError(t, safetensors.Write(&two, map[string]*tensors.Tensor{"y": y}, nil))
	files := fstest.MapFS{"m/one.safetensors": {Data: one.Bytes()}, "m/two.safetensors": {Data: two.Bytes()}, "m/cut.safetensors": {Data: one.Bytes()[:20]},
		"m/index.json": {Data: []byte(`{"weight_map":{"x":"one.safetensors","y":"two.safetensors"}}`)}}
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, files))
	for name, fsys := range map[string]fs.FS{"in memory": files, "without places": plainFiles{files}, "of the machine": os.DirFS(dir)} {
		f, err := safetensors.OpenFS(fsys, "m/one.safetensors")
		require.NoError(t, err, name)
		require.Equal(t, map[string]string{"a": "b"}, f.Metadata(), name)
		row, err := f.Rows("x", 1, 2)
		require.NoError(t, err, name)
		require.Equal(t, [][]float32{{3, 4}}, row.Value(), name)
		require.NoError(t, f.Close())
		f, err = safetensors.OpenFS(fsys, "m/index.json")
		require.NoError(t, err, name)
		require.Equal(t, []string{"x", "y"}, f.Names(), name)
		for key, want := range map[string]*tensors.Tensor{"x": x, "y": y} {
			got, err := f.Tensor(key)
			require.NoError(t, err, name)
			require.True(t, got.Equal(want), name)
		}
		require.NoError(t, f.Close())
		_, err = safetensors.OpenFS(fsys, "m/none.safetensors")
		require.ErrorIs(t, err, fs.ErrNotExist, name)
		_, err = safetensors.OpenFS(fsys, "m")
		require.ErrorContains(t, err, "folder", name)
		_, err = safetensors.OpenFS(fsys, "m/cut.safetensors")
		require.ErrorContains(t, err, "m/cut.safetensors: safetensors: a header of", name)
	}
	_, err := safetensors.OpenFS(nil, "x")
	require.EqualError(t, err, "safetensors: the file system is nil")
}

func TestOpenReadsEveryDType(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, safetensors.Save(path, all(), nil))
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	got := map[string]*tensors.Tensor{}
	for _, name := range f.Names() {
		got[name], err = f.Tensor(name)
		require.NoError(t, err)
		if s := got[name].Shape(); s.Rank() == 2 && s.Dim(0) == 2 {
			row, err := f.Rows(name, 1, 2)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(got[name].At(1, 2)), fmt.Sprint(row.At(0, 2)), name)
		}
	}
	equal(t, all(), got)
	require.NoError(t, f.Close())
	_, err = f.Tensor("scalar")
	require.EqualError(t, err, `safetensors: "scalar": the file is closed`)
}

// divided writes a checkpoint of two files and an index, with what is to be replaced in it.
func divided(t *testing.T, old, new string) (index string, values map[string]*tensors.Tensor) {
	t.Helper()
	dir := t.TempDir()
	values = map[string]*tensors.Tensor{"a": tensors.FromValue([]float32{1, 2}), "b": tensors.FromValue([]int32{3}), "c": tensors.FromScalar(4.0)}
	for file, names := range map[string]string{"model-1.safetensors": "ab", "model-2.safetensors": "c"} {
		part := map[string]*tensors.Tensor{}
		for _, name := range names {
			part[string(name)] = values[string(name)]
		}
		require.NoError(t, safetensors.Save(filepath.Join(dir, file), part, nil))
	}
	text := `{"metadata": {"total_size": 20}, "weight_map": {"a": "model-1.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}}`
	if old != "" {
		text = string(bytes.Replace([]byte(text), []byte(old), []byte(new), 1))
	}
	index = filepath.Join(dir, "model.safetensors.index.json")
	require.NoError(t, os.WriteFile(index, []byte(text), 0o644))
	return index, values
}

func TestADividedCheckpoint(t *testing.T) {
	index, values := divided(t, "", "")
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(index), "model-2.safetensors"))) // which nobody asks for at first
	f, err := safetensors.Open(index)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, []string{"a", "b", "c"}, f.Names())
	require.Equal(t, map[string]string{"total_size": "20"}, f.Metadata())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, name := range []string{"a", "b"} {
				x, err := f.Tensor(name)
				if err != nil || !x.Equal(values[name]) {
					t.Errorf("%s: %v %v", name, x, err)
				}
			}
		})
	}
	group.Wait()
	_, err = f.Tensor("c")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A file may have, from an earlier division, a tensor that the index has elsewhere.
func TestTheIndexSaysWhereATensorIs(t *testing.T) {
	index, values := divided(t, "", "")
	stale := map[string]*tensors.Tensor{"a": tensors.FromValue([]float32{7, 7}), "c": values["c"]}
	require.NoError(t, safetensors.Save(filepath.Join(filepath.Dir(index), "model-2.safetensors"), stale, nil))
	f, err := safetensors.Open(index)
	require.NoError(t, err)
	defer f.Close()
	for _, name := range []string{"a", "c", "a"} {
		x, err := f.Tensor(name)
		require.NoError(t, err)
		require.True(t, x.Equal(values[name]), name)
	}
}

func TestMistakesOfAnIndex(t *testing.T) {
	for _, c := range []struct{ old, new, open, read string }{
		{old: `"weight_map"`, new: `"weights"`, open: `the index has no "weight_map"`},
		{old: `{"metadata"`, new: `{metadata`, open: "the index is no JSON of a divided checkpoint"},
		{old: `"a": "model-1`, new: `"a": "../model-1`, open: `"a" is in the file "../model-1.safetensors": want a name without folders`},
		{old: `"a": "model-1.safetensors"`, new: `"a": "model-2.safetensors"`, read: `safetensors: "a": the index says it is in model-2.safetensors, which has no such tensor`},
		{old: `"a": `, new: `"d": `, read: `safetensors: there is no tensor "a" (see Names)`},
	} {
		index, _ := divided(t, c.old, c.new)
		f, err := safetensors.Open(index)
		if c.open != "" {
			require.ErrorContains(t, err, c.open)
			continue
		}
		require.NoError(t, err)
		_, err = f.Tensor("a")
		require.EqualError(t, err, c.read)
		require.NoError(t, f.Close())
	}
}

func TestRowsThatAreNotThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, safetensors.Save(path, all(), nil))
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for _, c := range [][2]int{{-1, 1}, {1, 0}, {0, 3}} {
		_, err := f.Rows("dir/int8", c[0], c[1])
		require.EqualError(t, err, fmt.Sprintf(`safetensors: "dir/int8", int8[2 3]: it has no rows %d to %d`, c[0], c[1]))
	}
	_, err = f.Rows("scalar", 0, 0)
	require.ErrorContains(t, err, "it has no rows 0 to 0")
	x, err := f.Rows("empty", 0, 0)
	require.NoError(t, err)
	require.Equal(t, "int32[0 3]", x.Shape().String())
}
