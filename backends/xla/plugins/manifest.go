package plugins

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/quire-ml/quire/internal/safefile"
)

// ManifestName is the name of the manifest in a plugin's folder.
const ManifestName = "plugin.json"

// Manifest says what is in a plugin's folder.
type Manifest struct {
	Name     string            `json:"name"`               // of the plugin and of its folder, as "cpu"
	Version  string            `json:"version"`            // of the package with the library
	Platform string            `json:"platform"`           // that it runs on, as "linux/amd64"
	Library  string            `json:"library"`            // path of the library below the folder, with slashes
	Size     int64             `json:"size"`               // of the library, in bytes
	SHA256   string            `json:"sha256"`             // of the library, in hexadecimal
	Modified int64             `json:"modified,omitempty"` // time of the library's file, in Unix seconds; 0: unknown
	Packages []Package         `json:"packages"`           // what the folder was made from
	Env      map[string]string `json:"env,omitempty"`      // what must be in the environment; ${dir} is the folder
}

// Package is a package, a wheel, that a plugin was made from.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"` // of the wheel, in hexadecimal
}

// maxManifest is far above the length of any real manifest (some kB).
const maxManifest = 1 << 20

// ReadManifest reads the manifest in the plugin's folder dir. The error names the file and what is wrong in it; it is
// fs.ErrNotExist if there is none.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	text, err := safefile.ReadOwn(path, maxManifest)
	if errors.Is(err, fs.ErrNotExist) || isNotFolder(dir) {
		return Manifest{}, &missing{fmt.Sprintf("there is no plugin manifest %s", path)}
	}
	var other *safefile.NotRegularError
	var large *safefile.TooLargeError
	if errors.As(err, &other) || errors.As(err, &large) {
		return Manifest{}, fmt.Errorf("plugin manifest %w: install the plugin again", err)
	}
	if err != nil {
		return Manifest{}, fmt.Errorf("plugin manifest: %w", err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return Manifest{}, fmt.Errorf("plugin manifest %s: %w: install the plugin again", path, err)
	}
	return m, nil
}

// isNotFolder reports whether something is at path that is no folder.
func isNotFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

var (
	hexSum       = regexp.MustCompile(`^[0-9a-f]{64}$`)
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// parseManifest reads the text of a manifest. Fields that it does not know are for later versions.
func parseManifest(text []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("not readable: %w", err)
	}
	return m, m.validate()
}

// validate says what is wrong with m.
func (m Manifest) validate() error {
	switch {
	case !validName.MatchString(m.Name):
		return fmt.Errorf("name %q: want lower-case letters, digits, - and _", m.Name)
	case m.Library == "" || strings.ContainsAny(m.Library, "\\\x00") || !filepath.IsLocal(filepath.FromSlash(m.Library)) ||
		filepath.Clean(m.Library) == ".":
		return fmt.Errorf("library %q: want a path below the folder", m.Library)
	case m.Size <= 0:
		return fmt.Errorf("size %d: want that of the library in bytes", m.Size)
	case !hexSum.MatchString(m.SHA256):
		return fmt.Errorf("sha256 %q: want 64 hexadecimal digits in lower case", m.SHA256)
	}
	for name, value := range m.Env {
		if !variableName.MatchString(name) || strings.Contains(value, "\x00") {
			return fmt.Errorf("env %q: want the name of a variable and a text", name)
		}
	}
	return nil
}

// Write writes m into the plugin's folder dir and to the disk. It does not write what ReadManifest would refuse.
func (m Manifest) Write(dir string) error {
	if err := m.validate(); err != nil {
		return fmt.Errorf("plugin manifest: %w", err)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(m); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, ManifestName))
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	return errors.Join(err, f.Sync(), f.Close())
}

// Plugin returns the plugin that m describes, in the folder dir: ${dir} in the environment is replaced.
func (m Manifest) Plugin(dir string) Plugin {
	p := Plugin{Name: m.Name, Path: filepath.Join(dir, filepath.FromSlash(m.Library)), Version: m.Version,
		SHA256: m.SHA256, Size: m.Size, Modified: m.Modified, Dir: dir}
	for name, value := range m.Env {
		if p.Env == nil {
			p.Env = map[string]string{}
		}
		p.Env[name] = strings.ReplaceAll(value, "${dir}", dir)
	}
	return p
}
