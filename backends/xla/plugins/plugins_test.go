package plugins

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/internal/golden"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// thisMachine returns the manifest of the CPU plugin with the library content, at cpu.so.
func thisMachine(t *testing.T, content []byte) Manifest {
	t.Helper()
	sum := sha256.Sum256(content)
	return Manifest{Name: "cpu", Version: "0.0.1", Platform: runtime.GOOS + "/" + runtime.GOARCH, Library: "cpu.so",
		Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Packages: []Package{{"xla-cpu-pjrt", "0.0.1", strings.Repeat("a", 64)}}}
}

// install puts a plugin into a folder of plugins.
func install(t *testing.T, dir string, m Manifest) {
	t.Helper()
	folder := filepath.Join(dir, m.Name)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, m.Write(folder))
}

func TestDirs(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("LOCALAPPDATA", filepath.Join(home, "local"))
	t.Setenv("QUIRE_PLUGINS", "")
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "xdg"))
	if dirs := Dirs(); dirs[0] != filepath.Join(home, "xdg", "quire", "plugins") {
		t.Errorf("with XDG_DATA_HOME: %q", dirs)
	}
	t.Setenv("XDG_DATA_HOME", "relative") // such a one is to be ignored, says the XDG specification
	user := map[string]string{"windows": "local", "darwin": "Library/Application Support"}[runtime.GOOS]
	if user == "" {
		user = ".local/share"
	}
	dirs := Dirs()
	assert.Equal(t, filepath.Join(home, filepath.FromSlash(user), "quire", "plugins"), dirs[0], "without: %q", dirs)
	if runtime.GOOS != "windows" && dirs[len(dirs)-1] != "/usr/local/share/quire/plugins" {
		t.Errorf("without the machine's: %q", dirs)
	}
	a := filepath.Join(home, "a")
	t.Setenv("QUIRE_PLUGINS", a+string(filepath.ListSeparator)+string(filepath.ListSeparator)+"b")
	b, err := filepath.Abs("b")
	require.NoError(t, err, "with QUIRE_PLUGINS")
	assert.Equal(t, []string{a, b}, Dirs(), "with QUIRE_PLUGINS")
}

func TestFindTakesTheFirst(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	t.Setenv("QUIRE_PLUGINS", first+string(filepath.ListSeparator)+second)
	content := library(runtime.GOOS, runtime.GOARCH).Bytes()
	m := thisMachine(t, content)
	m.Env = map[string]string{"XLA_FLAGS": "--xla_gpu_cuda_data_dir=${dir}/nvidia"}
	install(t, second, m)
	cuda := m
	cuda.Name = "cuda"
	install(t, second, cuda)
	p, err := Find("cpu")
	folder := filepath.Join(second, "cpu")
	want := Plugin{"cpu", filepath.Join(folder, "cpu.so"), "0.0.1", m.SHA256, m.Size, m.Modified, folder,
		map[string]string{"XLA_FLAGS": "--xla_gpu_cuda_data_dir=" + folder + "/nvidia"}}
	require.NoError(t, err)
	require.Equal(t, want, p)
	install(t, first, m)
	if p, err := Find("cpu"); err != nil || p.Dir != filepath.Join(first, "cpu") {
		t.Errorf("%+v, %v", p, err)
	}
	list, err := List()
	var dirs []string
	for _, p := range list {
		dirs = append(dirs, p.Dir)
	}
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(first, "cpu"), folder, filepath.Join(second, "cuda")}, dirs)
	assert.ErrorContains(t, p.Check(), "is missing") // there is only the manifest
	assert.ErrorIs(t, p.Check(), fs.ErrNotExist, "a missing file is not fs.ErrNotExist")
}

func TestFindByPath(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{
		"pjrt_c_api_cpu_plugin.so": "cpu", "xla_cuda_plugin.so": "cuda", "libtpu.so": "tpu", "My_Metal.dylib": "my_metal",
	} {
		path := filepath.Join(dir, name)
		p, err := Find(path)
		if err != nil || p.Name != want || p.Path != path || p.Dir != dir || p.Version != "" {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// TestWhatFindSays pins the errors that name a remedy.
func TestWhatFindSays(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("QUIRE_PLUGINS", dir)
	sum := strings.Repeat("0", 64)
	for name, text := range map[string]string{
		"empty":    ``,
		"halfway":  `{"name": "halfw`,
		"types":    `{"name": 3}`,
		"other":    `{"name":"cpu","library":"a.so","size":1,"sha256":"` + sum + `"}`,
		"outside":  `{"name":"outside","library":"../a.so","size":1,"sha256":"` + sum + `"}`,
		"absolute": `{"name":"absolute","library":"/a.so","size":1,"sha256":"` + sum + `"}`,
		"folder":   `{"name":"folder","library":".","size":1,"sha256":"` + sum + `"}`,
		"nosize":   `{"name":"nosize","library":"a.so","sha256":"` + sum + `"}`,
		"nosum":    `{"name":"nosum","library":"a.so","size":1,"sha256":"1234"}`,
		"noname":   `{"name":"","library":"a.so","size":1,"sha256":"` + sum + `"}`,
		"env":      `{"name":"env","library":"a.so","size":1,"sha256":"` + sum + `","env":{"A=B":"c"}}`,
		"long":     `{"name":"long"}` + strings.Repeat(" ", maxManifest),
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, ManifestName), []byte(text), 0o644))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "afile"), nil, 0o644))
	var out strings.Builder
	for _, name := range []string{"cpu", "tpu", "rocm", "../cpu", "lib.so", "", "afile", "empty", "halfway", "types", "other",
		"outside", "absolute", "folder", "nosize", "nosum", "noname", "env", "long"} {
		p, err := Find(name)
		assert.Error(t, err, "%q: %+v", name, p)
		missing := slices.Contains([]string{"cpu", "tpu", "rocm", "afile"}, name)
		assert.Equal(t, missing, errors.Is(err, fs.ErrNotExist), "%q: fs.ErrNotExist is %v: %v", name, !missing, err)
		fmt.Fprintf(&out, "%s\n\t%s\n", name, strings.ReplaceAll(strings.ReplaceAll(fmt.Sprint(err), dir, "DIR"), `\`, "/"))
	}
	list, err := List()
	if len(list) != 0 || err == nil || strings.Count(err.Error(), "\n") != 11 {
		t.Errorf("List: %v, %v", list, err)
	}
	golden.Check(t, "testdata/find.golden", out.String())
}

func TestListWithoutFolders(t *testing.T) {
	t.Setenv("QUIRE_PLUGINS", filepath.Join(t.TempDir(), "none"))
	if list, err := List(); len(list) != 0 || err != nil {
		t.Error(list, err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name":"cpu","version":"1","platform":"linux/amd64","library":"a/b.so","size":7,"sha256":"` + strings.Repeat("0", 64) +
		`","packages":[{"name":"p","version":"1","sha256":""}],"env":{"XLA_FLAGS":"${dir}"}}`))
	f.Add([]byte(`{"name":"cpu","library":"a//../../b","size":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseManifest(text)
		if err != nil {
			return
		}
		dir := t.TempDir()
		require.NoError(t, m.Write(dir), "read and not written")
		again, err := ReadManifest(dir)
		require.NoError(t, err, "%+v and %+v", m, again)
		require.Equal(t, m.Plugin(dir), again.Plugin(dir), "%+v and %+v", m, again)
		rel, err := filepath.Rel(dir, m.Plugin(dir).Path)
		require.NoError(t, err, "the library %q is outside", m.Plugin(dir).Path)
		require.True(t, filepath.IsLocal(rel), "the library %q is outside", m.Plugin(dir).Path)
	})
}
