package tensors

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// SaveNpz writes tensors by name into one .npz file: a zip archive of .npy files, uncompressed, as
// NumPy's savez does. An existing file stays as it is until the new one is complete.
func SaveNpz(path string, values map[string]*Tensor) error {
	return writeFile(path, func(w io.Writer) error { return WriteNpz(w, values) })
}

var errNilFile = errors.New("the reader or writer of the file is nil")

// WriteNpz is [SaveNpz] to a writer. The same values give the same bytes.
func WriteNpz(w io.Writer, values map[string]*Tensor) error {
	if w == nil {
		return errNilFile
	}
	z := zip.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		entry, err := z.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: zip.Store})
		if err == nil {
			err = WriteNpy(entry, values[name])
		}
		if err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return z.Close()
}

// LoadNpz reads all tensors of a .npz file by name, see [ReadNpy].
func LoadNpz(path string) (map[string]*Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	values, err := ReadNpz(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// ReadNpz is [LoadNpz] from a reader of the given number of bytes. It returns an error if one of the
// archive's files is no .npy file of a dtype that can be read, and then no tensor at all.
func ReadNpz(r io.ReaderAt, size int64) (map[string]*Tensor, error) {
	if r == nil {
		return nil, errNilFile
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("no .npz file: %w", err)
	}
	values := make(map[string]*Tensor, len(z.File))
	fail := func(name string, err error) (map[string]*Tensor, error) {
		for _, t := range values {
			t.MustFinalizeAll()
		}
		return nil, fmt.Errorf("%q in the .npz file: %w", name, err)
	}
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return fail(f.Name, fmt.Errorf("its name does not end in .npy"))
		}
		if values[name] != nil {
			return fail(f.Name, fmt.Errorf("the name comes twice"))
		}
		t, err := readEntry(f, size)
		if err != nil {
			return fail(f.Name, err)
		}
		values[name] = t
	}
	return values, nil
}

// readEntry reads one tensor of an archive of the given size.
func readEntry(f *zip.File, size int64) (*Tensor, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	atMost := int64(-1) // what compressed data become is known at their end only
	if f.Method == zip.Store && f.UncompressedSize64 <= uint64(size) {
		atMost = int64(f.UncompressedSize64)
	}
	t, err := readNpy(r, func() int64 { return atMost })
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, r); err != nil { // to the end, where the checksum is compared
		t.MustFinalizeAll()
		return nil, err
	}
	return t, nil
}
