package plugins

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"

	"github.com/quire-ml/quire/internal/safefile"
)

// entry is the one function that a PJRT plugin must export (pjrt_c_api.h, in XLA's sources).
const entry = "GetPjrtApi"

// Check reports whether the library can be loaded here, as far as that shows without loading it. It is there and may
// be read; it is a library of this operating system and processor; it is as long as its manifest and its own headers
// say; and it exports GetPjrtApi. It reads the headers and the table of symbols, which takes a few milliseconds. If the file
// has another time than when it was installed, it also compares the sum, as [Plugin.Verify] does: the process dies of code
// that was damaged. Of the folders that are searched without QUIRE_PLUGINS, none may be another user's, or open to others.
//
// The error names the plugin and the file and says what to do.
func (p Plugin) Check() error {
	if err := p.trust(); err != nil {
		return fmt.Errorf("plugin %q: %w: it is not loaded", p.Name, err)
	}
	err := p.check(runtime.GOOS, runtime.GOARCH)
	if err == nil && p.touched() {
		err = p.compare()
	}
	if err != nil {
		return fmt.Errorf("plugin %q: %s %w%s", p.Name, p.Path, err, p.remedy())
	}
	return nil
}

// trust returns an error if the plugin was found in a folder that is another user's or open to others. Who sets
// QUIRE_PLUGINS, or names a library, says that he trusts it.
func (p Plugin) trust() error {
	if p.SHA256 == "" || os.Getenv("QUIRE_PLUGINS") != "" {
		return nil
	}
	if err := safefile.CheckTrusted(p.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// touched reports whether the library may be another than was installed: its time differs, or nobody wrote that down.
func (p Plugin) touched() bool {
	if p.SHA256 == "" {
		return false
	}
	info, err := os.Stat(p.Path)
	return err != nil || p.Modified == 0 || info.ModTime().Unix() != p.Modified
}

// remedy says how to get another file.
func (p Plugin) remedy() string {
	if p.Version != "" && slices.Contains(Known, p.Name) {
		return fmt.Sprintf(": run %q again", "quire plugin install "+p.Name)
	}
	return ""
}

// check does what Check says, for any platform. Its errors go on where the file's name ends.
func (p Plugin) check(goos, goarch string) error {
	f, size, err := p.open()
	if err != nil {
		return err
	}
	defer f.Close()
	if p.Size != 0 && size < p.Size {
		return fmt.Errorf("is cut off: it has %d of %d bytes", size, p.Size)
	}
	if p.Size != 0 && size > p.Size {
		return fmt.Errorf("is another file than was installed: it has %d bytes, not %d", size, p.Size)
	}
	return inspect(f, size, goos, goarch)
}

// open opens the library and returns its size. One that was installed is no link.
func (p Plugin) open() (*os.File, int64, error) {
	open := safefile.Open
	if p.SHA256 != "" {
		open = safefile.OpenOwn
	}
	f, err := open(p.Path)
	var other *safefile.NotRegularError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, &missing{"is missing"}
	case errors.As(err, &other) && other.Mode.IsDir():
		return nil, 0, errors.New("is a folder, and must be a library")
	case errors.As(err, &other) && other.Mode&fs.ModeSymlink != 0:
		return nil, 0, errors.New("is a link, and was installed as a file")
	case errors.As(err, &other):
		return nil, 0, errors.New("is no regular file")
	case err != nil:
		return nil, 0, unreadable(err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, unreadable(err)
	}
	return f, info.Size(), nil
}

// unreadable is err of a file without its path.
func unreadable(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("cannot be read: %w", err)
}

// Verify does what [Plugin.Check] does, and compares the library's SHA-256 sum with the one that was taken when it
// was installed. It reads all of the file: 0.2 s for the CPU plugin's 259 MB. Without a sum, as for a library given by
// its path, it is the same as Check.
func (p Plugin) Verify() error {
	if err := p.Check(); err != nil {
		return err
	}
	if p.SHA256 == "" {
		return nil
	}
	if err := p.compare(); err != nil {
		return fmt.Errorf("plugin %q: %s %w%s", p.Name, p.Path, err, p.remedy())
	}
	return nil
}

// compare compares the library's sum with the one that was taken when it was installed.
func (p Plugin) compare() error {
	f, _, err := p.open()
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return unreadable(err)
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != p.SHA256 {
		return fmt.Errorf("was changed since it was installed: its sha256 is %s…, not %s…", sum[:8], p.SHA256[:min(8, len(p.SHA256))])
	}
	return nil
}
