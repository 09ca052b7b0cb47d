package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/checkpoints/safetensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// all has a tensor of every dtype of the format.
func all() map[string]*tensors.Tensor {
	values := map[string]*tensors.Tensor{"empty": tensors.FromFlatDataAndDimensions([]int32{}, 0, 3), "scalar": tensors.FromScalar(1.5)}
	for _, d := range dtypes.All() {
		if d == dtypes.Complex128 { // the format has no place for it
			continue
		}
		t, _ := tensors.FromValue([][]float64{{0, 1, 2}, {3, 4, 5}}).ConvertDType(d)
		values["dir/"+d.String()] = t
	}
	return values
}

func equal(t *testing.T, want, got map[string]*tensors.Tensor) {
	t.Helper()
	require.Equal(t, len(want), len(got))
	for name, w := range want {
		require.True(t, got[name] != nil && w.Equal(got[name]), "%v %v", name, got[name])
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	require.NoError(t, safetensors.Save(path, all(), map[string]string{"a": "b"}))
	values, metadata, err := safetensors.Load(path)
	require.NoError(t, err)
	equal(t, all(), values)
	require.Equal(t, map[string]string{"a": "b"}, metadata)

	var again bytes.Buffer
	require.NoError(t, safetensors.Write(&again, values, metadata))
	first, _ := os.ReadFile(path)
	require.True(t, bytes.Equal(first, again.Bytes()), "the same values give the same bytes")
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	require.Equal(t, 1, len(files))
}

// The file in testdata was written by the Python package safetensors 0.8.0; see testdata/make.py.
func TestFilesOfPython(t *testing.T) {
	values, metadata, err := safetensors.Load("testdata/python.safetensors")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"format": "np"}, metadata)
	equal(t, map[string]*tensors.Tensor{
		"f32":     tensors.FromValue([][]float32{{0, 1, 2}, {3, 4, 5}}),
		"f64":     tensors.FromScalar(3.25),
		"f16":     must(tensors.FromValue([]float32{1, 0.5, -2}).ConvertDType(dtypes.Float16)),
		"i8":      tensors.FromValue([]int8{-1, 2}),
		"u16":     tensors.FromValue([]uint16{65535}),
		"i64":     tensors.FromValue([][][]int64{{{1, -2}}}),
		"u8":      tensors.FromValue([]uint8{7}),
		"bool":    tensors.FromValue([]bool{true, false, true}),
		"empty":   tensors.FromFlatDataAndDimensions([]float32{}, 0, 4),
		"a.b/c":   tensors.FromValue([]int32{1, 2, 3}),
		"é \"q\"": tensors.FromValue([]uint32{9}),
	}, values)
}

func must(t *tensors.Tensor, err error) *tensors.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}

func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func read(b []byte) error {
	_, _, err := safetensors.Read(bytes.NewReader(b), int64(len(b)))
	return err
}

func TestStrictness(t *testing.T) {
	one := `"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	require.NoError(t, read(file("{"+one+"}   ", 8)))
	require.NoError(t, read(file("{}", 0)))
	for _, c := range []struct {
		want string
		file []byte
	}{
		{"too few for a header", []byte{1, 2}},
		{"a header of 1099511627776 bytes in a file of 8", binary.LittleEndian.AppendUint64(nil, 1<<40)},
		{"a header of 50 bytes in a file of 8", binary.LittleEndian.AppendUint64(nil, 50)},
		{"does not begin with {", file(" {}", 0)},
		{"does not begin with {", file("[]", 0)},
		{"no JSON", file("{", 0)},
		{"no JSON", file(`{"a"`, 0)},
		{"after its end", file("{}x", 0)},
		{"after its end", file("{}{}", 0)},
		{"stands twice", file("{"+one+","+one+"}", 8)},
		{"no map of text", file(`{"__metadata__":{"a":1}}`, 0)},
		{"unknown field", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}`, 8)},
		{`the dtype "F31" is none that tensors have`, file(`{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}`, 8)},
		{"an axis of size -2", file(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8)},
		{"too large", file(`{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0)},
		{"its offsets are 0 and 4", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 8)},
		{"its offsets are 8 and 0", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}`, 8)},
		{"its offsets are -1 and -1", file(`{"a":{"dtype":"F32","shape":[2]}}`, 8)},
		{"the tensors have 8 bytes, the file has 12", file("{"+one+"}", 12)},
		{"the tensors have 8 bytes, the file has 4", file("{"+one+"}", 4)},
		{"overlaps", file("{"+one+`,"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12)},
		{"a hole of 4 bytes", file("{"+one+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16)},
	} {
		require.ErrorContains(t, read(c.file), c.want)
	}
	require.ErrorContains(t, safetensors.Write(&bytes.Buffer{}, map[string]*tensors.Tensor{"z": tensors.FromScalar(complex(1, 2))}, nil), "the format has no place for it")
}

func TestEveryTruncationIsAnError(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, safetensors.Write(&b, all(), map[string]string{"k": "v"}))
	for n := range b.Len() {
		require.True(t, read(b.Bytes()[:n]) != nil, fmt.Sprintf("cut off after %d of %d bytes", n, b.Len()))
	}
}

func TestADtypeThatWeLackDoesNotHideTheOthers(t *testing.T) {
	for _, dtype := range []string{"F8_E8M0", "F4", "I4", "F31"} {
		in := file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"`+dtype+`","shape":[3],"data_offsets":[2,5]},"z":{"dtype":"U8","shape":[1],"data_offsets":[5,6]}}`, 6)
		values, _, err := safetensors.Read(bytes.NewReader(in), int64(len(in)))
		var unreadable *tensors.UnreadableError
		if !errors.As(err, &unreadable) || unreadable.Entries["w"] == nil || !strings.Contains(err.Error(), dtype) {
			t.Errorf("%s: %v", dtype, err)
		}
		require.Len(t, values, 2, "%s: the others", dtype)
		assert.NotNil(t, values["a"], "%s: the others", dtype)
		assert.NotNil(t, values["z"], "%s: the others", dtype)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	safetensors.Write(&b, all(), map[string]string{"k": "v"})
	f.Add(b.Bytes())
	f.Add(file("{}", 0))
	f.Add(file(`{"a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]}}`, 2))
	f.Fuzz(func(t *testing.T, in []byte) {
		values, metadata, err := safetensors.Read(bytes.NewReader(in), int64(len(in)))
		if err != nil {
			require.NotEmpty(t, strings.TrimSpace(err.Error()), "an error without a sentence")
			return
		}
		var out bytes.Buffer
		require.NoError(t, safetensors.Write(&out, values, metadata))
		again, _, err := safetensors.Read(bytes.NewReader(out.Bytes()), int64(out.Len()))
		require.NoError(t, err, "written again")
		require.Len(t, again, len(values), "written again")
		for name, v := range values {
			var a, b []byte
			v.MustConstBytes(func(d []byte) { a = bytes.Clone(d) })
			again[name].MustConstBytes(func(d []byte) { b = bytes.Clone(d) })
			if !bytes.Equal(a, b) || !v.Shape().Equal(again[name].Shape()) {
				t.Fatalf("%q differs", name)
			}
		}
	})
}
