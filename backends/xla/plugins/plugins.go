package plugins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Plugin is a PJRT plugin on this machine.
type Plugin struct {
	Name     string            // "cpu", "cuda", "tpu", or for a library given by its path what its file name says
	Path     string            // of the library, absolute
	Version  string            // of the package that it came in; "" if nobody knows
	SHA256   string            // of the library, in hexadecimal; "" if nobody knows
	Size     int64             // of the library, in bytes; 0 if nobody knows
	Modified int64             // time of the library's file when it was installed, in Unix seconds; 0 if nobody knows
	Dir      string            // the installation folder, absolute
	Env      map[string]string // what the environment must contain before the library is loaded: variables and additions to them
}

// Known are the plugins that "quire plugin install" can install, on the platforms that they exist for.
var Known = []string{"cpu", "cuda", "tpu"}

// Dirs returns the folders that plugins are looked for in, the first first: those of the list QUIRE_PLUGINS if it
// is set, else quire/plugins in the user's data folder (XDG_DATA_HOME, or ~/.local/share, ~/Library/Application
// Support and %LOCALAPPDATA% on the systems that have them) and /usr/local/share/quire/plugins. All are absolute;
// they need not exist. "quire plugin install" writes into the first.
func Dirs() []string {
	if list := os.Getenv("QUIRE_PLUGINS"); list != "" {
		var dirs []string
		for _, dir := range filepath.SplitList(list) {
			if abs, err := filepath.Abs(dir); dir != "" && err == nil {
				dirs = append(dirs, abs)
			}
		}
		return dirs
	}
	var dirs []string
	if data := userData(); data != "" {
		dirs = append(dirs, filepath.Join(data, "quire", "plugins"))
	}
	if runtime.GOOS != "windows" {
		dirs = append(dirs, "/usr/local/share/quire/plugins")
	}
	return dirs
}

// userData returns the folder of the user's data, or "" where there is none.
func userData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	if runtime.GOOS == "windows" {
		return os.Getenv("LOCALAPPDATA")
	}
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		return ""
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support")
	}
	return filepath.Join(home, ".local", "share")
}

// List returns the plugins that are installed, in the order of [Dirs] and there by name. Of two with one name, Find
// takes the first. A folder whose manifest cannot be read is left out, and told in the error, which does not keep
// the others back. Whether the libraries are usable is for [Plugin.Check].
func List() ([]Plugin, error) {
	var list []Plugin
	var wrong []error
	for _, dir := range Dirs() {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			wrong = append(wrong, fmt.Errorf("plugins: %w", err))
		}
		for _, e := range entries {
			if !validName.MatchString(e.Name()) {
				continue // a temporary folder, or none of ours
			}
			p, err := installed(filepath.Join(dir, e.Name()))
			switch {
			case err == nil:
				list = append(list, p)
			case !errors.Is(err, fs.ErrNotExist):
				wrong = append(wrong, err)
			}
		}
	}
	return list, errors.Join(wrong...)
}

// validName is what plugins may be called.
var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// installed returns the plugin in the folder dir, which has its name.
func installed(dir string) (Plugin, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return Plugin{}, err
	}
	if m.Name != filepath.Base(dir) {
		return Plugin{}, fmt.Errorf("plugin manifest %s: it is for %q, and the folder is called %q: move the folder or install the plugin again",
			filepath.Join(dir, ManifestName), m.Name, filepath.Base(dir))
	}
	return m.Plugin(dir), nil
}

// Find returns the plugin of a name, such as "cpu", from the first of [Dirs] that has it; or the library at an
// absolute path, of which nothing is known but a name: cuda, tpu or cpu if the file's name contains it, else the
// file's name itself.
//
// Find fails, with an error that says what to do and is fs.ErrNotExist, if no plugin of the name is installed;
// and if its manifest cannot be read. Whether the library is there and usable is for [Plugin.Check].
func Find(nameOrPath string) (Plugin, error) {
	if filepath.IsAbs(nameOrPath) {
		path := filepath.Clean(nameOrPath)
		return Plugin{Name: nameOf(path), Path: path, Dir: filepath.Dir(path)}, nil
	}
	if !validName.MatchString(nameOrPath) {
		return Plugin{}, fmt.Errorf("plugin %q: give a name (%s) or the absolute path of a library", nameOrPath, strings.Join(Known, ", "))
	}
	for _, dir := range Dirs() {
		p, err := installed(filepath.Join(dir, nameOrPath))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return p, err
		}
	}
	remedy := fmt.Sprintf("run %q", "quire plugin install "+nameOrPath)
	if !slices.Contains(Known, nameOrPath) {
		remedy = "the absolute path of its library may be given instead"
	}
	return Plugin{}, &missing{fmt.Sprintf("the plugin %q is not installed: %s (looked in %s)", nameOrPath, remedy, strings.Join(Dirs(), ", "))}
}

// missing is an fs.ErrNotExist with a sentence of its own.
type missing struct{ text string }

func (e *missing) Error() string        { return e.text }
func (e *missing) Is(target error) bool { return target == fs.ErrNotExist }

// nameOf returns a name for the library at path.
func nameOf(path string) string {
	base := strings.ToLower(filepath.Base(path))
	for _, name := range []string{"cuda", "tpu", "cpu"} {
		if strings.Contains(base, name) {
			return name
		}
	}
	return strings.TrimSuffix(base, filepath.Ext(base))
}
