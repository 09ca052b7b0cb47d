package plugininstall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quire-ml/quire/internal/safefile"
)

// Source is where wheels come from.
type Source interface {
	// String is what people call it, as "the index" with its host.
	String() string

	// Remote reports whether wheels are downloaded, and so need space on the disk.
	Remote() bool

	// Bring returns the path of a file that is the wheel, complete and with the right sum. A download goes to the
	// folder keep, which exists, and to nowhere else. report is called now and then with the number of bytes that
	// are done; calls of Bring may run at the same time.
	Bring(ctx context.Context, w Wheel, keep string, report func(done int64)) (path string, err error)
}

// Folder is a folder with wheels in it, as "pip download" fills it. Wheels may have been renamed: they are known by
// their sums.
type Folder string

// String returns "the folder" and its path.
func (f Folder) String() string { return "the folder " + string(f) }

// Remote is false.
func (f Folder) Remote() bool { return false }

// Bring finds w in the folder. It fails if the file of w's name is another one or damaged, and if no file of any name
// is w.
func (f Folder) Bring(ctx context.Context, w Wheel, _ string, report func(int64)) (string, error) {
	entries, err := os.ReadDir(string(f))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no folder %s", string(f))
	case err != nil:
		return "", err
	}
	named := filepath.Join(string(f), w.File())
	if info, err := os.Stat(named); err == nil {
		if info.Size() != w.Size {
			return "", &DamagedError{fmt.Sprintf("%s is damaged, or not what is pinned: it has %d bytes, not %d: download it again", named, info.Size(), w.Size)}
		}
		sum, err := sumOf(ctx, named, report)
		if err == nil && sum != w.SHA256 {
			err = &DamagedError{fmt.Sprintf("%s is damaged, or not what is pinned: its sha256 is %s…, not %s…: download it again", named, sum[:8], w.SHA256[:8])}
		}
		return named, err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() != w.Size {
			continue
		}
		path := filepath.Join(string(f), e.Name())
		sum, err := sumOf(ctx, path, report)
		if err != nil || sum == w.SHA256 {
			return path, err
		}
	}
	return "", &missingWheel{w.File()}
}

// DamagedError says that a wheel was read, and is not what it should be. That it could not be read is another matter.
type DamagedError struct{ text string }

// Error says what differs.
func (e *DamagedError) Error() string { return e.text }

// missingWheel says that a folder lacks a wheel.
type missingWheel struct{ file string }

// Error names the file.
func (e *missingWheel) Error() string { return "there is no " + e.file }

// sumOf returns the SHA-256 sum of a file.
func sumOf(ctx context.Context, path string, report func(done int64)) (string, error) {
	f, err := safefile.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	err = copyAll(ctx, sum, f, report)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// copyAll copies r to w until the end of either or of ctx, and reports how many bytes are done.
func copyAll(ctx context.Context, w io.Writer, r io.Reader, report func(done int64)) error {
	buffer := make([]byte, 1<<20)
	for done := int64(0); ; {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n, err := r.Read(buffer)
		if _, e := w.Write(buffer[:n]); e != nil {
			return e
		}
		done += int64(n)
		report(done)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
