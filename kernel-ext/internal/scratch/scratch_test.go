//go:build unix

package scratch

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nobody is another user.
const nobody = 65534

// temporary makes a short temporary directory that has the mode of /tmp, and lets the test use it.
func temporary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sc")
	if err == nil {
		err = os.Chmod(dir, 0o777|os.ModeSticky)
	}
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return dir
}

// here returns those of the list that are below dir: other programs' are none of the test's.
func here(dir string, list []Leftover) (mine []string) {
	for _, l := range list {
		if strings.HasPrefix(l.Dir, dir+"/") {
			mine = append(mine, filepath.Base(l.Dir))
		}
	}
	return mine
}

// process starts a program that lives for long, with the secret id; gone is closed when it has ended.
func process(t *testing.T, id string) (cmd *exec.Cmd, gone chan struct{}) {
	t.Helper()
	cmd = exec.Command("sleep", "300")
	cmd.Env = append(os.Environ(), Marker+"="+id)
	require.NoError(t, cmd.Start())
	gone = make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-gone })
	return cmd, gone
}

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatalf("%s: not within a minute", what)
	}
}

func needProc(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("this system does not show the environment of processes")
	}
}

func TestSweepFindsWhatTheDeadLeft(t *testing.T) {
	needProc(t)
	tmp := temporary(t)
	alive, err := New()
	require.NoError(t, err)
	defer alive.Close()
	dead, err := New()
	require.NoError(t, err)
	_, gone := process(t, dead.ID)
	closed := filepath.Join(dead.Temp(), "mod", "x@v1") // like a module of the go command
	require.NoError(t, os.MkdirAll(closed, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(closed, "go.mod"), nil, 0o400))
	require.NoError(t, os.Chmod(closed, 0o500))
	dead.guard.kill() // as when both die together
	dead.lock.Close()
	list := here(tmp, Stale())
	require.Len(t, list, 1, "stale")
	require.Equal(t, filepath.Base(dead.Dir), list[0], "stale")
	Sweep()
	_, err = os.Stat(dead.Dir)
	assert.True(t, os.IsNotExist(err), "the dead one's directory: %v", err)
	_, err = os.Stat(alive.Dir)
	assert.NoError(t, err, "the living one's directory")
	within(t, "the orphan's end", gone)
}

// TestNothingOfOthersIsBelieved: whatever another user puts into the temporary directory under our names, a sweep ends, kills
// nothing of ours and removes nothing.
func TestNothingOfOthersIsBelieved(t *testing.T) {
	needProc(t)
	tmp := temporary(t)
	victim, err := New()
	require.NoError(t, err)
	defer victim.Close()
	_, gone := process(t, victim.ID)
	mine := t.TempDir() // what a link of theirs may lead to
	require.NoError(t, os.WriteFile(filepath.Join(mine, "thesis"), nil, 0o600))
	require.NoError(t, os.Chmod(mine, 0o700))
	id := func(dir string) error { return os.WriteFile(filepath.Join(dir, idFile), []byte(victim.ID), 0o644) }
	for _, c := range []struct {
		name  string
		mode  os.FileMode
		owner int // -1: this user
		put   func(dir string) error
	}{
		{"another's, with the secret of a living one", 0o700, nobody, id},
		{"another's, open, with the secret", 0o755, nobody, id},
		{"another's, with a pipe for a secret", 0o755, nobody, func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, idFile), 0o666) }},
		{"ours, but open to others, with the secret", 0o777, -1, id},
		{"ours, but open to our group, with the secret", 0o770, -1, id},
		{"a link to a directory of ours", 0, -1, nil},
		{"a pipe", 0, -1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.owner >= 0 && os.Getuid() != 0 {
				t.Skip("only root can give a directory to another user")
			}
			dir := filepath.Join(tmp, prefix+"1")
			defer os.RemoveAll(dir)
			var err error
			switch c.name {
			case "a link to a directory of ours":
				err = os.Symlink(mine, dir)
			case "a pipe":
				err = syscall.Mkfifo(dir, 0o666)
			default:
				if err = os.Mkdir(dir, 0o700); err == nil {
					err = c.put(dir)
				}
				if err == nil {
					err = os.Chmod(dir, c.mode)
				}
				if err == nil && c.owner >= 0 {
					err = os.Chown(dir, c.owner, c.owner)
				}
			}
			require.NoError(t, err)
			done := make(chan struct{})
			var found []string
			go func() { found = here(tmp, Sweep()); close(done) }()
			within(t, "the sweep", done)
			assert.Empty(t, found, "swept %q", found)
			_, err = os.Lstat(dir)
			assert.NoError(t, err, "it is gone")
			_, err = os.Stat(filepath.Join(mine, "thesis"))
			assert.NoError(t, err, "what the link led to is gone")
			select {
			case <-gone:
				t.Error("a living process was killed")
			default:
			}
		})
	}
}

// TestWhatStandsForTheSecret: in a directory of a dead one of ours, what is no secret kills nothing and keeps nobody waiting.
func TestWhatStandsForTheSecret(t *testing.T) {
	needProc(t)
	tmp := temporary(t)
	_, gone := process(t, "") // an empty secret names no process, nor does one of other letters
	for name, put := range map[string]func(path string) error{
		"empty":        func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"of any form":  func(path string) error { return os.WriteFile(path, []byte("x\nQUIRE"), 0o600) },
		"a device":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"a pipe":       func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":  func(path string) error { return os.Mkdir(path, 0o700) },
		"very long":    func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte("A"), 1<<20), 0o600) },
		"not there":    func(string) error { return nil },
		"a link to it": func(path string) error { return os.Symlink("/proc/self/environ", path) },
	} {
		dir := filepath.Join(tmp, prefix+"2")
		require.NoError(t, os.Mkdir(dir, 0o700))
		require.NoError(t, put(filepath.Join(dir, idFile)))
		done := make(chan struct{})
		go func() { Sweep(); close(done) }()
		within(t, name, done)
		_, err := os.Lstat(dir)
		assert.True(t, os.IsNotExist(err), "%s: the directory stays: %v", name, err)
	}
	select {
	case <-gone:
		t.Error("a process was killed that has no secret")
	default:
	}
}

// TestWhereOthersCouldExchangeDirectories: there nothing is made and nothing swept.
func TestWhereOthersCouldExchangeDirectories(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  os.FileMode
		owner int
	}{
		{"everybody's without the sticky bit", 0o777, -1},
		{"another's", 0o755, nobody},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp := temporary(t)
			if c.owner >= 0 && os.Getuid() != 0 {
				t.Skip("only root can give a directory to another user")
			}
			left := filepath.Join(tmp, prefix+"3")
			require.NoError(t, os.Mkdir(left, 0o700))
			require.NoError(t, os.Chmod(tmp, c.mode))
			if c.owner >= 0 {
				require.NoError(t, os.Chown(tmp, c.owner, c.owner))
			}
			s, err := New()
			require.NoError(t, err)
			defer s.Close()
			assert.False(t, strings.HasPrefix(s.Dir, tmp), "made %s", s.Dir)
			list := here(tmp, Sweep())
			assert.Empty(t, list, "swept %q", list)
		})
	}
}

// TestAContainerWithoutASafeTmp: there the user's cache serves, and is swept.
func TestAContainerWithoutASafeTmp(t *testing.T) {
	needProc(t)
	tmp := temporary(t)
	require.NoError(t, os.Chmod(tmp, 0o777))
	defer func(old string) { fallback = old }(fallback)
	fallback = tmp
	cache, err := os.MkdirTemp("/tmp", "ch")
	require.NoError(t, err)
	defer os.RemoveAll(cache)
	t.Setenv("XDG_CACHE_HOME", cache)
	s, err := New()
	require.NoError(t, err)
	defer s.Close()
	assert.True(t, strings.HasPrefix(s.Dir, filepath.Join(cache, "quire", "run")+"/"), "made %s", s.Dir)
	s.guard.kill()
	s.lock.Close()
	assert.Len(t, here(cache, Sweep()), 1, "swept")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	_, err = New()
	assert.ErrorContains(t, err, "set TMPDIR to a directory of your own", "with no place at all")
}

// TestTheSecretIsInNoCommandLine looks at all that everybody may see of a private directory's processes.
func TestTheSecretIsInNoCommandLine(t *testing.T) {
	needProc(t)
	temporary(t)
	s, err := New()
	require.NoError(t, err)
	defer s.Close()
	cmd := exec.Command("sleep", "300")
	cmd.Env = s.Env(os.Environ())
	require.NoError(t, s.Start(cmd))
	go func() { _ = cmd.Wait() }()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	for _, path := range lines {
		text, _ := os.ReadFile(path)
		assert.NotContains(t, string(text), s.ID, "%s: %q", path, text)
	}
	assert.NotContains(t, s.Dir, s.ID, "the directory's name, which everybody can list, holds the secret")
	for _, dir := range []string{s.Dir, s.Temp()} {
		info, err := os.Stat(dir)
		require.NoError(t, err, "%s: %v", dir, info.Mode())
		assert.EqualValues(t, 0o700, info.Mode().Perm(), "%s: %v", dir, info.Mode())
	}
}

// TestMain lets this test binary be the owner that is killed.
func TestMain(m *testing.M) {
	if os.Getenv("QUIRE_TEST_SCRATCH") != "" {
		owner()
	}
	os.Exit(m.Run())
}

// owner makes a private directory with two processes, of which one leaves its group, says "ready" and waits.
func owner() {
	s, err := New()
	if err == nil {
		cmd := exec.Command("/bin/sh", "-c", "setsid sleep 300 & exec sleep 300")
		cmd.Env = s.Env(os.Environ())
		err = s.Start(cmd)
	}
	fmt.Println("ready", err)
	select {}
}

// TestKilledAtAnyMoment kills the owner at many moments, sometimes with its watchdog; then the next start leaves no directory
// and no process. QUIRE_TEST_KILLS=n makes n rounds.
func TestKilledAtAnyMoment(t *testing.T) {
	needProc(t)
	tmp := temporary(t)
	rounds := 12
	if n := os.Getenv("QUIRE_TEST_KILLS"); n != "" {
		fmt.Sscan(n, &rounds)
	}
	for i := range rounds {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "QUIRE_TEST_SCRATCH=1", "TMPDIR="+tmp)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		require.NoError(t, err)
		if i%3 == 0 { // late
			line := make([]byte, 64)
			_, _ = out.Read(line)
		} else { // at some moment of the first milliseconds
			time.Sleep(time.Duration(i*1237%13000) * time.Microsecond)
		}
		if i%2 == 0 {
			for _, pid := range watchdogs(tmp) {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	deadline := time.Now().Add(time.Minute)
	for {
		Sweep()
		left, _ := os.ReadDir(tmp)
		if len(left) == 0 && len(holders(tmp)) == 0 {
			return
		}
		require.False(t, time.Now().After(deadline), "left: %v, processes %v", left, holders(tmp))
		time.Sleep(20 * time.Millisecond) // a watchdog may still be at work
	}
}

// holders returns the processes whose environment names the directory, but for this one.
func holders(dir string) (pids []int) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, p := range procs {
		env, err := os.ReadFile(p)
		var pid int
		fmt.Sscan(filepath.Base(filepath.Dir(p)), &pid)
		if err == nil && bytes.Contains(env, []byte("TMPDIR="+dir)) && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// watchdogs returns those that owners below the directory have started.
func watchdogs(dir string) (pids []int) {
	for _, pid := range holders(dir) {
		if text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); bytes.Contains(text, []byte("quire-watchdog")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// kill ends the watchdog before its work, as a test needs it.
func (w *watchdog) kill() {
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
}
