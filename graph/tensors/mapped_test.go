package tensors

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"
)

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, at)
	c.n.Add(int64(n))
	return n, err
}

// isMapped reports whether the elements of t are those of a file.
func isMapped(t *Tensor) bool { b := t.storage.Load().block; return b != nil && b.foreign }

// canMap says whether this system maps files.
var canMap = runtime.GOOS != "windows" && runtime.GOOS != "plan9" && runtime.GOOS != "js" && runtime.GOOS != "wasip1"

// Of a thousand tensors one is read, and nothing but the names of the others.
func TestOneOfAThousandOfAnNpzIsRead(t *testing.T) {
	values := map[string]*Tensor{}
	for i := range 1000 {
		values[fmt.Sprint("layer", i)] = FromFlatDataAndDimensions(slices.Repeat([]float32{float32(i)}, 4096), 64, 64)
	}
	var file bytes.Buffer
	require.NoError(t, WriteNpz(&file, values))
	r := &counted{ReaderAt: bytes.NewReader(file.Bytes())}
	z, err := NewNpz(r, int64(file.Len()))
	require.NoError(t, err)
	require.Len(t, z.Names(), 1000)
	assert.Less(t, r.n.Load(), int64(300_000), "the names of a file of %d bytes", file.Len())
	before := r.n.Load()
	s, err := z.Shape("layer3")
	require.NoError(t, err)
	assert.Equal(t, "float32[64 64]", s.String())
	assert.Less(t, r.n.Load()-before, int64(1<<13), "a header")
	before = r.n.Load()
	for _, read := range []func(string) (*Tensor, error){z.Tensor, z.Mapped} {
		x, err := read("layer777")
		require.NoError(t, err)
		assert.True(t, x.Equal(values["layer777"]))
	}
	assert.Less(t, r.n.Load()-before, int64(2*(4096*4+1<<13)), "a tensor, twice")
	require.NoError(t, z.Close())
}

// Files of every dtype and of several layouts are the same, read and mapped, and what lies where it can be mapped is.
func TestMappedIsWhatIsRead(t *testing.T) {
	dir := t.TempDir()
	all := map[string]*Tensor{}
	for _, d := range dtypes.All() {
		for _, dims := range [][]int{{}, {0}, {5}, {300, 301}} {
			all[fmt.Sprintf("%s%v", d, dims)] = counting(d, dims...)
		}
	}
	path := filepath.Join(dir, "all.npz")
	require.NoError(t, SaveNpz(path, all))
	z, err := OpenNpz(path)
	require.NoError(t, err)
	var mapped []*Tensor
	for name, x := range all {
		one := filepath.Join(dir, "x.npy")
		require.NoError(t, x.Save(one))
		y, err := LoadMapped(one)
		require.NoError(t, err)
		require.NoError(t, os.Remove(one))
		inArchive, err := z.Mapped(name)
		require.NoError(t, err)
		for _, y := range []*Tensor{y, inArchive} {
			assert.True(t, y.InDelta(x, 0), name)
			assert.Equal(t, canMap && x.ByteSize() >= largeStorage && x.DType() != dtypes.Bool, isMapped(y), name)
		}
		mapped = append(mapped, inArchive)
	}
	require.NoError(t, z.Close())
	require.NoError(t, os.Remove(path))
	for _, y := range mapped { // and stays when the file is gone
		if y.Size() > 5 && y.DType() == dtypes.Float32 {
			MustMutableFlatData(y, func(flat []float32) { flat[7] = -1 })
			assert.Equal(t, -1.0, y.Float64At(7), "a tensor is written to in memory")
		}
		require.NoError(t, y.Close())
	}
	_, err = z.Tensor("float32[5]")
	require.Error(t, err, "of a file that is closed")
}

// What is written to a mapped tensor does not reach the file.
func TestMappedFilesDoNotChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	x := counting(dtypes.Float64, 100, 200)
	require.NoError(t, x.Save(path))
	for range 2 {
		y, err := LoadMapped(path)
		require.NoError(t, err)
		require.True(t, y.Equal(x))
		MustMutableFlatData(y, func(flat []float64) { clear(flat) })
		require.NoError(t, y.Close())
	}
	for name, write := range map[string]func(*Tensor, io.Writer) error{"Fortran order": writeFortran, "the other byte order": writeSwapped} {
		var file bytes.Buffer
		require.NoError(t, write(x, &file))
		require.NoError(t, os.WriteFile(path, file.Bytes(), 0o600))
		y, err := LoadMapped(path)
		require.NoError(t, err, name)
		require.True(t, y.Equal(x), name)
	}
}

func writeFortran(x *Tensor, w io.Writer) error {
	header := bytes.Replace(npyHeader(x.shape), []byte("'fortran_order': False, 'shape': (100, 200), }"), []byte("'fortran_order': True, 'shape': (100, 200), } "), 1)
	flat := make([]float64, x.Size())
	for i := range flat {
		flat[i] = Flat[float64](x)[i%100*200+i/100]
	}
	_, err := w.Write(append(header, FromFlatDataAndDimensions(flat, len(flat)).bytes()...))
	return err
}

func writeSwapped(x *Tensor, w io.Writer) error {
	order, other := []byte("'<f8'"), []byte("'>f8'")
	if bigEndian {
		order, other = other, order
	}
	data := slices.Clone(x.bytes())
	swapBytes(data, x.DType())
	_, err := w.Write(append(bytes.Replace(npyHeader(x.shape), order, other, 1), data...))
	return err
}

// A mapped file takes the memory of what was looked at: one element of each 16 MiB of 1 GiB.
func TestMappedFilesTakeMemoryAsTheyAreRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is read from /proc")
	}
	path := filepath.Join(t.TempDir(), "large.npy")
	shape := shapes.Make(dtypes.Float32, 1<<14, 1<<14)
	require.NoError(t, os.WriteFile(path, npyHeader(shape), 0o600))
	require.NoError(t, os.Truncate(path, int64(len(npyHeader(shape))+shape.ByteSize()))) // a file of holes
	before := resident(t)
	x, err := LoadMapped(path)
	require.NoError(t, err)
	sum := 0.0
	for i := range 64 {
		sum += x.Float64At(i << 22)
	}
	assert.Zero(t, sum)
	assert.Less(t, resident(t)-before, int64(256<<20))
	require.NoError(t, x.Close())
}

// resident is how many bytes of memory this process has.
func resident(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}

func TestMappedErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	x := counting(dtypes.Float32, 300, 301)
	var npy, npz bytes.Buffer
	require.NoError(t, WriteNpy(&npy, x))
	require.NoError(t, WriteNpz(&npz, map[string]*Tensor{"x": x}))
	for _, n := range []int{3, 60, 200, npy.Len() - 1} {
		_, err := LoadMapped(file("cut.npy", npy.Bytes()[:n]))
		require.ErrorContains(t, err, "cut.npy: ", "%d bytes", n)
	}
	_, err := LoadMapped(filepath.Join(dir, "none.npy"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = OpenNpz(file("text.npz", []byte("hello")))
	require.ErrorContains(t, err, "text.npz: no .npz file")
	_, err = OpenNpz(dir)
	require.ErrorContains(t, err, "a folder")
	z, err := OpenNpz(file("x.npz", npz.Bytes()))
	require.NoError(t, err)
	defer z.Close()
	_, err = z.Mapped("y")
	require.ErrorContains(t, err, `"y" in the .npz file: there is none of this name: there are ["x"]`)
	_, err = z.Shape("y")
	require.ErrorContains(t, err, `there is none of this name`)

	for _, c := range []struct {
		r     io.ReaderAt
		shape shapes.Shape
		at    int64
		want  string
	}{
		{nil, x.shape, 0, "the reader or writer of the file is nil"},
		{bytes.NewReader(nil), shapes.Shape{}, 0, "dtype"},
		{bytes.NewReader(nil), x.shape, -1, "are to begin at byte -1 of a file: there is none"},
		{bytes.NewReader(make([]byte, 10)), x.shape, 3, "take 361200 bytes, and the file ends after 7 of them"},
	} {
		_, err := Mapped(c.r, c.shape, c.at)
		require.ErrorContains(t, err, c.want)
	}
	f, err := os.Open(file("short", make([]byte, 1<<17)))
	require.NoError(t, err)
	defer f.Close()
	_, err = Mapped(f, shapes.Make(dtypes.Float32, 1<<15), 64)
	require.ErrorContains(t, err, "take 131072 bytes, and the file ends after 131008 of them")
}

// An entry that is compressed is read, and one that says it lies elsewhere is an error.
func TestMappedEntriesOfOthers(t *testing.T) {
	x := counting(dtypes.Float32, 300, 301)
	var file bytes.Buffer
	w := zip.NewWriter(&file)
	for name, method := range map[string]uint16{"stored.npy": zip.Store, "deflated.npy": zip.Deflate} {
		e, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: method})
		require.NoError(t, err)
		require.NoError(t, WriteNpy(e, x))
	}
	e, err := w.Create("readme.txt")
	require.NoError(t, err)
	_, err = e.Write([]byte("hello"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	z, err := NewNpz(bytes.NewReader(file.Bytes()), int64(file.Len()))
	require.NoError(t, err)
	for _, name := range []string{"stored", "deflated"} {
		y, err := z.Mapped(name)
		require.NoError(t, err)
		require.True(t, y.Equal(x))
	}
	_, err = z.Mapped("readme.txt")
	require.ErrorContains(t, err, "its name does not end in .npy")
}
