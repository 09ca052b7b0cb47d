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
	if err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !slices.Equal(got, installedTree) {
		t.Errorf("installed are %q", got)
	}
	if err := p.Verify(); err != nil {
		t.Error(err)
	}
	found, err := plugins.Find("cpu")
	if err != nil || !reflect.DeepEqual(found, p) || p.Version != "1.0" || p.Env["XLA_FLAGS"] != "--dir="+filepath.Join(dir, "cpu")+"/nvidia" {
		t.Errorf("%+v, %+v, %v", p, found, err)
	}
	m, err := plugins.ReadManifest(p.Dir)
	want := []plugins.Package{{Name: "fake-pjrt", Version: "1.0", SHA256: pin.Wheels[0].SHA256}, {Name: "nvidia-fake", Version: "1.0", SHA256: pin.Wheels[1].SHA256}}
	if err != nil || m.Platform != here || !reflect.DeepEqual(m.Packages, want) {
		t.Errorf("%+v, %v", m, err)
	}
	if runtime.GOOS != "windows" {
		for name, mode := range map[string]fs.FileMode{"": 0o755, "fake_plugins/fake.so": 0o644, "nvidia/bin/ptxas": 0o755} {
			info, err := os.Stat(filepath.Join(p.Dir, name))
			if err != nil || info.Mode().Perm() != mode {
				t.Errorf("%q: %v, %v", name, info.Mode(), err)
			}
		}
	}
	if want := (Progress{"unpacking", pin.Unpacked, pin.Unpacked}); last != want {
		t.Errorf("at the end %+v, want %+v", last, want)
	}
	if len(notes) != 3 || !strings.HasPrefix(notes[0], "plugin cpu 1.0 takes 2 wheels of ") || !strings.Contains(notes[0], " from the folder "+string(from)) ||
		!strings.HasPrefix(notes[1], "  fake_pjrt-1.0-py3-none-any.whl  ") {
		t.Errorf("%q", notes)
	}
}

func TestAnotherInstallationTakesThePlace(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	for range 2 {
		if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if got := tree(t, dir); !slices.Equal(got, installedTree) {
			t.Fatalf("installed are %q", got)
		}
		if err := os.Remove(filepath.Join(dir, "cpu", "fake_plugins", "fake.so")); err != nil { // a broken one is replaced too
			t.Fatal(err)
		}
	}
}

// TestWhatIsInstalledIsNotBroughtAgain, as long as it is whole.
func TestWhatIsInstalledIsNotBroughtAgain(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no network")
	var notes []string
	p, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: dir, Note: func(s string) { notes = append(notes, s) }})
	if err != nil || p.Verify() != nil || !slices.Equal(notes, []string{"the plugin cpu 1.0 is installed already, and whole"}) {
		t.Errorf("%v, %v, %q", err, p, notes)
	}
	for _, name := range []string{"fake_plugins/fake.so", "nvidia/bin/ptxas", "nvidia/lib/libfake.so.1", "plugin.json"} {
		path := filepath.Join(dir, "cpu", filepath.FromSlash(name))
		if err := os.Truncate(path, 3); err != nil {
			t.Fatal(err)
		}
		if Current(dir, pin) {
			t.Errorf("with a damaged %s it passes for whole", name)
		}
		if _, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: dir}); !errors.Is(err, broken) {
			t.Errorf("with a damaged %s nothing is brought: %v", name, err)
		}
		if got := tree(t, dir); !slices.Equal(got, installedTree) {
			t.Errorf("after an installation that failed there are %q", got)
		}
		if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAKillBetweenTheStepsOfAReplacement: where two names cannot be exchanged at once there is no plugin for a moment. Who is
// killed then has the one before again at the next start, also without a network.
func TestAKillBetweenTheStepsOfAReplacement(t *testing.T) {
	pin, from := fake(t)
	for step := 1; step <= 3; step++ {
		dir := t.TempDir()
		if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		final, made := filepath.Join(dir, "cpu"), filepath.Join(dir, ".cpu.new-1")
		steps := []func() error{
			func() error { return os.Rename(final, made+oldSuffix) },
			func() error { return os.Rename(made, final) },
			func() error { return os.Rename(made+oldSuffix, made) },
		}
		err := os.CopyFS(made, os.DirFS(final))
		for _, do := range steps[:step] {
			err = errors.Join(err, do())
		}
		if err != nil {
			t.Fatal(err)
		}
		broken := errors.New("no network")
		if _, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: dir}); err != nil {
			t.Errorf("killed after step %d: %v", step, err)
		}
		if got := tree(t, dir); !slices.Equal(got, installedTree) {
			t.Errorf("killed after step %d, then there are %q", step, got)
		}
	}
}

func TestRenamedWheelsAreKnownByTheirSums(t *testing.T) {
	pin, from := fake(t)
	for i, w := range pin.Wheels {
		if err := os.Rename(filepath.Join(string(from), w.File()), filepath.Join(string(from), fmt.Sprint("download", i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Install(context.Background(), pin, from, Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyWhatIsNeededIsUnpacked(t *testing.T) {
	pin, from := fake(t)
	pin.Only = []string{"fake_plugins/*.so"}
	dir := t.TempDir()
	if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"cpu/fake_plugins/fake.so", "cpu/plugin.json"}) {
		t.Errorf("installed are %q", got)
	}
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
	if err != nil {
		t.Fatal(err)
	}
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
		if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(dir, "cpu", "nvidia", "bin", "ptxas"), 3); err != nil { // else there would be nothing to do
			t.Fatal(err)
		}
		p, folder, o := c.make()
		o.Dir = dir
		_, err := Install(context.Background(), p, folder, o)
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		if got := tree(t, dir); !slices.Equal(got, installedTree) {
			t.Errorf("%s: then there are %q", c.name, got)
		}
		if left, err := filepath.Glob(filepath.Join(dir, ".cpu.new*")); err != nil || left != nil {
			t.Errorf("%s: left are %q, %v", c.name, left, err)
		}
		fmt.Fprintf(&out, "%s\n\t%s\n", c.name, plain(err, string(from), "FROM", string(folder), "FROM", dir, "DIR",
			fmt.Sprint(len(whole)), "SIZE"))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "afile"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Install(context.Background(), pin, from, Options{Dir: filepath.Join(dir, "afile")})
	fmt.Fprintf(&out, "into a file\n\t%s\n", plain(err, dir, "DIR"))
	if err := os.MkdirAll(filepath.Join(dir, "cpu", "thesis"), 0o755); err != nil {
		t.Fatal(err)
	}
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
	if want := `plugin "cpu": its library fake_plugins/fake.so is for `; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s…", err, want)
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
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
	if note := <-waiting; note != "waiting for another installation of the plugin to end" {
		t.Errorf("%q", note)
	}
	close(s.release)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if note := <-waiting; note != "the other one has installed it" {
		t.Errorf("%q", note)
	}
	if n := len(s.begun); n != 1 { // of the first installer's two wheels one was taken out above
		t.Errorf("the second installer brought wheels too: %d", n)
	}
	if got := tree(t, dir); !slices.Equal(got, installedTree) {
		t.Errorf("installed are %q", got)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no wheels for Windows, and no lock")
	}
	pin, from := fake(t)
	dir := t.TempDir()
	unlock, err := scratch.Lock(context.Background(), filepath.Join(dir, ".cpu.lock"), func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Install(ctx, pin, from, Options{Dir: dir, Note: func(string) { cancel() }}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestInterruptWhileFetching(t *testing.T) {
	pin, from := fake(t)
	dir := t.TempDir()
	s := slow{from, make(chan string, 10), make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-s.begun; cancel() }()
	_, err := Install(ctx, pin, s, Options{Dir: dir})
	want := `plugin "cpu": interrupted (context canceled): what was downloaded is kept for the next time`
	if !errors.Is(err, context.Canceled) || err.Error() != want {
		t.Errorf("%v", err)
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
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
	if !errors.Is(err, context.Canceled) || err.Error() != `plugin "cpu": interrupted (context canceled)` {
		t.Errorf("%v", err)
	}
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
}

// TestTheFirstErrorCounts: of wheels that are brought together, the error of the first that failed is told, and not that
// the others were stopped.
func TestTheFirstErrorCounts(t *testing.T) {
	pin, from := fake(t)
	broken := errors.New("broken")
	_, err := Install(context.Background(), pin, failing{from, broken}, Options{Dir: t.TempDir()})
	if !errors.Is(err, broken) || errors.Is(err, context.Canceled) {
		t.Error(err)
	}
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
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("x"), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Install(context.Background(), pin, from, Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	want := append([]string{".cuda.new-6/x"}, installedTree...)
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("left are %q", got)
	}
}

func TestSpaceForWhatIsMissing(t *testing.T) {
	pin, from := fake(t)
	keep := t.TempDir()
	free := func(n int64) func(string) (int64, bool) { return func(string) (int64, bool) { return n, true } }
	if err := enough(pin, from, keep, keep, free(pin.Unpacked)); err != nil { // a folder needs no room for wheels
		t.Error(err)
	}
	remote := slow{Folder: from}
	need := pin.Unpacked + pin.Download()
	if err := enough(pin, remote, keep, keep, free(need-1)); err == nil {
		t.Error("a byte too few is enough")
	}
	if err := os.WriteFile(filepath.Join(keep, pin.Wheels[0].File()+".part"), make([]byte, 100), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := enough(pin, remote, keep, keep, free(need-100)); err != nil {
		t.Error(err)
	}
	if err := enough(pin, remote, keep, keep, func(string) (int64, bool) { return 0, false }); err != nil { // nobody knows
		t.Error(err)
	}
	if n, ok := freeSpace(keep); ok && n <= 0 {
		t.Errorf("%d bytes free", n)
	}
}

func TestReplaceInSteps(t *testing.T) {
	dir := t.TempDir()
	made, final := filepath.Join(dir, "made"), filepath.Join(dir, "final")
	for _, name := range []string{"made/new", "final/old"} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := replace(made, final); err != nil {
		t.Fatal(err)
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"final/new", "made/old"}) {
		t.Errorf("%q", got)
	}
	if err := replace(filepath.Join(dir, "none"), final); err == nil {
		t.Error("nothing was there to put in place")
	}
	if got := tree(t, dir); !slices.Equal(got, []string{"final/new", "made/old"}) {
		t.Errorf("after the error %q", got)
	}
}

func TestRemove(t *testing.T) {
	pin, from := fake(t)
	first, second := t.TempDir(), t.TempDir()
	t.Setenv("QUIRE_PLUGINS", first+string(filepath.ListSeparator)+second)
	if _, err := Install(context.Background(), pin, from, Options{Dir: second}); err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(second, ".cpu.downloads")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	dir, err := Remove(context.Background(), "cpu")
	if err != nil || dir != filepath.Join(second, "cpu") {
		t.Fatal(dir, err)
	}
	if got := tree(t, second); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
	if _, err := os.Stat(kept); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the downloads are left")
	}
	if err := os.MkdirAll(filepath.Join(first, "thesis"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cpu", "thesis", "../cpu", ".", ""} {
		if _, err := Remove(context.Background(), name); !errors.Is(err, ErrNotInstalled) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(first, "thesis")); err != nil {
		t.Error(err)
	}
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
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify(); err != nil {
		t.Error(err)
	}
	if last.Done != pin.Unpacked {
		t.Errorf("%d bytes were unpacked, and %d are announced", last.Done, pin.Unpacked)
	}
}
