package kernelspec

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/quire-ml/quire/internal/safefile"
)

// Name is the kernel's name in Jupyter, and DisplayName what people see.
const (
	Name        = "quire"
	DisplayName = "Quire (Go)"
)

// Spec is the content of kernel.json.
type Spec struct {
	Argv          []string          `json:"argv"`
	DisplayName   string            `json:"display_name"`
	Language      string            `json:"language"`
	InterruptMode string            `json:"interrupt_mode"`
	Env           map[string]string `json:"env"`
	Metadata      map[string]any    `json:"metadata"`
}

// mark is the key in the metadata by which Uninstall knows its own.
const mark = "quire-kernel"

// New returns the specification of a kernel that is started by the quire command exe in the workspace of
// the given module.
func New(exe, module string) Spec {
	return Spec{
		Argv:        []string{exe, "kernel", "start", "{connection_file}"},
		DisplayName: DisplayName, Language: "go", InterruptMode: "message",
		Env:      map[string]string{"QUIRE_MODULE": module},
		Metadata: map[string]any{mark: true},
	}
}

// UserData returns Jupyter's data directory of the current user: $JUPYTER_DATA_DIR, or where Jupyter's
// own rules put it.
func UserData() (string, error) {
	if dir := os.Getenv("JUPYTER_DATA_DIR"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home directory to install for: give a -prefix: %w", err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Jupyter"), nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "jupyter"), nil
	}
	return filepath.Join(home, ".local", "share", "jupyter"), nil
}

// PrefixData returns the data directory under an installation prefix, as /usr/local or a virtual
// environment.
func PrefixData(prefix string) string { return filepath.Join(prefix, "share", "jupyter") }

// Dir returns the kernel's folder in a data directory.
func Dir(data string) string { return filepath.Join(data, "kernels", Name) }

// files returns what Install writes, by name.
func files(spec Spec) (map[string][]byte, error) {
	text, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{"kernel.json": append(text, '\n'), "logo-svg.svg": logoSVG()}
	for _, size := range []int{32, 64} {
		if out[fmt.Sprintf("logo-%dx%d.png", size, size)], err = logoPNG(size); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Install writes the kernel's folder in a data directory and returns the folder.
func Install(data string, spec Spec) (string, error) {
	dir := Dir(data)
	old, err := Read(dir)
	var damaged *json.SyntaxError // as a kill in the middle of writing leaves it
	switch {
	case err == nil && !old.ours():
		return "", fmt.Errorf("installing the kernel: %s holds another kernel (%s)", dir, old.DisplayName)
	case err != nil && !errors.Is(err, os.ErrNotExist) && !errors.As(err, &damaged): // who knows whose it is
		return "", fmt.Errorf("installing the kernel: %w", err)
	}
	content, err := files(spec)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("installing the kernel: %w", err)
	}
	for name, text := range content {
		err := safefile.WriteAtomic(filepath.Join(dir, name), 0o644, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("installing the kernel: %w", err)
		}
	}
	return dir, nil
}

// ErrNone says that there is nothing to uninstall.
var ErrNone = errors.New("the kernel is not installed")

// Uninstall removes exactly what Install wrote, and the folder if nothing else is in it.
func Uninstall(data string) (dir string, err error) {
	dir = Dir(data)
	spec, err := Read(dir)
	if errors.Is(err, os.ErrNotExist) {
		return dir, fmt.Errorf("%w in %s", ErrNone, dir)
	}
	if err != nil {
		return dir, err
	}
	if !spec.ours() {
		return dir, fmt.Errorf("%s holds another kernel (%s): it is left alone", dir, spec.DisplayName)
	}
	content, err := files(spec)
	if err != nil {
		return dir, err
	}
	for name := range content {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return dir, fmt.Errorf("uninstalling the kernel: %w", err)
		}
	}
	_ = os.Remove(dir) // fails if somebody put something else there: that stays
	return dir, nil
}

// maxSpec is far above the size of a real kernel.json.
const maxSpec = 1 << 20

// Read reads the kernel.json in a kernel's folder.
func Read(dir string) (Spec, error) {
	var s Spec
	data, err := safefile.ReadFile(filepath.Join(dir, "kernel.json"), maxSpec)
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", dir, err)
	}
	return s, nil
}

func (s Spec) ours() bool { return s.Metadata[mark] == true }

// Find returns the folders of installed kernels of ours, in Jupyter's order of search as far as it can
// be known without Jupyter: JUPYTER_PATH, the user's, the system's.
func Find() []string {
	data := filepath.SplitList(os.Getenv("JUPYTER_PATH"))
	if user, err := UserData(); err == nil {
		data = append(data, user)
	}
	if venv := os.Getenv("VIRTUAL_ENV"); venv != "" {
		data = append(data, PrefixData(venv))
	}
	data = append(data, "/usr/local/share/jupyter", "/usr/share/jupyter")
	var found []string
	for _, d := range data {
		if s, err := Read(Dir(d)); err == nil && s.ours() && !slices.Contains(found, Dir(d)) {
			found = append(found, Dir(d))
		}
	}
	return found
}
