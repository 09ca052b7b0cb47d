package safetensors

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/internal/mapped"
	"github.com/quire-ml/quire/internal/safefile"
)

// littleEndian reports whether this machine stores numbers as the format does.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

var errByteOrder = errors.New("safetensors: this machine is big-endian, which is not supported")

// Write writes tensors by name, and metadata, which may be nil. The same values give the same bytes. It
// returns an error if a dtype has no place in the format (complex128), or w's error.
func Write(w io.Writer, values map[string]*tensors.Tensor, metadata map[string]string) error {
	if !littleEndian {
		return errByteOrder
	}
	h := &Header{Metadata: metadata}
	order := slices.Sorted(maps.Keys(values))
	// Wide dtypes first, so that every tensor is aligned to its elements; as the format's own library does.
	slices.SortStableFunc(order, func(a, b string) int {
		return cmp.Compare(values[b].DType().Size(), values[a].DType().Size())
	})
	var end int64
	for _, name := range order {
		t := values[name]
		if err := t.CheckValid(); err != nil {
			return fmt.Errorf("safetensors: %q: %w", name, err)
		}
		if names[t.DType()] == "" || name == metadataKey {
			return fmt.Errorf("safetensors: %q, %s: the format has no place for it", name, t.Shape())
		}
		h.Entries = append(h.Entries, Entry{Name: name, Shape: t.Shape(), Begin: end, End: end + int64(t.ByteSize())})
		end += int64(t.ByteSize())
	}
	if w == nil {
		return errors.New("safetensors: the writer is nil")
	}
	text, err := h.text()
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(text)))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, name := range order {
		var writeErr error
		err := values[name].ConstBytes(func(data []byte) {
			if writeErr = mapped.Check(data); writeErr == nil {
				_, writeErr = w.Write(data)
			}
		})
		if err != nil {
			return err
		}
		if writeErr != nil {
			return writeErr
		}
	}
	return nil
}

// ReadHeader reads the header of a file with the given number of bytes, and returns where the elements
// begin. It returns an error if the file is not in the format, or has another size than its header says.
func ReadHeader(r io.ReaderAt, size int64) (h *Header, dataBegin int64, err error) {
	var length [8]byte
	if size < 8 {
		return nil, 0, fmt.Errorf("safetensors: %d bytes are too few for a header", size)
	}
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, 0, fmt.Errorf("safetensors: %w", err)
	}
	n := binary.LittleEndian.Uint64(length[:])
	if n > MaxHeader || int64(n) > size-8 {
		return nil, 0, fmt.Errorf("safetensors: a header of %d bytes in a file of %d: this is no such file, or it is cut off", n, size)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil {
		return nil, 0, fmt.Errorf("safetensors: %w", err)
	}
	dataBegin = 8 + int64(n)
	if h, err = ParseHeader(text, size-dataBegin); err != nil {
		return nil, 0, fmt.Errorf("safetensors: %w", err)
	}
	return h, dataBegin, nil
}

// Read reads all tensors and the metadata of a file with the given number of bytes. If some are of a dtype that tensors
// do not have, it returns the others together with a [tensors.UnreadableError], which names these.
func Read(r io.ReaderAt, size int64) (map[string]*tensors.Tensor, map[string]string, error) {
	if !littleEndian {
		return nil, nil, errByteOrder
	}
	h, begin, err := ReadHeader(r, size)
	if err != nil {
		return nil, nil, err
	}
	values := make(map[string]*tensors.Tensor, len(h.Entries))
	unreadable := map[string]error{}
	for _, e := range h.Entries {
		if e.Unreadable != nil {
			unreadable[e.Name] = e.Unreadable
			continue
		}
		t, err := tensors.New(e.Shape)
		if err != nil {
			return nil, nil, fmt.Errorf("safetensors: %q: %w", e.Name, err)
		}
		if err := readInto(t, r, begin+e.Begin); err != nil {
			return nil, nil, fmt.Errorf("safetensors: %q: %w", e.Name, err)
		}
		values[e.Name] = t
	}
	if len(unreadable) > 0 {
		return values, h.Metadata, fmt.Errorf("safetensors: %w", &tensors.UnreadableError{Entries: unreadable})
	}
	return values, h.Metadata, nil
}

func readInto(t *tensors.Tensor, r io.ReaderAt, at int64) (err error) {
	if t.ByteSize() == 0 {
		return nil
	}
	if e := t.MutableBytes(func(data []byte) {
		if _, err = r.ReadAt(data, at); err == nil && t.DType() == dtypes.Bool {
			for i, b := range data { // Go knows no other bools
				data[i] = min(1, b)
			}
		}
	}); e != nil {
		return e
	}
	return err
}

// Save writes a file, see [Write]. An existing file stays as it is until the new one is complete.
func Save(path string, values map[string]*tensors.Tensor, metadata map[string]string) error {
	return safefile.Replace(path, 0o644, func(w io.Writer) error { return Write(w, values, metadata) })
}

// Load reads a file, see [Read].
func Load(path string) (map[string]*tensors.Tensor, map[string]string, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	values, metadata, err := Read(f, info.Size())
	if err != nil {
		return values, metadata, fmt.Errorf("%s: %w", path, err)
	}
	return values, metadata, nil
}
