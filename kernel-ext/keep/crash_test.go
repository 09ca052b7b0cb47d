package keep

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writerEnv makes the test program one that writes values until it is killed.
const writerEnv = "QUIRE_TEST_KEEP_WRITER"

func TestMain(m *testing.M) {
	if os.Getenv(writerEnv) != "" {
		writeForEver()
	}
	dir, err := os.MkdirTemp("", "keep") // for the examples
	if err == nil {
		err = os.Setenv(DirEnv, filepath.Join(dir, "keep"))
	}
	if err != nil {
		panic(err)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// value is as long as it says, and has one number in all places: a mixture of two is none.
func value(n int) []int64 {
	v := make([]int64, 1000+n%60_000)
	for i := range v {
		v[i] = int64(n)
	}
	return v
}

func isWhole(v []int64) error {
	if len(v) == 0 || len(v) != len(value(int(v[0]))) {
		return fmt.Errorf("a value of %d numbers", len(v))
	}
	for i := range v {
		if v[i] != v[0] {
			return fmt.Errorf("number %d is %d, the first one is %d", i, v[i], v[0])
		}
	}
	return nil
}

func writeForEver() {
	fmt.Println("ready")
	for {
		if err := Put("n", value(rand.IntN(1<<20))); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}

// kills is how often a program is killed.
func kills() int {
	if n, err := strconv.Atoi(os.Getenv("QUIRE_TEST_KILLS")); err == nil {
		return 5 * n
	}
	return 40
}

// A program that is killed while it writes leaves the old value or the new one, and no lock.
func TestKilledWriters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills programs: left out by -short")
	}
	fresh(t)
	exe, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, Put("n", value(1)))
	for range kills() {
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), writerEnv+"=1")
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		line := make([]byte, 64)
		n, err := stdout.Read(line)
		require.NoError(t, err)
		require.Equal(t, "ready", strings.TrimSpace(string(line[:n])))
		end := time.Now().Add(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		for read := true; read; read = time.Now().Before(end) { // while it writes
			v, err := Get[[]int64]("n")
			require.NoError(t, err)
			require.NoError(t, isWhole(v))
		}
		require.NoError(t, cmd.Process.Kill())
		_ = cmd.Wait()
		v, err := Get[[]int64]("n")
		require.NoError(t, err)
		require.NoError(t, isWhole(v))
	}
	require.NoError(t, Put("n", value(2)), "nobody holds the lock")
	s, err := open()
	require.NoError(t, err)
	files, err := os.ReadDir(s.dir)
	require.NoError(t, err)
	assert.Len(t, files, 2, "what the killed ones left is gone: %v", files)
	_, err = Get[[]int64]("other")
	assert.True(t, errors.Is(err, fs.ErrNotExist))
}
