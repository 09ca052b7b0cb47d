package mnist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/ml/data"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idx writes an idx file.
func idx(kind byte, sizes []uint32, elements any) []byte {
	var b bytes.Buffer
	b.Write([]byte{0, 0, kind, byte(len(sizes))})
	binary.Write(&b, binary.BigEndian, sizes)
	binary.Write(&b, binary.BigEndian, elements)
	return b.Bytes()
}

func zip(file []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(file)
	w.Close()
	return b.Bytes()
}

func TestReadIDX(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want any
	}{
		{"bytes", idx(8, []uint32{2, 3}, []uint8{1, 2, 3, 4, 5, 255}), [][]uint8{{1, 2, 3}, {4, 5, 255}}},
		{"bytes, packed", zip(idx(8, []uint32{2}, []uint8{1, 2})), []uint8{1, 2}},
		{"signed bytes", idx(9, []uint32{2}, []int8{-1, 2}), []int8{-1, 2}},
		{"int16", idx(11, []uint32{2}, []int16{-300, 2}), []int16{-300, 2}},
		{"int32", idx(12, []uint32{2}, []int32{-70000, 2}), []int32{-70000, 2}},
		{"float32", idx(13, []uint32{1, 2}, []float32{-1.5, 1e9}), [][]float32{{-1.5, 1e9}}},
		{"float64", idx(14, []uint32{2}, []float64{-1.5, 1e99}), []float64{-1.5, 1e99}},
		{"a scalar", idx(12, nil, []int32{5}), int32(5)},
	} {
		got, err := ReadIDX(bytes.NewReader(c.file))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !got.Equal(tensors.FromValue(c.want)) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// folder lets QUIRE_DATA be a folder with the given files in mnist/.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "mnist")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, b := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	t.Setenv("QUIRE_DATA", root)
	t.Setenv("QUIRE_CACHE", filepath.Join(root, "cache"))
	return root
}

func TestTrainTakesPackedAndUnpackedFiles(t *testing.T) {
	pictures := make([]uint8, 3*28*28)
	pictures[28*28+28] = 51
	folder(t, map[string][]byte{
		"train-images-idx3-ubyte.gz": zip(idx(8, []uint32{3, 28, 28}, pictures)),
		"train-labels-idx1-ubyte":    idx(8, []uint32{3}, []uint8{7, 0, 9}),
	})
	x, y, err := Train()
	require.NoError(t, err)
	assert.Equal(t, "float32[3 28 28 1] int32[3 1]", fmt.Sprint(x.Shape(), y.Shape()))
	assert.Equal(t, float32(0.2), x.At(1, 1, 0, 0), "the pixel 51")
	if y.At(0, 0) != int32(7) || y.At(2, 0) != int32(9) {
		t.Errorf("labels %v", y)
	}
}

func TestErrors(t *testing.T) {
	images := idx(8, []uint32{3, 28, 28}, make([]uint8, 3*28*28))
	labels := idx(8, []uint32{3}, []uint8{7, 0, 9})
	const i, l = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
	noise := make([]uint8, 3*28*28) // does not compress, so the first half of the archive is half of it
	for k := range noise {
		noise[k] = uint8(data.Rand(1, int64(k)).Uint64())
	}
	packed := zip(idx(8, []uint32{3, 28, 28}, noise))
	var out strings.Builder
	for _, c := range []struct {
		name  string
		files map[string][]byte
	}{
		{"no files", nil},
		{"labels missing", map[string][]byte{i: images}},
		{"pictures cut off", map[string][]byte{i: images[:1000], l: labels}},
		{"packed pictures cut off", map[string][]byte{i: zip(images)[:20], l: labels}},
		{"packed noise cut off", map[string][]byte{i: packed[:len(packed)/2], l: labels}},
		{"cut off within the header", map[string][]byte{i: images[:9], l: labels}},
		{"empty file", map[string][]byte{i: nil, l: labels}},
		{"a byte too many", map[string][]byte{i: append(images[:len(images):len(images)], 1), l: labels}},
		{"a web page", map[string][]byte{i: []byte("<!DOCTYPE html>"), l: labels}},
		{"a broken archive", map[string][]byte{i: []byte("\x1f\x8b oh no, no archive"), l: labels}},
		{"labels for pictures", map[string][]byte{i: labels, l: labels}},
		{"fewer labels", map[string][]byte{i: images, l: idx(8, []uint32{2}, []uint8{1, 2})}},
		{"a label of 10", map[string][]byte{i: images, l: idx(8, []uint32{3}, []uint8{1, 10, 2})}},
		{"a header that promises too much", map[string][]byte{i: idx(14, []uint32{1 << 31, 1 << 31, 4}, []uint8{1}), l: labels}},
	} {
		root := folder(t, c.files)
		_, _, err := Train()
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		text := strings.ReplaceAll(strings.ReplaceAll(err.Error(), root, "DATA"), `\`, "/")
		fmt.Fprintf(&out, "%s\n\t%s\n", c.name, text)
	}
	golden.Check(t, "testdata/errors.golden", out.String())
}

func TestRealFiles(t *testing.T) {
	testenv.Data(t, "mnist", "t10k-images-idx3-ubyte.gz")
	train, test, err := Datasets(100)
	require.NoError(t, err)
	if n := train.NumExamples(); n < 1000 || test.NumExamples() != 10000 {
		t.Errorf("%d training and %d test digits", n, test.NumExamples())
	}
	x, y, err := Test()
	require.NoError(t, err)
	counts, sum := make([]int, 10), 0.0
	for _, v := range tensors.MustCopyFlatData[int32](y) {
		counts[v]++
	}
	for _, v := range tensors.MustCopyFlatData[float32](x) {
		sum += float64(v)
	}
	// Facts of the public test set: how often each digit comes, and the mean of its pixels.
	assert.Equal(t, "[980 1135 1032 1010 982 892 958 1028 974 1009]", fmt.Sprint(counts))
	if mean := sum / float64(x.Size()); mean < 0.1324 || mean > 0.1326 {
		t.Errorf("mean pixel %v, want 0.1325", mean)
	}
}

func FuzzReadIDX(f *testing.F) {
	f.Add(idx(8, []uint32{2, 3}, []uint8{1, 2, 3, 4, 5, 255}))
	f.Add(zip(idx(8, []uint32{2}, []uint8{1, 2})))
	f.Add(idx(14, []uint32{2}, []float64{-1.5, 1e99}))
	f.Add(idx(14, []uint32{1 << 31, 0, 1 << 31}, []uint8{}))
	f.Add([]byte{0, 0, 8})
	f.Fuzz(func(t *testing.T, file []byte) {
		got, err := ReadIDX(bytes.NewReader(file))
		if err != nil {
			return
		}
		if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
			r, err := gzip.NewReader(bytes.NewReader(file))
			require.NoError(t, err)
			file, err = io.ReadAll(r)
			require.NoError(t, err)
		}
		require.Len(t, file, got.ByteSize()+4+4*got.Rank(), "%v from", got.Shape())
	})
}

func TestAHeaderThatAnnouncesTooMuchIsAnError(t *testing.T) {
	header := []byte{0, 0, 8, 2, 0x80, 0, 0, 0, 0, 0, 0, 4} // 2^31 rows of 4 bytes
	_, err := ReadIDX(bytes.NewReader(header))
	assert.ErrorContains(t, err, "announces 8589934592 bytes")
}
