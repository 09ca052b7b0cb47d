package tensors_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An archive as np.savez(x=…, names=np.array(["a"]), things=object array) makes it, with a file that is no array.
func TestOneBadEntryDoesNotHideTheOthers(t *testing.T) {
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	header := func(descr string) []byte {
		h := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (1,), }\n"
		return append([]byte("\x93NUMPY\x01\x00"+string(rune(len(h)))+"\x00"), h+"abcd"...)
	}
	w, _ := z.Create("x.npy")
	require.NoError(t, tensors.WriteNpy(w, tensors.FromValue([]float32{7})))
	for name, content := range map[string][]byte{"names.npy": header("<U1"), "format.npy": header("|S3"), "things.npy": header("|O"), "when.npy": header("<M8[ns]"), "readme.txt": []byte("hello")} {
		w, _ := z.Create(name)
		w.Write(content)
	}
	z.Close()
	r, size := bytes.NewReader(file.Bytes()), int64(file.Len())

	values, err := tensors.ReadNpz(r, size)
	var unreadable *tensors.UnreadableError
	require.ErrorAs(t, err, &unreadable, "all")
	require.Len(t, unreadable.Entries, 5, "all")
	require.Len(t, values, 1, "what is readable")
	assert.Equal(t, 7.0, values["x"].Float64At(0), "what is readable")
	if values, err := tensors.ReadNpz(r, size, "x"); err != nil || len(values) != 1 {
		t.Errorf("only x: %v, %v", values, err)
	}
	for _, name := range []string{"names", "things", "none"} {
		if values, err := tensors.ReadNpz(r, size, "x", name); err == nil || values != nil {
			t.Errorf("%s: %v", name, values)
		}
	}
}

// scipy.sparse.save_npz stores the parts of a matrix, and beside them its format as bytes: np.array(b"csr").
func TestSparseMatrixOfSciPy(t *testing.T) {
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for _, part := range []struct {
		name string
		t    *tensors.Tensor
	}{{"indices", tensors.FromValue([]int32{0, 2})}, {"indptr", tensors.FromValue([]int32{0, 1, 2})}, {"shape", tensors.FromValue([]int64{2, 3})}, {"data", tensors.FromValue([]float64{1.5, -2})}} {
		w, _ := z.CreateHeader(&zip.FileHeader{Name: part.name + ".npy", Method: zip.Deflate})
		require.NoError(t, tensors.WriteNpy(w, part.t))
	}
	w, _ := z.CreateHeader(&zip.FileHeader{Name: "format.npy", Method: zip.Deflate})
	h := "{'descr': '|S3', 'fortran_order': False, 'shape': (), }\n"
	w.Write(append([]byte("\x93NUMPY\x01\x00"+string(rune(len(h)))+"\x00"), h+"csr"...))
	z.Close()
	values, err := tensors.ReadNpz(bytes.NewReader(file.Bytes()), int64(file.Len()))
	const want = `"format": the .npy header: element type "|S3" means text, which is no tensor`
	var unreadable *tensors.UnreadableError
	require.ErrorAs(t, err, &unreadable)
	assert.Equal(t, want, err.Error())
	require.Len(t, values, 4, "its parts")
	assert.Equal(t, float64(-2), tensors.MustCopyFlatData[float64](values["data"])[1], "its parts")
	assert.Equal(t, int64(3), tensors.MustCopyFlatData[int64](values["shape"])[1], "its parts")
}
