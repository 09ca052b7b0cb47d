package plugininstall

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/quire-ml/quire/backends/xla/plugins"
	"github.com/quire-ml/quire/internal/golden"
	"github.com/quire-ml/quire/internal/testenv"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var installedTree = []string{
	"cpu/fake_pjrt-1.0.dist-info/METADATA", "cpu/fake_plugins/fake.so", "cpu/nvidia/bin/ptxas", "cpu/nvidia/lib/libfake.so.1", "cpu/plugin.json",
}

func TestInstallFromAFolder(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	t.Setenv("QUIRE_PLUGINS", dir)
	var notes []string
	var last Progress
	p, err := Install(context.Background(), pin, from, Options{
		Note:     func(s string) { notes = append(notes, s) },
		Progress: func(p Progress) { last = p },
	})
	require.NoError(t, err)
	assert.Equal(t, installedTree, tree(t, dir), "installed")
	assert.NoError(t, p.Verify())
	found, err := plugins.Find("cpu")
	if err != nil || !reflect.DeepEqual(found, p) || p.Version != "1.0" || p.Env["XLA_FLAGS"] != "--dir="+filepath.Join(dir, "cpu")+"/nvidia" {
		t.Errorf("%+v, %+v, %v", p, found, err)
	}
	m, err := plugins.ReadManifest(p.Dir)
	want := []plugins.Package{{Name: "fake-pjrt", Version: "1.0", SHA256: pin.Wheels[0].SHA256}, {Name: "nvidia-fake", Version: "1.0", SHA256: pin.Wheels[1].SHA256}}
	require.NoError(t, err, "%+v", m)
	assert.Equal(t, here, m.Platform, "%+v", m)
	assert.Equal(t, want, m.Packages, "%+v", m)
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]fs.FileMode{"": 0o755, "fake_plugins/fake.so": 0o644, "nvidia/bin/ptxas": 0o755} {
			info, err := os.Stat(filepath.Join(p.Dir, name))
			require.NoError(t, err, "%q: %v", name, info.Mode())
			assert.Equal(t, mode, info.Mode().Perm(), "%q: %v", name, info.Mode())
		}
	}
	assert.Equal(t, (Progress{"unpacking", pin.Unpacked, pin.Unpacked}), last, "at the end")
	if len(notes) != 3 || !strings.HasPrefix(notes[0], "plugin cpu 1.0 takes 2 wheels of ") || !strings.Contains(notes[0], " from the folder "+string(from)) ||
		!strings.HasPrefix(notes[1], "  fake_pjrt-1.0-py3-none-any.whl  ") {
		t.Errorf("%q", notes)
	}
}

func TestAnotherInstallationTakesThePlace(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	for range 2 {
		_, err := Install(context.Background(), pin, from, Options{Dir: dir})
		require.NoError(t, err)
		require.Equal(t, installedTree, tree(t, dir), "installed")
		require.NoError(t, os.Remove(filepath.Join(dir, "cpu", "fake_plugins", "fake.so"))) // a broken one is replaced too
	}
}

// TestWhatIsInstalledIsNotBroughtAgain, as long as it is whole.
func TestWhatIsInstalledIsNotBroughtAgain(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	_, err := Install(context.Background(), pin, from, Options{Dir: dir})
	require.NoError(t, err)
	broken := errors.New("no network")
	var notes []string
	p, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: dir, Note: func(s string) { notes = append(notes, s) }})
	if err != nil || p.Verify() != nil || !slices.Equal(notes, []string{"the plugin cpu 1.0 is installed already, and whole"}) {
		t.Errorf("%v, %v, %q", err, p, notes)
	}
	for _, name := range []string{"fake_plugins/fake.so", "nvidia/bin/ptxas", "nvidia/lib/libfake.so.1", "plugin.json"} {
		path := filepath.Join(dir, "cpu", filepath.FromSlash(name))
		require.NoError(t, os.Truncate(path, 3))
		assert.False(t, Current(dir, pin), "with a damaged %s it passes for whole", name)
		_, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: dir})
		assert.ErrorIs(t, err, broken, "with a damaged %s nothing is brought", name)
		assert.Equal(t, installedTree, tree(t, dir), "after an installation that failed there")
		_, err = Install(context.Background(), pin, from, Options{Dir: dir})
		require.NoError(t, err)
	}
}

// TestAKillBetweenTheStepsOfAReplacement: where two names cannot be exchanged at once there is no plugin for a moment. Who is
// killed then has the one before again at the next start, also without a network.
func TestAKillBetweenTheStepsOfAReplacement(t *testing.T) {
	pin, from := fake(t)
	for step := 1; step <= 3; step++ {
		dir := t.TempDir()
		_, err := Install(context.Background(), pin, from, Options{Dir: dir})
		require.NoError(t, err)
		final, made := filepath.Join(dir, "cpu"), filepath.Join(dir, ".cpu.new-1")
		steps := []func() error{
			func() error { return os.Rename(final, made+oldSuffix) },
			func() error { return os.Rename(made, final) },
			func() error { return os.Rename(made+oldSuffix, made) },
		}
		err = os.CopyFS(made, os.DirFS(final))
		for _, do := range steps[:step] {
			err = errors.Join(err, do())
		}
		require.NoError(t, err)
		broken := errors.New("no network")
		_, err = Install(context.Background(), pin, failing{from, broken}, Options{Dir: dir})
		assert.NoError(t, err, "killed after step %d", step)
		assert.Equal(t, installedTree, tree(t, dir), "killed after step %d, then there", step)
	}
}

func TestRenamedWheelsAreKnownByTheirSums(t *testing.T) {
	pin, from := fake(t)
	for i, w := range pin.Wheels {
		require.NoError(t, os.Rename(filepath.Join(string(from), w.File()), filepath.Join(string(from), fmt.Sprint("download", i))))
	}
	_, err := Install(context.Background(), pin, from, Options{Dir: t.TempDir()})
	require.NoError(t, err)
}

func TestOnlyWhatIsNeededIsUnpacked(t *testing.T) {
	pin, from := fake(t)
	pin.Only = []string{"fake_plugins/*.so"}
	dir := t.TempDir()
	_, err := Install(context.Background(), pin, from, Options{Dir: dir})
	require.NoError(t, err)
	assert.Equal(t, []string{"cpu/fake_plugins/fake.so", "cpu/plugin.json"}, tree(t, dir), "installed")
}

// TestErrors pins the sentences, and that each mistake leaves what was installed before, and nothing else.
func TestErrors(t *testing.T) {
	pin, from := fake(t)
	evil := func(name string, mode fs.FileMode) (Pin, Folder) {
		w, content := wheel(t, "evil", entry{"fake_plugins/fake.so", library(), 0o644}, entry{name, []byte("/etc/passwd"), mode})
		p := pin
		p.Wheels = []Wheel{w}
		return p, put(t, map[string][]byte{w.File(): content})
	}
	whole, err := os.ReadFile(filepath.Join(string(from), pin.Wheels[0].File()))
	require.NoError(t, err)
	changed := slices.Clone(whole)
	changed[len(changed)/2] ^= 1
	var out strings.Builder
	for _, c := range []struct {
		name string
		make func() (Pin, Folder, Options)
	}{
		{"no such folder", func() (Pin, Folder, Options) { return pin, Folder(filepath.Join(string(from), "none")), Options{} }},
		{"a file instead of a folder", func() (Pin, Folder, Options) {
			return pin, Folder(filepath.Join(string(from), pin.Wheels[0].File())), Options{}
		}},
		{"an empty folder", func() (Pin, Folder, Options) { return pin, put(t, nil), Options{} }},
		{"one wheel is missing", func() (Pin, Folder, Options) {
			return pin, put(t, map[string][]byte{"renamed": whole}), Options{}
		}},
		{"a wheel that was cut off", func() (Pin, Folder, Options) {
			return pin, put(t, map[string][]byte{pin.Wheels[0].File(): whole[:100]}), Options{}
		}},
		{"a wheel with another bit", func() (Pin, Folder, Options) {
			return pin, put(t, map[string][]byte{pin.Wheels[0].File(): changed}), Options{}
		}},
		{"a path upwards", func() (Pin, Folder, Options) { p, f := evil("a/../../x", 0o644); return p, f, Options{} }},
		{"an absolute path", func() (Pin, Folder, Options) { p, f := evil("/etc/x", 0o644); return p, f, Options{} }},
		{"a path of Windows", func() (Pin, Folder, Options) { p, f := evil(`..\x`, 0o644); return p, f, Options{} }},
		{"a drive of Windows", func() (Pin, Folder, Options) { p, f := evil("C:x", 0o644); return p, f, Options{} }},
		{"a link", func() (Pin, Folder, Options) { p, f := evil("passwd", fs.ModeSymlink|0o777); return p, f, Options{} }},
		{"a file twice", func() (Pin, Folder, Options) { p, f := evil("fake_plugins/fake.so", 0o644); return p, f, Options{} }},
		{"a file below a file", func() (Pin, Folder, Options) { p, f := evil("fake_plugins/fake.so/x", 0o644); return p, f, Options{} }},
		{"no zip", func() (Pin, Folder, Options) {
			p := pin
			p.Wheels = []Wheel{{"text", "1", "py3-none-any", 5, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}}
			return p, put(t, map[string][]byte{"text": []byte("hello")}), Options{}
		}},
		{"without the library", func() (Pin, Folder, Options) { p := pin; p.Library = "other.so"; return p, from, Options{} }},
		{"a full disk", func() (Pin, Folder, Options) {
			p := pin
			p.Unpacked = 4_030_000_000
			return p, from, Options{free: func(string) (int64, bool) { return 322_000_000, true }}
		}},
	} {
		dir := t.TempDir()
		_, err := Install(context.Background(), pin, from, Options{Dir: dir})
		require.NoError(t, err)
		require.NoError(t, os.Truncate(filepath.Join(dir, "cpu", "nvidia", "bin", "ptxas"), 3)) // else there would be nothing to do
		p, folder, o := c.make()
		o.Dir = dir
		_, err = Install(context.Background(), p, folder, o)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		assert.Equal(t, installedTree, tree(t, dir), "%s: then there", c.name)
		if left, err := filepath.Glob(filepath.Join(dir, ".cpu.new*")); err != nil || left != nil {
			t.Errorf("%s: left are %q, %v", c.name, left, err)
		}
		fmt.Fprintf(&out, "%s\n\t%s\n", c.name, plain(err, string(from), "FROM", string(folder), "FROM", dir, "DIR",
			fmt.Sprint(len(whole)), "SIZE"))
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "afile"), nil, 0o644))
	_, err = Install(context.Background(), pin, from, Options{Dir: filepath.Join(dir, "afile")})
	fmt.Fprintf(&out, "into a file\n\t%s\n", plain(err, dir, "DIR"))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "cpu", "thesis"), 0o755))
	_, err = Install(context.Background(), pin, from, Options{Dir: dir})
	fmt.Fprintf(&out, "a folder of somebody else is in the way\n\t%s\n", plain(err, dir, "DIR"))
	for _, platform := range []string{"darwin/arm64", "windows/amd64", "linux/riscv64"} {
		_, err := PinOf(Pins(), "cpu", platform)
		fmt.Fprintf(&out, "on %s\n\t%v\n", platform, err)
	}
	_, err = PinOf(Pins(), "cuda", "linux/arm64")
	fmt.Fprintf(&out, "cuda on linux/arm64\n\t%v\n", err)
	_, err = PinOf(Pins(), "rocm", "linux/amd64")
	fmt.Fprintf(&out, "a plugin that there is not\n\t%v\n", err)
	golden.Check(t, "testdata/errors.golden", out.String())
}

var sums = regexp.MustCompile(`[0-9a-f]{8}…`)

// plain replaces what differs from run to run, and from one version of package zip to the other.
func plain(err error, oldnew ...string) string {
	return strings.NewReplacer(oldnew...).Replace(sums.ReplaceAllString(fmt.Sprint(err), "SUM…"))
}

// TestALibraryOfAnotherMachineIsNotInstalled: the sums are right, and the pin is not.
func TestALibraryOfAnotherMachineIsNotInstalled(t *testing.T) {
	pin, _ := fake(t)
	other := "arm64"
	if runtime.GOARCH == other {
		other = "amd64"
	}
	so := testenv.Library{GOOS: runtime.GOOS, GOARCH: other, Symbol: "GetPjrtApi"}.Bytes()
	w, content := wheel(t, "other", entry{"fake_plugins/fake.so", so, 0o644})
	pin.Wheels = []Wheel{w}
	dir := t.TempDir()
	_, err := Install(context.Background(), pin, put(t, map[string][]byte{w.File(): content}), Options{Dir: dir})
	want := `plugin "cpu": its library fake_plugins/fake.so is for `
	require.Error(t, err, "%v, want %s…", err, want)
	assert.True(t, strings.HasPrefix(err.Error(), want), "%v, want %s…", err, want)
	assert.Empty(t, tree(t, dir), "left")
}

// slow is a source that waits, as a download does.
type slow struct {
	Folder
	begun   chan string // receives the name of each wheel that is brought
	release chan struct{}
}

func (s slow) Remote() bool { return true }

func (s slow) Bring(ctx context.Context, w Wheel, keep string, report func(int64)) (string, error) {
	s.begun <- w.Project
	select {
	case <-s.release:
		return s.Folder.Bring(ctx, w, keep, report)
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func TestOfTwoInstallersOneWaits(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no wheels for Windows, and no lock")
	}
	pin, from := fake(t)
	dir := t.TempDir()
	s := slow{from, make(chan string, 10), make(chan struct{})}
	errs := make(chan error, 2)
	waiting := make(chan string, 10)
	go func() {
		_, err := Install(context.Background(), pin, s, Options{Dir: dir})
		errs <- err
	}()
	<-s.begun
	go func() {
		_, err := Install(context.Background(), pin, s, Options{Dir: dir, Note: func(s string) { waiting <- s }})
		errs <- err
	}()
	assert.Equal(t, "waiting for another installation of the plugin to end", <-waiting)
	close(s.release)
	for range 2 {
		assert.NoError(t, <-errs)
	}
	assert.Equal(t, "the other one has installed it", <-waiting)
	assert.Len(t, s.begun, 1, "the second installer brought wheels too") // of the first installer's two wheels one was taken out above
	assert.Equal(t, installedTree, tree(t, dir), "installed")
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no wheels for Windows, and no lock")
	}
	pin, from := fake(t)
	dir := t.TempDir()
	unlock, err := scratch.Lock(context.Background(), filepath.Join(dir, ".cpu.lock"), func() {})
	require.NoError(t, err)
	defer unlock()
	ctx, cancel := context.WithCancel(context.Background())
	_, err = Install(ctx, pin, from, Options{Dir: dir, Note: func(string) { cancel() }})
	assert.ErrorIs(t, err, context.Canceled)
}

func TestInterruptWhileFetching(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	s := slow{from, make(chan string, 10), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-s.begun; cancel() }()
	_, err := Install(ctx, pin, s, Options{Dir: dir})
	want := `plugin "cpu": interrupted (context canceled): what was downloaded is kept for the next time`
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, want, err.Error())
	assert.Empty(t, tree(t, dir), "left")
}

func TestInterruptWhileUnpacking(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Install(ctx, pin, from, Options{Dir: dir, Progress: func(p Progress) {
		if p.Doing == "unpacking" {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, `plugin "cpu": interrupted (context canceled)`, err.Error())
	assert.Empty(t, tree(t, dir), "left")
}

// TestTheFirstErrorCounts: of wheels that are brought together, the error of the first that failed is told, and not that
// the others were stopped.
func TestTheFirstErrorCounts(t *testing.T) {
	pin, from := fake(t)
	broken := errors.New("broken")
	_, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: t.TempDir()})
	require.ErrorIs(t, err, broken)
	assert.NotErrorIs(t, err, context.Canceled)
}

// failing fails for the second wheel, and waits with the first until it is stopped.
type failing struct {
	Folder
	err error
}

func (f failing) Remote() bool { return true }

func (f failing) Bring(ctx context.Context, w Wheel, _ string, _ func(int64)) (string, error) {
	if w.Project == "nvidia-fake" {
		return "", f.err
	}
	<-ctx.Done()
	return "", ctx.Err()
}

func TestWhatAKilledInstallerLeftIsRemoved(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	for _, name := range []string{".cpu.new-123/cpu.so", ".cpu.new-45-old/x", ".cuda.new-6/x", ".cpu.downloads/w.part"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644)))
	}
	_, err := Install(context.Background(), pin, from, Options{Dir: dir})
	require.NoError(t, err)
	want := append([]string{".cuda.new-6/x"}, installedTree...)
	assert.Equal(t, want, tree(t, dir), "left")
}

func TestSpaceForWhatIsMissing(t *testing.T) {
	pin, from := fake(t)
	keep := t.TempDir()
	free := func(n int64) func(string) (int64, bool) { return func(string) (int64, bool) { return n, true } }
	assert.NoError(t, enough(pin, from, keep, keep, free(pin.Unpacked))) // a folder needs no room for wheels
	remote := slow{Folder: from}
	need := pin.Unpacked + pin.Download()
	assert.Error(t, enough(pin, remote, keep, keep, free(need-1)), "a byte too few is enough")
	require.NoError(t, os.WriteFile(filepath.Join(keep, pin.Wheels[0].File()+".part"), make([]byte, 100), 0o644))
	assert.NoError(t, enough(pin, remote, keep, keep, free(need-100)))
	assert.NoError(t, enough(pin, remote, keep, keep, func(string) (int64, bool) { return 0, false })) // nobody knows
	if n, ok := freeSpace(keep); ok && n <= 0 {
		t.Errorf("%d bytes free", n)
	}
}

func TestReplaceInSteps(t *testing.T) {
	dir := t.TempDir()
	made, final := filepath.Join(dir, "made"), filepath.Join(dir, "final")
	for _, name := range []string{"made/new", "final/old"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)))
	}
	require.NoError(t, replace(made, final))
	assert.Equal(t, []string{"final/new", "made/old"}, tree(t, dir))
	assert.Error(t, replace(filepath.Join(dir, "none"), final), "nothing was there to put in place")
	assert.Equal(t, []string{"final/new", "made/old"}, tree(t, dir), "after")
}

func TestRemove(t *testing.T) {
	pin, from := fake(t)
	first, second := t.TempDir(), t.TempDir()
	t.Setenv("QUIRE_PLUGINS", first+string(filepath.ListSeparator)+second)
	_, err := Install(context.Background(), pin, from, Options{Dir: second})
	require.NoError(t, err)
	kept := filepath.Join(second, ".cpu.downloads")
	require.NoError(t, os.MkdirAll(kept, 0o755))
	dir, err := Remove(context.Background(), "cpu")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(second, "cpu"), dir)
	assert.Empty(t, tree(t, second), "left")
	_, err = os.Stat(kept)
	assert.ErrorIs(t, err, fs.ErrNotExist, "the downloads are left")
	require.NoError(t, os.MkdirAll(filepath.Join(first, "thesis"), 0o755))
	for _, name := range []string{"cpu", "thesis", "../cpu", ".", ""} {
		_, err := Remove(context.Background(), name)
		assert.ErrorIs(t, err, ErrNotInstalled, "%q", name)
	}
	_, err = os.Stat(filepath.Join(first, "thesis"))
	assert.NoError(t, err)
}

// TestTheRealWheel installs the real CPU plugin from the folder QUIRE_WHEELS.
func TestTheRealWheel(t *testing.T) {
	dir := os.Getenv("QUIRE_WHEELS")
	if dir == "" {
		testenv.Missing(t, "xla", "QUIRE_WHEELS is to name a folder with the wheel, as quire plugin install -wheels cpu says")
	}
	pin, err := PinOf(Pins(), "cpu", here)
	if err != nil {
		t.Skip(err) // nobody has a wheel for this platform
	}
	var last Progress
	p, err := Install(context.Background(), pin, Folder(dir), Options{Dir: t.TempDir(), Progress: func(p Progress) { last = p }})
	require.NoError(t, err)
	assert.NoError(t, p.Verify())
	assert.Equal(t, pin.Unpacked, last.Done, "%d bytes were unpacked, and %d are announced", last.Done, pin.Unpacked)
}
