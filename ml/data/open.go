package data

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/quire-ml/quire/internal/safefile"
)

// File is a file of a public data set.
type File struct {
	Path   string   // below QUIRE_DATA and below the cache, with slashes, as "mnist/t10k-labels-idx1-ubyte.gz"
	URLs   []string // where it can be had, tried in turn; none if only the user can bring it
	SHA256 string   // of its bytes, in hexadecimal
	Size   int64    // bytes; 0 if unknown
}

// CacheDir returns the folder of downloaded data: the environment variable QUIRE_CACHE, else "quire" in the
// user's cache folder. It returns an error where there is neither.
func CacheDir() (string, error) {
	if dir := os.Getenv("QUIRE_CACHE"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder for the cache (%w): set QUIRE_CACHE to one", err)
	}
	return filepath.Join(dir, "quire"), nil
}

// Open opens a file of a data set. It looks in the folder QUIRE_DATA, then in the cache, and then asks the
// downloader, if the program has one (see [SetDownloader]), to bring the file to the cache. A file in
// QUIRE_DATA is the user's own: it may be another version or a part of the public one, and unpacked (without
// the ".gz" of its name). One in the cache must have the right checksum. The name of the file returned is its path.
//
// It returns an error that says what to do if the file is nowhere (it is an [fs.ErrNotExist]), cannot be
// read, has the wrong checksum, or is none: of a pipe or a device nothing is read.
func Open(f File) (*os.File, error) {
	file, err := open(f)
	if err != nil {
		return nil, fmt.Errorf("data.Open %q: %w", f.Path, err)
	}
	return file, nil
}

func open(f File) (*os.File, error) {
	root := os.Getenv("QUIRE_DATA")
	if root != "" {
		path := filepath.Join(root, filepath.FromSlash(f.Path))
		file, err := safefile.Open(path)
		if plain, packed := strings.CutSuffix(path, ".gz"); packed && errors.Is(err, fs.ErrNotExist) {
			file, err = safefile.Open(plain)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(cache, filepath.FromSlash(f.Path))
	file, err := safefile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		download := currentDownloader()
		if download == nil {
			return nil, &missingError{f, root, cache}
		}
		if err := download(f, path); err != nil {
			return nil, err
		}
		return safefile.Open(path) // the downloader has checked it
	}
	if err != nil {
		return nil, err
	}
	if err := f.verify(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("%w: delete %s to fetch it again", err, path)
	}
	return file, nil
}

// verify compares the checksum of file, and leaves file at its beginning.
func (f File) verify(file *os.File) error {
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return err
	}
	if err := f.CheckSum(h.Sum(nil)); err != nil {
		return err
	}
	_, err := file.Seek(0, io.SeekStart)
	return err
}

// CheckSum returns an error unless sum is the SHA-256 sum that f should have.
func (f File) CheckSum(sum []byte) error {
	if got := hex.EncodeToString(sum); !strings.EqualFold(got, f.SHA256) {
		return fmt.Errorf("checksum %.8s… differs from %.8s…", got, f.SHA256)
	}
	return nil
}

// missingError says where a file was looked for and how to get it. It is an [fs.ErrNotExist].
type missingError struct {
	file        File
	root, cache string
}

// Error says where the file was looked for and what to do.
func (e *missingError) Error() string {
	where := "not in the cache " + e.cache + ", and QUIRE_DATA is not set"
	if e.root != "" {
		where = "neither in QUIRE_DATA (" + e.root + ") nor in the cache " + e.cache
	}
	if len(e.file.URLs) == 0 {
		return where + ": put it in a folder and set QUIRE_DATA to that folder"
	}
	set, _, _ := strings.Cut(e.file.Path, "/")
	return fmt.Sprintf(`%s: run "go run github.com/quire-ml/quire/kernel-ext/quire data get %s", or import _ "github.com/quire-ml/quire/ml/data/fetch" `+
		`to let the program download it`, where, set)
}

// Is lets errors.Is find fs.ErrNotExist.
func (e *missingError) Is(target error) bool { return target == fs.ErrNotExist }

// Downloader brings a file to a path: complete and with the right checksum, or not at all.
type Downloader func(f File, path string) error

var downloader struct {
	sync.Mutex
	fn Downloader
}

// SetDownloader sets what [Open] calls for files that are not on this machine; nil for nothing, as is at
// the beginning. Package fetch sets its own when it is imported. It may be called from any goroutine.
func SetDownloader(fn Downloader) {
	downloader.Lock()
	defer downloader.Unlock()
	downloader.fn = fn
}

func currentDownloader() Downloader {
	downloader.Lock()
	defer downloader.Unlock()
	return downloader.fn
}
