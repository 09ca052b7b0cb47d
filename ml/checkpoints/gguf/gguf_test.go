package gguf_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/backends/gocpu"
	"github.com/quire-ml/quire/graph"
	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/quant"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/gguf"
)

// typesFile has a tensor of each type, made by testdata/make.py.
var typesFile = filepath.Join("testdata", "types.gguf")

// expected is what the package gguf of llama.cpp reads.
func expected(t *testing.T) map[string]struct {
	Type string
	Dims []int
	Data []float64
} {
	t.Helper()
	var want map[string]struct {
		Type string
		Dims []int
		Data []float64
	}
	text, err := os.ReadFile(filepath.Join("testdata", "types.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &want))
	return want
}

func open(t *testing.T, path string) *gguf.File {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func numbers(t *testing.T, x *tensors.Tensor) []float64 {
	t.Helper()
	x, err := x.ConvertDType(dtypes.Float64)
	require.NoError(t, err)
	flat, err := tensors.CopyFlatData[float64](x)
	require.NoError(t, err)
	return flat
}

// ulps asserts that float32s differ in their last digit at most: llama.cpp's own code multiplies in another order than its Python.
func ulps(t *testing.T, want, got []float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i, w := range want {
		require.InDelta(t, w, got[i], 1e-6*math.Max(1, math.Abs(w)), "%s: element %d", what, i)
	}
}

func TestTensorsAreThoseOfLlamaCpp(t *testing.T) {
	f, want := open(t, typesFile), expected(t)
	require.Len(t, f.Names(), len(want))
	for _, info := range f.Tensors {
		w := want[info.Name]
		require.Equal(t, w.Type, info.Type.String())
		require.Equal(t, w.Dims, info.Dims)
		x, err := f.Tensor(info.Name)
		require.NoError(t, err)
		require.Equal(t, w.Dims, x.Shape().Dimensions)
		shape, err := f.Shape(info.Name)
		require.NoError(t, err)
		require.True(t, x.Shape().Equal(shape), "%s, want %s", shape, x.Shape())
		ulps(t, w.Data, numbers(t, x), info.Name)
		for from := range w.Dims[0] {
			for to := from; to <= w.Dims[0]; to++ {
				x, err := f.Rows(info.Name, from, to)
				require.NoError(t, err)
				row := len(w.Data) / w.Dims[0]
				ulps(t, w.Data[from*row:to*row], numbers(t, x), fmt.Sprintf("%s %d:%d", info.Name, from, to))
			}
		}
	}
}

func TestMetadata(t *testing.T) {
	f := open(t, typesFile)
	require.EqualValues(t, 3, f.Version)
	for key, want := range map[string]any{
		"general.architecture": "llama", "a.uint32": uint32(7), "a.int64": int64(-1 << 40), "a.float32": float32(0.5), "a.float64": 1e-300, "a.bool": true,
		"a.string": "Quire ≤ 1", "a.strings": []string{"one", "", "three"}, "a.ints": []int32{1, -2, 3}, "a.floats": []float32{0.25, -1.5},
	} {
		require.Equal(t, want, f.Metadata[key], key)
	}
}

// The parts of quantised tensors stand for the numbers, and have the bytes of the file.
func TestQuantized(t *testing.T) {
	f, want := open(t, typesFile), expected(t)
	backend := gocpu.New()
	for _, info := range f.Tensors {
		scheme, parts, err := f.Quantized(info.Name)
		if info.Type != gguf.Q4_0 && info.Type != gguf.Q4_1 && info.Type != gguf.Q8_0 {
			require.ErrorContains(t, err, "whose blocks are no scheme of package quant")
			continue
		}
		require.NoError(t, err)
		var in []any
		n := 0
		for _, p := range parts {
			in, n = append(in, p), n+p.ByteSize()
		}
		require.Equal(t, map[gguf.Type]int{gguf.Q4_0: 18, gguf.Q4_1: 20, gguf.Q8_0: 34}[info.Type]*len(want[info.Name].Data)/32, n)
		y, err := graph.CallOnce(backend, func(parts []*graph.Node) *graph.Node {
			q := scheme.Of(parts...)
			q.Scales = graph.ConvertDType(q.Scales, dtypes.Float32) // so that numbers are not rounded to float16
			if q.Biases != nil {
				q.Biases = graph.ConvertDType(q.Biases, dtypes.Float32)
			}
			return quant.Dequantize(q)
		}, in...)
		require.NoError(t, err)
		ulps(t, want[info.Name].Data, numbers(t, y), info.Name)
	}
}

// file writes a file of the format: what a test wants to be wrong is given.
type file struct{ bytes.Buffer }

func (f *file) put(values ...any) *file {
	for _, v := range values {
		if s, ok := v.(string); ok {
			f.put(uint64(len(s)))
			f.WriteString(s)
			continue
		}
		if err := binary.Write(f, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return f
}

// head is magic, version and numbers of tensors and of metadata.
func head(tensors, metadata uint64) *file {
	f := &file{}
	f.WriteString("GGUF")
	return f.put(uint32(3), tensors, metadata)
}

func (f *file) aligned() *file {
	for f.Len()%32 != 0 {
		f.WriteByte(0)
	}
	return f
}

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

// Of a thousand tensors one is read, and some of the header's end.
func TestOneOfAThousandIsRead(t *testing.T) {
	const n, size = 1000, 64 << 10
	f := head(n, 0)
	for i := range n {
		f.put(fmt.Sprintf("layer %d", i), uint32(1), uint64(size/4), uint32(gguf.F32), uint64(i*size))
	}
	header := f.aligned().Len()
	for i := range n {
		data := make([]float32, size/4)
		data[7] = float32(i)
		f.put(data)
	}
	r := &counting{ReaderAt: bytes.NewReader(f.Bytes())}
	g, err := gguf.NewFile(r, int64(f.Len()))
	require.NoError(t, err)
	require.LessOrEqual(t, r.n.Load(), int64(header+(64<<10)))
	before := r.n.Load()
	x, err := g.Tensor("layer 637")
	require.NoError(t, err)
	require.EqualValues(t, 637, x.At(7))
	require.Equal(t, int64(size), r.n.Load()-before)
	_, err = g.Rows("layer 12", 100, 103)
	require.NoError(t, err)
	require.Equal(t, int64(size+3*4), r.n.Load()-before)
}

func TestDamagedFiles(t *testing.T) {
	tensor := func(rest ...any) *file { return head(1, 0).put("w", uint32(1)).put(rest...) }
	for want, f := range map[string]*file{
		`the file begins with "GGML", not with GGUF`:                    (&file{}).put([]byte("GGML")),
		"the header asks for 4 bytes at 4, and the file has 0 more":     (&file{}).put([]byte("GGUF")),
		"version 1 of the format is not one that is read: 2 and 3 are":  (&file{}).put([]byte("GGUF"), uint32(1)),
		"the file is big-endian":                                        (&file{}).put([]byte("GGUF"), uint32(0x03000000)),
		"the header promises 1125899906842624 tensors":                  head(1<<50, 0),
		"the header promises 1125899906842624 entries of metadata":      head(0, 1<<50).put(uint64(0)),
		"the header promises 1000 bytes of text":                        head(0, 1).put(uint64(1000), uint64(0), uint64(0)),
		"metadata of type 99, which is none of the format":              head(0, 1).put("key", uint32(99), uint64(0)),
		`the metadata have "key" twice`:                                 head(0, 2).put("key", uint32(4), uint32(1), "key", uint32(4), uint32(1)),
		"the header promises 1000000 values":                            head(0, 1).put("key", uint32(9), uint32(8), uint64(1000000)),
		"arrays of metadata are nested deeper than 4":                   head(0, 1).put("key", uint32(9), uint32(9), uint64(1), uint32(9), uint64(1), uint32(9), uint64(1), uint32(9), uint64(1), uint32(9), uint64(1), uint32(0), uint64(1), uint64(0)),
		"general.alignment is 0: want a multiple of 8":                  head(0, 1).put("general.alignment", uint32(4), uint32(0)),
		`tensor "w" has 9 axes, more than 4`:                            head(1, 0).put("w", uint32(9), uint64(0), uint64(0)),
		`tensor "w" has an axis of 1099511627776`:                       tensor(uint64(1<<40), uint32(0), uint64(0)),
		`tensor "w" begins at 4, which is no multiple of 32`:            tensor(uint64(1), uint32(0), uint64(4)),
		`tensor "w" begins behind the end of the file`:                  tensor(uint64(1), uint32(0), uint64(1<<20)),
		`tensor "w" has 40 bytes at 64, the file 64: it is cut off`:     tensor(uint64(10), uint32(0), uint64(0)).aligned(),
		`tensor "w" of [33]: the last axis does not divide into blocks`: tensor(uint64(33), uint32(gguf.Q4_0), uint64(0)),
		`there are two tensors "w"`:                                     head(2, 0).put("w", uint32(0), uint32(0), uint64(0), "w", uint32(0), uint32(0), uint64(0)),
		"the name of a tensor, \"\\xff\", is no UTF-8":                  head(1, 0).put("\xff", uint32(0), uint32(0), uint64(0)),
	} {
		_, err := gguf.NewFile(bytes.NewReader(f.Bytes()), int64(f.Len()))
		require.ErrorContains(t, err, want)
	}
	_, err := gguf.NewFile(nil, 0)
	require.ErrorContains(t, err, "the reader is nil")
	_, err = gguf.Open(filepath.Join("testdata", "make.py"))
	require.ErrorContains(t, err, "make.py: gguf: the file begins with")
}

func TestWhatIsNotThere(t *testing.T) {
	f := open(t, typesFile)
	_, err := f.Tensor("w")
	require.EqualError(t, err, `gguf: there is no tensor "w" (see Names)`)
	_, _, err = f.Quantized("w")
	require.EqualError(t, err, `gguf: there is no tensor "w" (see Names)`)
	_, err = f.Rows("F32", 1, 3)
	require.EqualError(t, err, `gguf: tensor "F32" of [2 3] has no rows 1 to 3`)
	data := head(2, 0).put("new", uint32(1), uint64(32), uint32(77), uint64(0), "row", uint32(1), uint64(32), uint32(gguf.Q8_0), uint64(32)).aligned().put(make([]byte, 66))
	g, err := gguf.NewFile(bytes.NewReader(data.Bytes()), int64(data.Len()))
	require.NoError(t, err)
	_, err = g.Tensor("new")
	require.EqualError(t, err, `gguf: tensor "new" is type 77, which is not one that is read: have it quantised to another, such as Q8_0`)
	_, err = g.Rows("row", 0, 16)
	require.EqualError(t, err, `gguf: tensor "row" of [32] is quantised along its only axis: read it as a whole`)
	require.NoError(t, g.Close())
}

// FuzzFile reads whatever: an error, or tensors of what there is.
func FuzzFile(f *testing.F) {
	whole, err := os.ReadFile(typesFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:100])
	f.Add(head(1, 0).put("w", uint32(2), uint64(0), uint64(5), uint32(0), uint64(0)).aligned().Bytes())
	f.Add(head(1, 0).put("w", uint32(0), uint32(0), uint64(0)).aligned().put(float32(1)).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := gguf.NewFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		for _, info := range g.Tensors {
			x, err := g.Tensor(info.Name)
			if err == nil {
				require.LessOrEqual(t, x.ByteSize(), 16*len(data))
				require.NoError(t, x.Close())
			}
			if _, parts, err := g.Quantized(info.Name); err == nil {
				for _, p := range parts {
					require.NoError(t, p.Close())
				}
			}
			if len(info.Dims) > 0 {
				if x, err := g.Rows(info.Name, 0, info.Dims[0]/2); err == nil {
					require.NoError(t, x.Close())
				}
			}
		}
	})
}
