package carry

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withQuota begins a cell whose variables have a folder of a quota, and another one on disk.
func withQuota(t *testing.T, quota string) (dir, spill string) {
	t.Helper()
	spill = t.TempDir()
	require.NoError(t, os.Chmod(spill, 0o700))
	t.Setenv(SpillEnv, spill)
	t.Setenv(QuotaEnv, quota)
	return begin(t, 1), spill
}

func exists(paths ...string) bool {
	_, err := os.Lstat(filepath.Join(paths...))
	return err == nil
}

// fill is a value of a million bytes.
func fill(b byte) []byte {
	return []byte(strings.Repeat(string(rune(b)), 1_000_000))
}

func TestWhatIsUsedLeastGoesToDisk(t *testing.T) {
	dir, spill := withQuota(t, "3500000")
	a, b, c, d, small := fill('a'), fill('b'), fill('c'), fill('d'), 1
	Out("small", &small)
	for i, v := range []struct {
		name string
		at   *[]byte
	}{{"a", &a}, {"b", &b}, {"c", &c}} {
		Out(v.name, v.at)
		then := time.Now().Add(time.Duration(i-10) * time.Minute)
		require.NoError(t, os.Chtimes(filepath.Join(dir, v.name), then, then))
	}
	Fresh(2)
	var got []byte
	In("a", &got) // used now
	Out("d", &d)
	assert.True(t, exists(dir, "a") && exists(dir, "c") && exists(dir, "d") && exists(dir, "small"), "what was used lately is in memory")
	assert.True(t, !exists(dir, "b") && exists(spill, "b"), "what was used least is on disk")
	Fresh(3)
	In("b", &got)
	assert.Equal(t, b, got)
	got[3] = 'x'
	End()
	assert.True(t, exists(dir, "b") && !exists(spill, "b"), "what is saved again is in memory, and nowhere else")
	Fresh(4)
	for name, want := range map[string]byte{"a": 'a', "c": 'c', "d": 'd'} {
		In(name, &got)
		assert.Equal(t, fill(want), got)
	}
	In("b", &got)
	assert.Equal(t, byte('x'), got[3])
}

func TestWhatIsLargerThanTheQuotaGoesToDisk(t *testing.T) {
	dir, spill := withQuota(t, "900000")
	a, n := fill('a'), []int{1}
	Out("n", &n)
	Out("a", &a)
	assert.True(t, !exists(dir, "a") && exists(spill, "a") && exists(dir, "n"))
	a = a[:10:10]
	End()
	assert.True(t, exists(dir, "a") && !exists(spill, "a"), "it has become small")
	a = fill('b')
	End()
	assert.True(t, !exists(dir, "a") && exists(spill, "a"))
	var got []byte
	Fresh(2)
	In("a", &got)
	assert.Equal(t, a, got)
	fn := func() {}
	Out("a", &fn)
	assert.False(t, exists(dir, "a") || exists(spill, "a"), "an older value of another type")
}

func TestWhereThereIsNoRoomAtAllTheReasonStays(t *testing.T) {
	dir := begin(t, 1)
	a := fill('a')
	Out("a", &a)
	limitFiles(t, 500_000)
	a[0] = 'b'
	End()
	assert.False(t, exists(dir, "a"), "the old value is not the variable's")
	var got []byte
	assert.Contains(t, refused(t, "a", &got), "file too large")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		assert.NotContains(t, e.Name(), newSuffix, "left behind")
	}
}

func TestWhatKilledProcessesLeftGoes(t *testing.T) {
	dir, _ := withQuota(t, "1G")
	dead := filepath.Join(dir, ".a.999999999.xyz"+newSuffix)
	living := filepath.Join(dir, fmt.Sprintf(".a.%d.xyz%s", os.Getpid(), newSuffix))
	for _, path := range []string{dead, living} {
		require.NoError(t, os.WriteFile(path, nil, 0o600))
	}
	x := 1
	Out("x", &x)
	assert.NoFileExists(t, dead)
	assert.FileExists(t, living)
}

func TestQuotas(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1000": 1000, "2K": 2048, "3MiB": 3 << 20, "4gb": 4 << 30, "1 T": 1 << 40} {
		got, err := ParseQuota(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "x", "-1", "1.5G", "9999999999T", "5X", "K"} {
		_, err := ParseQuota(text)
		assert.ErrorContains(t, err, "want a number of bytes", text)
	}
	withQuota(t, "much")
	var x int
	assert.Contains(t, refused(t, "x", &x), "QUIRE_CARRY_QUOTA=much")
}

// Folders and files that others may have made are not trusted.
func TestHostilePlaces(t *testing.T) {
	if !hasModes {
		t.Skip("files have no modes here")
	}
	x := 1
	for _, c := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"a folder that others may read", func(dir string) error { return os.Chmod(dir, 0o755) }, "chmod 700"},
		{"a folder that others may write", func(dir string) error { return os.Chmod(dir, 0o722) }, "chmod 700"},
		{"a link to a folder", func(dir string) error {
			must(t, os.Rename(dir, dir+".real"))
			return os.Symlink(dir+".real", dir)
		}, "is no folder"},
		{"a file", func(dir string) error { must(t, os.RemoveAll(dir)); return os.WriteFile(dir, nil, 0o600) }, "is no folder"},
		{"nothing", os.RemoveAll, "no such file"},
		{"a folder of another user", func(dir string) error { return os.Chown(dir, 12345, -1) }, "belongs to another user"},
		{"a file that is a link", func(dir string) error {
			must(t, os.Rename(filepath.Join(dir, "x"), dir+".x"))
			return os.Symlink(dir+".x", filepath.Join(dir, "x"))
		}, "too many levels of symbolic links"},
		{"a file of another user", func(dir string) error { return os.Chown(filepath.Join(dir, "x"), 12345, -1) }, "belongs to another user"},
		{"a file that is a folder", func(dir string) error {
			must(t, os.Remove(filepath.Join(dir, "x")))
			return os.Mkdir(filepath.Join(dir, "x"), 0o700)
		}, "no regular file"},
		{"a file that is a pipe", func(dir string) error {
			must(t, os.Remove(filepath.Join(dir, "x")))
			return mkfifo(filepath.Join(dir, "x"))
		}, "no regular file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.Contains(c.name, "another user") && os.Getuid() != 0 {
				t.Skip("only root can give files away")
			}
			dir := begin(t, 1)
			Out("x", &x)
			must(t, c.make(dir))
			Fresh(2)
			var y int
			assert.Contains(t, refused(t, "x", &y), c.want)
		})
	}
}

// What stands under a name is replaced, not written through.
func TestLinksAreReplaced(t *testing.T) {
	dir := begin(t, 1)
	victim := filepath.Join(t.TempDir(), "victim")
	must(t, os.WriteFile(victim, []byte("precious"), 0o600))
	for _, name := range []string{"x", "y" + whySuffix} {
		must(t, os.Symlink(victim, filepath.Join(dir, name)))
	}
	x, y := 1, func() {}
	Out("x", &x)
	Out("y", &y)
	text, err := os.ReadFile(victim)
	must(t, err)
	assert.Equal(t, "precious", string(text))
	for _, name := range []string{"x", "y" + whySuffix} {
		info, err := os.Lstat(filepath.Join(dir, name))
		must(t, err)
		assert.True(t, info.Mode().IsRegular())
		assert.EqualValues(t, 0o600, info.Mode().Perm())
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	require.NoError(t, err)
}
