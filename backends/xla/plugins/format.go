package plugins

import (
	"errors"
	"fmt"
	"io"
)

// format is a kind of executable file.
type format struct {
	name    string   // as people call it
	system  string   // that uses it
	goos    []string // the same; nil: all others
	magics  []string // that files begin with
	inspect func(f io.ReaderAt, size int64, goarch string) error
}

var formats = []format{
	{"Mach-O", "macOS", []string{"darwin", "ios"}, []string{"\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xca\xfe\xba\xbe"}, inspectMachO},
	{"PE", "Windows", []string{"windows"}, []string{"MZ"}, inspectPE},
	{"ELF", "Linux", nil, []string{"\x7fELF"}, inspectELF},
}

func (f format) usedBy(goos string) bool {
	for _, name := range f.goos {
		if name == goos {
			return true
		}
	}
	return f.goos == nil
}

// inspect says whether a file of size bytes can be a plugin for an operating system and a processor.
func inspect(r io.ReaderAt, size int64, goos, goarch string) error {
	head := make([]byte, 4)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return unreadable(err)
	}
	if n == 0 {
		return errors.New("is empty")
	}
	var own, is *format
	for i := range formats {
		f := &formats[i]
		if own == nil && f.usedBy(goos) {
			own = f
		}
		for _, magic := range f.magics {
			if len(magic) <= n && string(head[:len(magic)]) == magic {
				is = f
			}
		}
	}
	switch {
	case is == nil:
		return fmt.Errorf("is not a library: it begins with % x, not as %s files do", head[:n], own.name)
	case is != own:
		return fmt.Errorf("is a library for %s (%s), this machine runs %s", is.system, is.name, goos)
	}
	return careful(func() error { return is.inspect(r, size, goarch) })
}

// careful turns a panic into an error: the readers of debug/elf and its kin trust what files say about themselves.
func careful(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("is damaged: %v", r)
		}
	}()
	return f()
}

// extent is a part of a file, as its headers give it.
type extent struct {
	what         string
	offset, size uint64
}

// within returns an error for the first part that does not lie in the file.
func within(size int64, parts []extent) error {
	for _, p := range parts {
		if end := p.offset + p.size; end < p.offset || end > uint64(size) {
			return fmt.Errorf("is cut off: it has %d bytes, and %s ends at byte %d", size, p.what, end)
		}
	}
	return nil
}

// wrongArch is the error for a library of another processor.
func wrongArch(of, here string) error {
	return fmt.Errorf("is for %s, this machine is %s", of, here)
}

// archName returns what a processor is called outside Go.
func archName(goarch string) string {
	switch goarch {
	case "amd64":
		return "x86-64"
	case "arm64":
		return "aarch64"
	case "386":
		return "x86"
	}
	return goarch
}

// damaged is the error for a file that its own reader refuses.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("is cut off: its headers speak of more than is there")
	}
	return fmt.Errorf("is damaged: %w", err)
}

var errNoEntry = fmt.Errorf("is a library and no PJRT plugin: it does not export %s", entry)
