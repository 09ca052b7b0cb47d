// Package lines finds the lines of text files, and reads them one by one.
package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/quire-ml/quire/ml/data/internal/near"
)

// MaxLine is how long a line may be, in bytes.
const MaxLine = 128 << 20

// Files are the lines of several files, numbered through. The files are open until Close; lines may be read by several goroutines.
type Files struct {
	files []file
	ends  []int // the number of lines of a file and all before it
}

type file struct {
	*os.File
	starts []int64 // of the lines, and the end of the file
	number []int32 // of each line in the file, from 0; nil if all of them are there
}

// Open reads the files once to find their lines. Blank lines are left out with skipBlank.
func Open(paths []string, skipBlank bool) (*Files, error) {
	if len(paths) == 0 {
		return nil, errors.New("no files")
	}
	f := new(Files)
	total := 0
	for _, path := range paths {
		one, err := index(path, skipBlank)
		if err != nil {
			f.Close()
			return nil, err
		}
		f.files = append(f.files, one)
		total += one.len()
		f.ends = append(f.ends, total)
	}
	if total == 0 {
		f.Close()
		return nil, fmt.Errorf("%s: no lines", paths[0])
	}
	return f, nil
}

func (f *file) len() int {
	if f.number != nil {
		return len(f.number)
	}
	return len(f.starts) - 1
}

// index finds where the lines of a file begin.
func index(path string, skipBlank bool) (file, error) {
	in, err := near.Open(path)
	if err != nil {
		return file{}, err
	}
	out := file{File: in, starts: []int64{0}}
	if skipBlank {
		out.number = []int32{}
	}
	r := bufio.NewReaderSize(in, 1<<16)
	var at int64
	blank := true
	checkLength := func() error {
		if at-out.starts[len(out.starts)-1] > MaxLine {
			return fmt.Errorf("%s:%d: a line of more than %d bytes: is it a text file?", path, len(out.starts), MaxLine)
		}
		return nil
	}
	endLine := func() {
		if skipBlank && !blank {
			out.number = append(out.number, int32(len(out.starts)-1))
		}
		out.starts = append(out.starts, at)
		blank = true
	}
	for {
		part, err := r.ReadSlice('\n')
		at += int64(len(part))
		blank = blank && len(bytes.TrimSpace(part)) == 0
		if err := checkLength(); err != nil { // at once: the end may be a terabyte away
			in.Close()
			return file{}, err
		}
		switch {
		case err == bufio.ErrBufferFull:
			continue
		case err == nil, err == io.EOF && at > out.starts[len(out.starts)-1]:
			endLine()
		}
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			in.Close()
			return file{}, fmt.Errorf("%s: %w", path, err)
		}
	}
}

// Len returns the number of lines.
func (f *Files) Len() int {
	if len(f.ends) == 0 {
		return 0
	}
	return f.ends[len(f.ends)-1]
}

// find returns the file of line i, and the line's number there.
func (f *Files) find(i int) (*file, int) {
	k, before := 0, 0
	for i >= f.ends[k] {
		before = f.ends[k]
		k++
	}
	i -= before
	if n := f.files[k].number; n != nil {
		i = int(n[i])
	}
	return &f.files[k], i
}

// Place returns where line i is, as "names.txt:3".
func (f *Files) Place(i int) string {
	if i < 0 || i >= f.Len() {
		return fmt.Sprintf("line %d of %d", i, f.Len())
	}
	in, n := f.find(i)
	return fmt.Sprintf("%s:%d", in.Name(), n+1)
}

// At returns line i without what ends it, \n or \r\n, and in the first line of a file without a byte order mark.
func (f *Files) At(i int) ([]byte, error) {
	if i < 0 || i >= f.Len() {
		return nil, fmt.Errorf("there is no line %d of %d", i, f.Len())
	}
	in, n := f.find(i)
	text := make([]byte, in.starts[n+1]-in.starts[n])
	if _, err := in.ReadAt(text, in.starts[n]); err != nil {
		if err == io.EOF {
			err = errors.New("the file has become shorter since it was opened")
		}
		return nil, fmt.Errorf("%s: %w", f.Place(i), err)
	}
	if n == 0 {
		text = bytes.TrimPrefix(text, []byte("\ufeff"))
	}
	text = bytes.TrimSuffix(text, []byte{'\n'})
	return bytes.TrimSuffix(text, []byte{'\r'}), nil
}

// Close closes the files. Lines cannot be read afterwards.
func (f *Files) Close() error {
	var err error
	for _, one := range f.files {
		err = errors.Join(err, one.Close())
	}
	return err
}
