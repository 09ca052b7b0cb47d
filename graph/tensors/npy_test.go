package tensors

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numpyFile returns a file of testdata/numpy, which NumPy 2.4.6 has written, for the dtypes that NumPy lacks with ml_dtypes
// 0.6.0.
func numpyFile(name string) string { return filepath.Join("testdata", "numpy", name) }

// fromNumpy returns what NumPy saved as <dtype>.npy: [[-1, 0, 1], [2, 3, 4]] made to fit the dtype.
func fromNumpy(d dtypes.DType) *Tensor {
	x := FromValue([][]complex128{{-1, 0, 1}, {2, 3, 4}})
	flat := Flat[complex128](x)
	for i := range flat {
		switch {
		case d == dtypes.Bool:
			flat[i] = complex(float64(i%2), 0)
		case d.IsUnsigned():
			flat[i]++
		case d.IsFloat() || d.IsStorage():
			flat[i] *= 1.5
		case d.IsComplex():
			flat[i] *= 1.5 - 2i
		}
	}
	return must(x.ConvertDType(d))
}

func TestReadsWhatNumpyWrote(t *testing.T) {
	for _, d := range dtypes.All() {
		x, err := Load(numpyFile(d.String() + ".npy"))
		require.NoError(t, err)
		want := fromNumpy(d)
		assert.True(t, x.Equal(want), "%s: got %s, want %s", d, x, want)
	}
	cube := counting(dtypes.Int64, 2, 3, 4)
	for i := range Flat[int64](cube) {
		Flat[int64](cube)[i] -= 3
	}
	diagonal := must(cube.ConvertDType(dtypes.Complex64))
	for i, v := range Flat[complex64](diagonal) {
		Flat[complex64](diagonal)[i] = v * (1 + 2i)
	}
	for name, want := range map[string]*Tensor{
		"big_int16.npy":     must(cube.ConvertDType(dtypes.Int16)),
		"big_float64.npy":   must(cube.ConvertDType(dtypes.Float64)),
		"big_complex64.npy": diagonal,
		"fortran.npy":       must(cube.ConvertDType(dtypes.Float32)),
		"fortran_big.npy":   must(cube.ConvertDType(dtypes.Int32)),
		"scalar.npy":        FromValue(float32(2.5)),
		"empty.npy":         FromShape(shapes.Make(dtypes.Float32, 0, 3)),
		"version2.npy":      FromValue([]int32{0, 1, 2}),
		"version3.npy":      FromValue([]int32{0, 1, 2}),
	} {
		x, err := Load(numpyFile(name))
		require.NoError(t, err)
		assert.True(t, x.Equal(want), "%s: got %s, want %s", name, x, want)
	}
}

// What is written is, byte for byte, what NumPy writes.
func TestWritesWhatNumpyWrites(t *testing.T) {
	for _, d := range dtypes.All() {
		want, err := os.ReadFile(numpyFile(d.String() + ".npy"))
		require.NoError(t, err)
		var got bytes.Buffer
		require.NoError(t, WriteNpy(&got, fromNumpy(d)))
		assert.True(t, bytes.Equal(got.Bytes(), want), "%s: wrote\n%q\nNumPy writes\n%q", d, got.Bytes(), want)
	}
}

func TestNpzFilesOfNumpy(t *testing.T) {
	two, err := LoadNpz(numpyFile("two.npz"))
	require.NoError(t, err)
	require.Len(t, two, 2, "two.npz")
	assert.True(t, two["w"].Equal(counting(dtypes.Float32, 2, 3)), "two.npz")
	assert.True(t, two["b"].Equal(FromValue([]bool{true, false})), "two.npz")
	compressed, err := LoadNpz(numpyFile("compressed.npz"))
	require.NoError(t, err)
	require.Len(t, compressed, 2, "compressed.npz")
	assert.True(t, compressed["w"].Equal(counting(dtypes.Float32, 2, 300)), "compressed.npz")
	assert.True(t, compressed["b"].Equal(FromValue(7)), "compressed.npz")
}

func TestSaveAndLoad(t *testing.T) {
	dir := t.TempDir()
	all := map[string]*Tensor{}
	for _, d := range dtypes.All() {
		for _, dims := range [][]int{{}, {0}, {5}, {2, 3}, {1, 2, 3, 4, 5}, {300, 301}} {
			x := counting(d, dims...)
			path := filepath.Join(dir, "x.npy")
			require.NoError(t, x.Save(path))
			y, err := Load(path)
			require.NoError(t, err)
			if !x.InDelta(y, 0) {
				t.Errorf("%s changed", x.Shape())
			}
			all[fmt.Sprintf("%s/%v", d, dims)] = x
		}
	}
	path := filepath.Join(dir, "all.npz")
	require.NoError(t, SaveNpz(path, all))
	back, err := LoadNpz(path)
	require.NoError(t, err)
	assert.Len(t, back, len(all), "%d of %d tensors came back", len(back), len(all))
	for name, x := range all {
		if y := back[name]; y == nil || !x.InDelta(y, 0) {
			t.Errorf("%s changed", name)
		}
	}
}

func TestReadNpyReadsNoFurther(t *testing.T) {
	var buf bytes.Buffer
	for i := range 3 {
		require.NoError(t, WriteNpy(&buf, counting(dtypes.Int16, i+1)))
	}
	stream := io.MultiReader(&buf) // its length is not known
	for i := range 3 {
		x, err := ReadNpy(stream)
		require.NoError(t, err, "tensor %d: %v", i, x)
		assert.True(t, x.Equal(counting(dtypes.Int16, i+1)), "tensor %d: %v", i, x)
	}
}

func TestAFailedSaveKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npz")
	require.NoError(t, SaveNpz(path, map[string]*Tensor{"x": FromValue(1)}))
	gone := FromValue(2)
	gone.Close()
	err := SaveNpz(path, map[string]*Tensor{"x": FromValue(2), "y": gone})
	checkErr(t, err, path+`: "y": tensor int64[] was closed: its memory is released`)
	old, err := LoadNpz(path)
	require.NoError(t, err, "the old file: %v", old)
	assert.True(t, old["x"].Equal(FromValue(1)), "the old file: %v", old)
	list, _ := os.ReadDir(dir)
	assert.Len(t, list, 1, "files are left")
	assert.ErrorIs(t, FromValue(1).Save(filepath.Join(dir, "none", "x.npy")), os.ErrNotExist, "into a missing folder")
	_, err = Load(filepath.Join(dir, "none.npy"))
	assert.ErrorIs(t, err, os.ErrNotExist, "a missing file")
	_, err = LoadNpz(filepath.Join(dir, "none.npz"))
	assert.ErrorIs(t, err, os.ErrNotExist, "a missing archive")
}

// npy returns a file of version 1 with the given header and data.
func npy(header, data string) string {
	return npyMagic + "\x01\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(header)))) + header + data
}

func TestNpyErrors(t *testing.T) {
	const good = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n"
	for _, c := range []struct {
		name, data, want string
	}{
		{"good", npy(good, "12345678"), ""},
		{"other spelling", npy(`{"shape":(2L),"descr":"int","fortran_order":False}`, ""), `the .npy header: element type "int" is no dtype of ours`},
		{"other order of keys", npy(`{"shape":(2L),"descr":"=i4","fortran_order":True}`, "12345678"), ""},
		{"nothing", "", "no .npy file: it ends after 0 bytes, within the first words"},
		{"a text", "hello, world", `no .npy file: it begins with "hello," instead of "\x93NUMPY"`},
		{"version 4", npyMagic + "\x04\x00", "the .npy file has format version 4.0: versions 1 to 3 can be read"},
		{"version 0", npyMagic + "\x00\x07", "the .npy file has format version 0.7: versions 1 to 3 can be read"},
		{"no length", npyMagic + "\x01\x00\x01", "the .npy file ends within its header"},
		{"no length in version 2", npyMagic + "\x02\x00\x01", "the .npy file ends within its header"},
		{"an absurd length", npyMagic + "\x02\x00\xff\xff\xff\xff{", "the .npy header claims 4294967295 bytes: more than 65536 cannot be right"},
		{"half a header", npy(good, "")[:30], "the .npy file ends within its header"},
		{"no data", npy(good, ""), "the .npy data of int32[2] takes 8 bytes, there are only 0"},
		{"half the data", npy(good, "12345"), "the .npy data of int32[2] takes 8 bytes, there are only 5"},
		{"no dictionary", npy("(1, 2)", ""), `the .npy header: want "{" before "(1, 2)"`},
		{"a missing key", npy("{'descr': '<i4', 'shape': (2,)}", ""), `the .npy header: key "fortran_order" is missing`},
		{"an empty dictionary", npy("{}", ""), `the .npy header: key "descr" is missing`},
		{"an unknown key", npy("{'order': 1}", ""), `the .npy header: key "order" is unknown`},
		{"a key twice", npy("{'descr': '<i4', 'descr': '<i4'}", ""), `the .npy header: key "descr" comes twice`},
		{"an open string", npy("{'descr: 1}", ""), `the .npy header: want a string before "descr: 1}"`},
		{"no colon", npy("{'descr' '<i4'}", ""), `the .npy header: want ":" before "'<i4'}"`},
		{"no comma", npy("{'descr': '<i4' 'shape': (2,)}", ""), `the .npy header: want "}" before "'shape': (2,)}"`},
		{"text behind", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2,)} + system('rm')", ""), `the .npy header: "+ system('rm')" follows the dictionary`},
		{"no bool", npy("{'fortran_order': 0}", ""), `the .npy header: want True or False before "0}"`},
		{"no tuple", npy("{'shape': 3}", ""), `the .npy header: want "(" before "3}"`},
		{"a negative dimension", npy("{'shape': (-3,)}", ""), `the .npy header: want a dimension before "-3,)}"`},
		{"a long dimension", npy("{'shape': (99999999999999999999,)}", ""), `the .npy header: want a dimension before "99999999999999999999"…`},
		{"an open tuple", npy("{'shape': (3, 4", ""), `the .npy header: want ")" before ""`},
		{"an absurd shape", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", ""), "the .npy header: shape int32[4294967296 4294967296] is too large: more than 64 TiB"},
		{"a large shape", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000000,)}", "1"), "the .npy data of int32[1000000000000] takes 4000000000000 bytes, there are only 1"},
		{"numbers of 3 bytes", npy("{'descr': '<i3', 'fortran_order': False, 'shape': ()}", "123"), `the .npy header: element type "<i3" is no dtype of ours`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ReadNpy(strings.NewReader(c.data))
			checkErr(t, err, c.want)
		})
	}
	for name, want := range map[string]string{
		"text.npy":       `the .npy header: element type "<U2" means text, which is no tensor`,
		"objects.npy":    `the .npy header: element type "|O" means Python objects, which cannot be read`,
		"records.npy":    "the .npy header: records (structured arrays) cannot be read: save their fields one by one",
		"dates.npy":      `the .npy header: element type "<M8[D]" means dates: convert them to int64 first`,
		"longdouble.npy": `the .npy header: element type "<f16" is longer than 64 bits: convert it to float64 or complex128 first`,
	} {
		_, err := Load(numpyFile(name))
		checkErr(t, err, numpyFile(name)+": "+want)
	}
	_, err := ReadNpy(io.MultiReader(strings.NewReader(npy(good, "12345"))))
	checkErr(t, err, "the .npy data of int32[2] takes 8 bytes and ends after 5")
	broken := errors.New("the cable is out")
	_, err = ReadNpy(io.MultiReader(strings.NewReader(npy(good, "12345")), brokenReader{broken}))
	assert.ErrorIs(t, err, broken)
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

// A header that promises 4 TB must not cost memory, whether or not the length is known.
func TestPromisesCostNoMemory(t *testing.T) {
	data := npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000,)}", strings.Repeat("x", 3<<20))
	TrimPool()
	for _, r := range []io.Reader{strings.NewReader(data), io.MultiReader(strings.NewReader(data))} {
		before := Stats()
		var m0, m1 runtime.MemStats
		runtime.ReadMemStats(&m0)
		_, err := ReadNpy(r)
		assert.Error(t, err)
		runtime.ReadMemStats(&m1)
		after := Stats()
		n := after.Live + after.Pooled - before.Live - before.Pooled
		assert.LessOrEqual(t, n, int64(8<<20), "%s outside the heap for 3 MiB of data", sizeText(n))
		if n := m1.TotalAlloc - m0.TotalAlloc; n > 8<<20 {
			t.Errorf("%s on the heap for 3 MiB of data", sizeText(int64(n)))
		}
	}
}

func TestNpzErrors(t *testing.T) {
	archive := func(files ...string) []byte {
		var buf bytes.Buffer
		z := zip.NewWriter(&buf)
		for i := 0; i < len(files); i += 2 {
			w, err := z.CreateHeader(&zip.FileHeader{Name: files[i], Method: zip.Store})
			if err == nil {
				_, err = io.WriteString(w, files[i+1])
			}
			require.NoError(t, err)
		}
		require.NoError(t, z.Close())
		return buf.Bytes()
	}
	one := npy("{'descr': '<i4', 'fortran_order': False, 'shape': (1,)}", "1234")
	damaged := bytes.Replace(archive("x.npy", one), []byte("1234"), []byte("1235"), 1)
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"good", archive("x.npy", one, "y.npy", one), ""},
		{"no archive", []byte("hello"), "no .npz file: zip: not a valid zip file"},
		{"cut", archive("x.npy", one)[:100], "no .npz file: zip: not a valid zip file"},
		{"a name twice", archive("x.npy", one, "x.npy", one), `"x.npy" in the .npz file: the name comes twice`},
		{"garbage", archive("x.npy", "garbage!"), `"x.npy" in the .npz file: no .npy file: it begins with "garbag" instead of "\x93NUMPY"`},
		{"too short", archive("x.npy", one[:len(one)-1]), `"x.npy" in the .npz file: the .npy data of int32[1] takes 4 bytes and ends after 3`},
		{"damaged", damaged, `"x.npy" in the .npz file: zip: checksum error`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ReadNpz(bytes.NewReader(c.data), int64(len(c.data)))
			checkErr(t, err, c.want)
			if err != nil && got != nil {
				t.Error("tensors beside an error")
			}
		})
	}
}

func FuzzReadNpy(f *testing.F) {
	files, _ := filepath.Glob(numpyFile("*.npy"))
	require.NotEmpty(f, files, "no files of NumPy in testdata")
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := ReadNpy(bytes.NewReader(data))
		y, err2 := ReadNpy(io.MultiReader(bytes.NewReader(data)))
		if (err == nil) != (err2 == nil) {
			t.Fatalf("of known length: %v; of unknown length: %v", err, err2)
		}
		if err != nil {
			assert.NotContains(t, err.Error(), "\n", "an error of several lines: %q", err)
			return
		}
		assert.LessOrEqual(t, x.ByteSize(), len(data), "%s from %d bytes", x.Shape(), len(data))
		var buf bytes.Buffer
		require.NoError(t, WriteNpy(&buf, x))
		again, err := ReadNpy(&buf)
		require.NoError(t, err, "what was written cannot be read")
		for _, z := range []*Tensor{y, again} {
			if !z.Shape().Equal(x.Shape()) || !bytes.Equal(z.bytes(), x.bytes()) {
				t.Errorf("%s came back as %s", x, z)
			}
		}
		_, _ = x.String(), x.GoStr()
	})
}

func FuzzReadNpz(f *testing.F) {
	for _, name := range []string{"two.npz", "compressed.npz"} {
		data, err := os.ReadFile(numpyFile(name))
		require.NoError(f, err)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := ReadNpz(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		var buf bytes.Buffer
		require.NoError(t, WriteNpz(&buf, values))
		again, err := ReadNpz(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
		require.NoError(t, err)
		require.Len(t, again, len(values))
	})
}

func TestEmptyInFortranOrder(t *testing.T) {
	x, err := ReadNpy(strings.NewReader(npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 0, 3)}", "")))
	require.NoError(t, err, "an empty tensor in Fortran order: %v", x)
	assert.Equal(t, []int{2, 0, 3}, x.Shape().Dimensions, "an empty tensor in Fortran order: %v", x)
}
