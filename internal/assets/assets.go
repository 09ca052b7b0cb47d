// Package assets finds and installs the files of others that pages need and that the repository does not hold: script libraries. Each is
// pinned by version and SHA-256 sum, is installed by "quire assets install", and lies in
//
//	<dir>/echarts/echarts.min.js    the library
//	<dir>/echarts/LICENSE, NOTICE   what it comes with
package assets

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/quire-ml/quire/internal/safefile"
)

// File is a pinned file of a package.
type File struct {
	Path   string // in the package's archive
	Size   int64
	SHA256 string // in hexadecimal
}

// Pin is a package of npm, and the files of it that are installed, the library first.
type Pin struct {
	Name, Version string
	Size          int64  // of the archive
	SHA256        string // of the archive
	Files         []File
}

// Archive returns the name of the package's archive, as "npm pack" writes it.
func (p Pin) Archive() string { return p.Name + "-" + p.Version + ".tgz" }

// Pins are what can be installed.
var Pins = []Pin{{
	Name: "echarts", Version: "5.6.0", Size: 10432423, SHA256: "e1b82487dd7f8d9f0438eec1f1433051148e0095ac7a15d4db890afda45cf610",
	Files: []File{
		{"package/dist/echarts.min.js", 1034102, "bf4a223524e40b77c304bec67e1222cf551f14880cf42c69dc046558e11c07b1"},
		{"package/LICENSE", 11990, "634293835b43a6dd2094fa39182a3d9a6b9ca43b7fdb9ac354e8037af2a3093a"},
		{"package/NOTICE", 168, "fa99ac3af859d0e13166906dc53a73ad34a08898da7e8ae83407275496e9e30c"},
	},
}}

// PinOf returns the pin of a name, and whether there is one.
func PinOf(name string) (Pin, bool) {
	for _, p := range Pins {
		if p.Name == name {
			return p, true
		}
	}
	return Pin{}, false
}

// Dirs returns the folders that are looked in, the first first: those of the list QUIRE_ASSETS if it is set, else quire/assets in the
// user's data folder (XDG_DATA_HOME, or ~/.local/share, ~/Library/Application Support and %LOCALAPPDATA% on the systems that have them) and
// /usr/local/share/quire/assets. All are absolute; they need not exist.
func Dirs() (dirs []string) {
	if list := os.Getenv("QUIRE_ASSETS"); list != "" {
		for _, dir := range filepath.SplitList(list) {
			if abs, err := filepath.Abs(dir); dir != "" && err == nil {
				dirs = append(dirs, abs)
			}
		}
		return dirs
	}
	if data := userData(); data != "" {
		dirs = append(dirs, filepath.Join(data, "quire", "assets"))
	}
	if runtime.GOOS != "windows" {
		dirs = append(dirs, "/usr/local/share/quire/assets")
	}
	return dirs
}

// userData returns the folder of the user's data, "" where there is none.
func userData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	home, err := os.UserHomeDir()
	switch {
	case runtime.GOOS == "windows":
		return os.Getenv("LOCALAPPDATA")
	case err != nil || !filepath.IsAbs(home):
		return ""
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support")
	}
	return filepath.Join(home, ".local", "share")
}

// MissingError says that a package is not installed.
type MissingError struct{ Name string }

// Error says how it is installed.
func (e *MissingError) Error() string {
	return fmt.Sprintf("the script library %s is not installed: quire assets install %s", e.Name, e.Name)
}

// Library returns the library of an installed package, whose sum is right. It returns a [*MissingError] if there is none.
func Library(name string) ([]byte, error) {
	pin, ok := PinOf(name)
	if !ok {
		return nil, fmt.Errorf("there is no script library %q", name)
	}
	for _, dir := range Dirs() {
		path := pin.place(dir, pin.Files[0])
		data, err := safefile.ReadFile(path, pin.Files[0].Size+1)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && sumOf(data) != pin.Files[0].SHA256 {
			err = fmt.Errorf("%s is not %s %s: install it again by quire assets install %s", path, pin.Name, pin.Version, pin.Name)
		}
		return data, err
	}
	return nil, &MissingError{name}
}

// place returns where a file of the package is.
func (p Pin) place(dir string, f File) string {
	return filepath.Join(dir, p.Name, filepath.Base(filepath.FromSlash(f.Path)))
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Install takes the files of a package out of its archive, a file that "npm pack" wrote, compares all sums, and puts them into the folder
// of assets dir. It changes nothing unless all are right.
func Install(pin Pin, archive, dir string) error {
	files, err := pin.unpack(archive)
	if err != nil {
		return fmt.Errorf("%s %s: %w", pin.Name, pin.Version, err)
	}
	if err := os.MkdirAll(filepath.Join(dir, pin.Name), 0o755); err != nil {
		return err
	}
	for i := len(pin.Files) - 1; i >= 0; i-- { // the library last: it is looked for
		path := pin.place(dir, pin.Files[i])
		if err := safefile.WriteAtomic(path, 0o644, func(w io.Writer) error {
			_, err := w.Write(files[i])
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// unpack returns the contents of the pinned files.
func (p Pin) unpack(archive string) ([][]byte, error) {
	data, err := safefile.ReadFile(archive, p.Size+1)
	if err != nil {
		return nil, err
	}
	if got := sumOf(data); got != p.SHA256 {
		return nil, fmt.Errorf("%s is damaged, or not what is pinned: its sha256 is %s…, not %s…: bring it again by npm pack %s@%s", archive, got[:8], p.SHA256[:8], p.Name, p.Version)
	}
	f, err := safefile.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	files := make([][]byte, len(p.Files))
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i, want := range p.Files {
			if h.Name != want.Path {
				continue
			}
			if files[i], err = io.ReadAll(io.LimitReader(t, want.Size+1)); err != nil {
				return nil, err
			}
		}
	}
	for i, want := range p.Files {
		if sumOf(files[i]) != want.SHA256 {
			return nil, fmt.Errorf("%s in %s is not what is pinned", want.Path, archive)
		}
	}
	return files, nil
}

// Installed reports whether all files of a package are in the folder of assets dir, with the right sums.
func Installed(pin Pin, dir string) bool {
	for _, f := range pin.Files {
		data, err := safefile.ReadFile(pin.place(dir, f), f.Size+1)
		if err != nil || sumOf(data) != f.SHA256 {
			return false
		}
	}
	return true
}
