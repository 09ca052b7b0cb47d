package tensors

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// SaveNpz writes tensors by name into one .npz file: a zip archive of .npy files, uncompressed, as
// NumPy's savez does. An existing file stays as it is until the new one is complete.
func SaveNpz(path string, values map[string]*Tensor) error {
	return safefile.Replace(path, 0o644, func(w io.Writer) error { return WriteNpz(w, values) })
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

// UnreadableError reports the entries of a file that hold no tensor that can be read. What is readable was read.
type UnreadableError struct {
	Entries map[string]error // by name: why not
}

// Error names them all.
func (e *UnreadableError) Error() string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(e.Entries)) {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%q: %v", name, e.Entries[name])
	}
	return text
}

// LoadNpz reads the tensors of a .npz file by name, see [ReadNpz].
func LoadNpz(path string, names ...string) (map[string]*Tensor, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	values, err := ReadNpz(f, info.Size(), names...)
	if err != nil {
		return values, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// ReadNpz is [LoadNpz] from a reader of the given number of bytes. It reads the tensors with the names asked for, or
// without names all of them.
//
// Entries that are of a type that a tensor cannot have, such as text or Python objects, do not keep the others from
// being read: asked for by name, one is an error, and so is a name that is not there. Without names, ReadNpz then returns
// the tensors that it could read together with an [UnreadableError], which names the others. If the file is damaged it
// returns no tensor at all.
func ReadNpz(r io.ReaderAt, size int64, names ...string) (map[string]*Tensor, error) {
	if r == nil {
		return nil, errNilFile
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("no .npz file: %w", err)
	}
	values := make(map[string]*Tensor, len(z.File))
	unreadable := map[string]error{}
	seen := map[string]bool{}
	fail := func(name string, err error) (map[string]*Tensor, error) {
		for _, t := range values {
			t.Close()
		}
		return nil, fmt.Errorf("%q in the .npz file: %w", name, err)
	}
	for _, f := range z.File {
		name, isNpy := strings.CutSuffix(f.Name, ".npy")
		if seen[name] {
			return fail(f.Name, fmt.Errorf("the name comes twice"))
		}
		seen[name] = true
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		var t *Tensor
		var err error = errNoTensor("its name does not end in .npy: it is no array")
		if isNpy {
			t, err = readEntry(f, size)
		}
		var other errNoTensor
		switch {
		case err == nil:
			values[name] = t
		case errors.As(err, &other) && len(names) == 0:
			unreadable[name] = err
		default:
			return fail(f.Name, err)
		}
	}
	for _, name := range names {
		if values[name] == nil {
			return fail(name, fmt.Errorf("there is none of this name: there are %q", slices.Sorted(maps.Keys(seen))))
		}
	}
	if len(unreadable) > 0 {
		return values, &UnreadableError{unreadable}
	}
	return values, nil
}

// errNoTensor says why a whole entry is no tensor.
type errNoTensor string

func (e errNoTensor) Error() string { return string(e) }

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
		t.Close()
		return nil, err
	}
	return t, nil
}
