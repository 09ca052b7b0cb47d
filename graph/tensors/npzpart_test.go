package tensors_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"testing"

	"github.com/quire-ml/quire/graph/tensors"
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
	if err := tensors.WriteNpy(w, tensors.FromValue([]float32{7})); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"names.npy": header("<U1"), "format.npy": header("|S3"), "things.npy": header("|O"), "when.npy": header("<M8[ns]"), "readme.txt": []byte("hello")} {
		w, _ := z.Create(name)
		w.Write(content)
	}
	z.Close()
	r, size := bytes.NewReader(file.Bytes()), int64(file.Len())

	values, err := tensors.ReadNpz(r, size)
	var unreadable *tensors.UnreadableError
	if !errors.As(err, &unreadable) || len(unreadable.Entries) != 5 {
		t.Fatalf("all: %v", err)
	}
	if len(values) != 1 || values["x"].Float64At(0) != 7 {
		t.Errorf("what is readable: %v", values)
	}
	if values, err := tensors.ReadNpz(r, size, "x"); err != nil || len(values) != 1 {
		t.Errorf("only x: %v, %v", values, err)
	}
	for _, name := range []string{"names", "things", "none"} {
		if values, err := tensors.ReadNpz(r, size, "x", name); err == nil || values != nil {
			t.Errorf("%s: %v", name, values)
		}
	}
}
