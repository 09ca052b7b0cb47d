package carry

import (
	"errors"
	"io"
	"os"
	"reflect"
	"time"
	"unsafe"
)

// Encode writes the value that p points to, in the form of a variable's file. Equal values are written alike: neither the cell nor the time is
// noted.
func Encode(w io.Writer, p any) error {
	at, err := pointer(p)
	if err != nil {
		return err
	}
	e, err := encode(at, false)
	defer e.release()
	if err != nil {
		return err
	}
	h := e.head(at, 0)
	h.written = time.Unix(0, 0)
	_, err = writeTo(w, e, h)
	return err
}

// Decode sets the value that p points to to what [Encode] wrote, of the same type. What it reads may be damaged: then it returns an
// error and the value is zero.
func Decode(r io.Reader, p any) error {
	at, err := pointer(p)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c, err := open(align(b), at)
	if err != nil {
		return err
	}
	return decode(c, at)
}

// SaveFile writes the value that p points to to a file, which appears at path when it is complete and on disk.
func SaveFile(path string, p any) error {
	at, err := pointer(p)
	if err != nil {
		return err
	}
	e, err := encode(at, false)
	defer e.release()
	if err != nil {
		return err
	}
	f, err := newFile(path)
	if err != nil {
		return err
	}
	_, err = writeTo(f, e, e.head(at, state.cell))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// LoadFile sets the value that p points to to that of a file, of the same type. Large plain memory is mapped: it may be written to, and
// the file stays as it is.
func LoadFile(path string, p any) error {
	at, err := pointer(p)
	if err != nil {
		return err
	}
	_, err = loadFile(path, at)
	return err
}

// pointer returns what a caller gave as the place of a value.
func pointer(p any) (reflect.Value, error) {
	at := reflect.ValueOf(p)
	if at.Kind() != reflect.Pointer || at.IsNil() {
		return at, errors.New("carry: want a pointer to the value")
	}
	return at, nil
}

// align returns b, or a copy, so that blocks begin at multiples of 64.
func align(b []byte) []byte {
	if len(b) < blockMin || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%blockAlign == 0 {
		return b
	}
	return append(aligned(len(b))[:0], b...)
}

// blockAlign is what the addresses of blocks are multiples of, as tensors want it.
const blockAlign = 64

func aligned(n int) []byte {
	b := make([]byte, n+blockAlign)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (blockAlign - 1)
	return b[skip : skip+n : skip+n]
}
