package place

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

// elsewhere lets places be made in folders of the test.
func elsewhere(t *testing.T) (memory, disk string) {
	memory, disk = t.TempDir(), t.TempDir()
	old := inMemory
	inMemory = memory
	t.Cleanup(func() { inMemory = old })
	t.Setenv("TMPDIR", disk)
	t.Setenv(carry.QuotaEnv, "")
	return memory, disk
}

func newPlace(t *testing.T) *Place {
	t.Helper()
	p, err := New()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestAPlaceIsPrivateAndGoes(t *testing.T) {
	memory, disk := elsewhere(t)
	p := newPlace(t)
	for _, dir := range []string{p.Dir, p.Spill} {
		info, err := os.Stat(dir)
		require.NoError(t, err)
		assert.EqualValues(t, 0o700, info.Mode().Perm())
	}
	assert.Positive(t, p.Quota)
	for _, env := range p.Env() {
		name, value, _ := strings.Cut(env, "=")
		t.Setenv(name, value)
	}
	carry.Begin(5)
	x, fn := []int{1, 2}, func() {}
	carry.Out("x", &x)
	carry.Out("fn", &fn)
	list, err := p.List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, "fn", list[0].Name)
	assert.Contains(t, list[0].Why, "function")
	assert.Equal(t, "2 elements, 16 B", list[1].Summary)
	assert.Equal(t, 5, list[1].Cell)

	require.NoError(t, os.Rename(filepath.Join(p.Dir, "x"), filepath.Join(p.Spill, "x")))
	v, err := p.Get("x")
	require.NoError(t, err)
	assert.True(t, v.OnDisk)
	require.NoError(t, p.Drop("x"))
	require.NoError(t, p.Drop("fn"))
	require.NoError(t, p.Drop("fn"), "again")
	_, err = p.Get("x")
	assert.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, p.Close())
	require.NoError(t, p.Close(), "again")
	for _, dir := range []string{memory, disk} {
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries)
	}
}

func TestAnotherQuota(t *testing.T) {
	elsewhere(t)
	t.Setenv(carry.QuotaEnv, "3M")
	assert.EqualValues(t, 3<<20, newPlace(t).Quota)
	t.Setenv(carry.QuotaEnv, "lots")
	_, err := New()
	assert.ErrorContains(t, err, "want a number of bytes")
}

func TestKernelsThatAreKilledAreSwept(t *testing.T) {
	elsewhere(t)
	mine := newPlace(t)
	child := exec.Command(os.Args[0], "-test.run=^TestHoldAPlace$")
	child.Env = append(os.Environ(), "CARRY_PLACE="+inMemory)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	in := bufio.NewScanner(out)
	require.True(t, in.Scan())
	dir, spill, _ := strings.Cut(in.Text(), " ")
	newPlace(t)
	assert.DirExists(t, dir, "a kernel that lives")
	assert.DirExists(t, spill)
	require.NoError(t, child.Process.Kill())
	child.Wait()
	newPlace(t)
	assert.NoDirExists(t, dir)
	assert.NoDirExists(t, spill)
	assert.DirExists(t, mine.Dir)
	assert.DirExists(t, mine.Spill)
}

// TestHoldAPlace is the child of the test before.
func TestHoldAPlace(t *testing.T) {
	memory := os.Getenv("CARRY_PLACE")
	if memory == "" {
		t.Skip("only as the child of another test")
	}
	inMemory = memory
	p, err := New()
	require.NoError(t, err)
	fmt.Println(p.Dir, p.Spill)
	select {} // until it is killed
}

func TestManyKernelsAtOnce(t *testing.T) {
	elsewhere(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				p, err := New()
				if !assert.NoError(t, err) {
					return
				}
				assert.DirExists(t, p.Dir)
				assert.DirExists(t, p.Spill)
				assert.NoError(t, p.Close())
			}
		})
	}
	all.Wait()
}

// TestAFolderThatIsBeingRemovedIsSwept: what a kernel leaves that is killed while it closes.
func TestAFolderThatIsBeingRemovedIsSwept(t *testing.T) {
	elsewhere(t)
	for _, base := range []string{inMemory, os.TempDir()} {
		dir := filepath.Join(base, prefix+"1"+goneSuffix)
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "x"), 0o700))
		newPlace(t)
		assert.NoDirExists(t, dir)
	}
}

// TestNothingIsLeftByManyKernels: kernels that come and go while others sweep leave no folder, whoever removes which.
func TestNothingIsLeftByManyKernels(t *testing.T) {
	elsewhere(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 200 {
				Sweep(inMemory)
				Sweep(os.TempDir())
			}
		})
		all.Go(func() {
			for range 50 {
				p, err := New()
				if assert.NoError(t, err) {
					assert.NoError(t, p.Close())
				}
			}
		})
	}
	all.Wait()
	for _, base := range []string{inMemory, os.TempDir()} {
		left, err := filepath.Glob(filepath.Join(base, prefix+"*"))
		assert.NoError(t, err)
		assert.Empty(t, left)
	}
}
