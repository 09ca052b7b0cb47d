//go:build linux || darwin

package jobs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/internal/untrusted"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/keep"
	"github.com/quire-ml/quire/ml/model"
)

func must(t *testing.T, name string) *Job {
	t.Helper()
	j, err := find(name)
	require.NoError(t, err)
	return j
}

// until waits for something, a minute at most.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

func TestAJobTrains(t *testing.T) {
	dir := fresh(t)
	assert.Equal(t, "before\njob: mlp\nbehind\n", run(t, "training"))
	require.NoError(t, Wait("mlp"))
	j := must(t, "mlp")
	assert.Equal(t, Done, j.Status().State)
	assert.Equal(t, "before\ntraining\na warning\n", strings.Join(sorted(j.Output(), "before\n", "training\n", "a warning\n"), ""))
	assert.Equal(t, "0.5", j.Run().Setting("rate"))
	assert.Equal(t, "100", j.Run().Setting("steps"))
	text := j.Bundle().Text()
	assert.Regexp(t, `^job "mlp": done, `, text)
	assert.Contains(t, text, "step 100/100")
	assert.Contains(t, text, "batch loss")
	assert.Nil(t, untrusted.Lost(j.Bundle().HTML()), "in a notebook that somebody else made")
	_, err := j.Store()
	assert.EqualError(t, err, `job "mlp" has kept no store: its function does so by Work.Keep`)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(t, err)
	require.Len(t, files, 1, "the log alone remains")
	assert.Equal(t, logFile, filepath.Base(files[0]))
	list, err := List()
	require.NoError(t, err)
	assert.Regexp(t, `^name  state  started              took\nmlp   done   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  \S+$`, list.String())
}

// sorted returns the parts if a text is made of them in any order: stdout and stderr are two streams.
func sorted(text string, parts ...string) []string {
	rest := text
	for _, p := range parts {
		rest = strings.Replace(rest, p, "", 1)
	}
	if rest != "" {
		return []string{text}
	}
	return parts
}

// A job's store flows back by its name.
func TestStoreFlowsBack(t *testing.T) {
	fresh(t)
	assert.Equal(t, "job: net\n", run(t, "store"))
	require.NoError(t, Wait("net"))
	store, err := must(t, "net").Store()
	require.NoError(t, err)
	require.Equal(t, 1, store.NumVariables())
	again, err := keep.Get[*model.Store]("jobs/net")
	require.NoError(t, err)
	assert.Equal(t, store.ByteSize(), again.ByteSize())
}

// However a job ends, it is known how.
func TestHowJobsEnd(t *testing.T) {
	for _, c := range []struct {
		scenario string
		started  string // what Start said; "" is "job: j"
		state    State
		text     string // a regular expression
	}{
		{"good", "", Done, `^$`},
		{"error", "", Failed, `^no data: <there> is none$`},
		{"no text", "", Failed, `^an error without a text \(\*errors\.errorString\)$`},
		{"panic", "", Failed, `^it ended with exit status 2: panic: assignment to entry in nil map`},
		{"exit", "", Failed, `^it ended with exit status 3: one / two$`},
		{"signal", "", Failed, `^it (was ended by a signal: segmentation fault|ended with exit status 2: SIGSEGV: segmentation violation)`},
		{"killed", "", Failed, `^it was ended by a signal: killed, as the system does when memory runs out$`},
		{"early", `error: jobs.Start "j": its program ended before it came to jobs.Start("j"): what stands before that must do in the job what it did in the cell`, Failed, `^its program ended before`},
		{"early error", `error: jobs.Start "j": its program ended before it came to jobs.Start("j"), with exit status 4: no file`, Failed, `, with exit status 4: no file$`},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			fresh(t)
			want := c.started
			if want == "" {
				want = "job: j"
			}
			assert.Equal(t, want+"\n", run(t, c.scenario))
			err := Wait("j")
			s := must(t, "j").Status()
			assert.Equal(t, c.state, s.State)
			assert.Regexp(t, c.text, s.Text)
			shown := must(t, "j").Bundle().Text()
			assert.True(t, strings.HasPrefix(shown, must(t, "j").String()), shown)
			assert.NotContains(t, shown, "goroutine ")
			if c.state == Done {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, `job "j": `+s.Text)
			}
		})
	}
}

func TestStop(t *testing.T) {
	dir := fresh(t)
	run(t, "waits")
	assert.Equal(t, Running, must(t, "j").Status().State)
	require.NoError(t, Stop("j"))
	assert.Equal(t, Status{State: Stopped, Text: "stopped: jobs.Stop"}, stateOf(t, "j"))
	require.NoError(t, Stop("j"), "one that has ended")
	assert.ErrorContains(t, Stop("k"), `jobs.Stop "k": there is no job of this name: jobs.List() says which there are`)

	run(t, "stubborn")
	require.NoError(t, Stop("j"))
	assert.Equal(t, Status{State: Stopped, Text: "stopped: jobs.Stop; it did not end by itself within 5s"}, stateOf(t, "j"))

	run(t, "children")
	until(t, "its children", func() bool { return strings.Contains(must(t, "j").Output(), "started") })
	folder := filepath.Join(dir, folderName("j"))
	require.NoError(t, Stop("j"))
	until(t, "what a job started ends with it", func() bool { return len(leftovers(folder)) == 0 })
}

func stateOf(t *testing.T, name string) Status {
	t.Helper()
	s := must(t, name).Status()
	s.Started, s.Took, s.Last = time.Time{}, 0, ""
	return s
}

// Two jobs of one name are an error; one that has ended is replaced.
func TestTwoOfAName(t *testing.T) {
	fresh(t)
	run(t, "waits")
	first := must(t, "j")
	assert.Regexp(t, `^error: jobs\.Start "j": a job of this name is running since \d{4}-\S+ \S+: jobs\.Attach shows it, jobs\.Stop ends it; or take another name\n$`, run(t, "good"))
	assert.Equal(t, Running, first.Status().State)
	require.NoError(t, Stop("j"))
	assert.Equal(t, "job: j\n", run(t, "good"))
	require.NoError(t, Wait("j"))
	assert.Equal(t, Stopped, first.Status().State, "the handle of the first one knows its own end")
	dirs, err := filepath.Glob(filepath.Join(os.Getenv(DirEnv), "*"+newMark+"*"))
	require.NoError(t, err)
	assert.Empty(t, dirs)
}

func TestTwoJobsOfAProgram(t *testing.T) {
	fresh(t)
	assert.Equal(t, "job: a\njob: b\nbehind\n", run(t, "two"))
	for _, name := range []string{"a", "b"} {
		require.NoError(t, Wait(name))
	}
	assert.Equal(t, "this is a\n", must(t, "a").Output())
	assert.Equal(t, "this is a", must(t, "a").Status().Last)
	assert.Equal(t, "job: a\nthis is b\n", must(t, "b").Output(), "the first call of Start is passed over in the job b")
}

// A job has nothing of the kernel and the cell that started it.
func TestEnvironment(t *testing.T) {
	dir := fresh(t)
	run(t, "environment", "QUIRE_KERNEL=SECRET", "GONB_PIPE=/x", "GONB_PIPE_BACK=/y", "QUIRE_RELAY=/z", "QUIRE_CATCHES=/catches", "TMPDIR=/tmp", "QUIRE_CARRY=/carry")
	require.NoError(t, Wait("j"))
	env := "\n" + must(t, "j").Output()
	for _, name := range []string{"QUIRE_KERNEL", "GONB_PIPE", "GONB_PIPE_BACK", "QUIRE_RELAY", "QUIRE_CATCHES", roleEnv, freshEnv} {
		assert.NotContains(t, env, "\n"+name+"=")
	}
	folder := filepath.Join(dir, folderName("j"))
	assert.Contains(t, env, "\nTMPDIR="+filepath.Join(folder, tempFolder)+"\n")
	assert.Contains(t, env, "\n"+jobEnv+"="+folder+"\n")
	assert.Contains(t, env, "\nQUIRE_CARRY=/carry\n")
}

// What is shown is the whole curve, also of a job that runs, each time anew.
func TestAttach(t *testing.T) {
	fresh(t)
	run(t, "slow training")
	for range 2 {
		cmd := program(t, "attach", "QUIRE_TEST_NAME=mlp")
		out := &buffer{}
		cmd.Stdout, cmd.Stderr = out, out
		require.NoError(t, cmd.Start())
		until(t, "it shows what was printed", func() bool { return strings.Contains(out.String(), "begins") })
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait())
		assert.Contains(t, out.String(), `the job goes on: jobs.Attach("mlp") shows it again, jobs.Stop("mlp") ends it`)
		assert.Equal(t, Running, must(t, "mlp").Status().State, "an interrupt ends the showing only")
	}
	require.NoError(t, Stop("mlp"))
	out := run(t, "attach", "QUIRE_TEST_NAME=mlp")
	assert.Contains(t, out, "put away\n")
	assert.Contains(t, out, "step 40/1,000")
	assert.Contains(t, out, "interrupted; ")
	assert.Regexp(t, `(?m)^job "mlp": stopped, \S+$`, out)
	assert.Regexp(t, `^error: jobs\.Attach "x": there is no job of this name`, run(t, "attach", "QUIRE_TEST_NAME=x"))
}

// buffer may be written and read at once.
type buffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(text)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// A job that dies ends its curves, and says how.
func TestAttachToOneThatDied(t *testing.T) {
	fresh(t)
	run(t, "midway")
	err := Wait("mlp")
	assert.EqualError(t, err, `job "mlp": it ended with exit status 3`)
	out := run(t, "attach", "QUIRE_TEST_NAME=mlp")
	assert.Contains(t, out, "step 40/100")
	assert.Contains(t, out, "the job has ended: it ended with exit status 3")
	assert.Regexp(t, `(?m)^job "mlp": failed, \S+: it ended with exit status 3$`, out)
}

// The owner's end is the end of its jobs, however it ends; and only that.
func TestOwners(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("processes are looked at in /proc")
	}
	sleeper := func(t *testing.T) *exec.Cmd {
		cmd := program(t, "nothing")
		require.NoError(t, cmd.Start())
		t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
		return cmd
	}
	t.Run("a locked folder", func(t *testing.T) {
		fresh(t)
		dir := t.TempDir()
		require.NoError(t, os.Chmod(dir, 0o700))
		f, err := os.Open(dir)
		require.NoError(t, err)
		require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
		run(t, "waits", LeaseEnv+"="+dir)
		assert.Equal(t, Running, must(t, "j").Status().State)
		require.NoError(t, f.Close())
		assert.ErrorContains(t, Wait("j"), "stopped: the notebook server has ended")
	})
	t.Run("a notebook server that is killed", func(t *testing.T) {
		fresh(t)
		server := sleeper(t)
		run(t, "waits", "JPY_PARENT_PID="+strconv.Itoa(server.Process.Pid), LeaseEnv+"=/nowhere")
		require.NoError(t, server.Process.Kill())
		_ = server.Wait()
		assert.ErrorContains(t, Wait("j"), "stopped: the notebook server has ended")
	})
	t.Run("a notebook server that died before the cell came to Start", func(t *testing.T) {
		fresh(t)
		server := sleeper(t)
		require.NoError(t, server.Process.Kill())
		_ = server.Wait()
		run(t, "waits", "JPY_PARENT_PID="+strconv.Itoa(server.Process.Pid), scratch.Marker+"=x")
		assert.ErrorContains(t, Wait("j"), "stopped: the notebook server has ended")
	})
	t.Run("a terminal's shell", func(t *testing.T) {
		fresh(t)
		exe, err := os.Executable()
		require.NoError(t, err)
		shell := exec.Command("/bin/sh", "-c", exe+"; read x")
		shell.Env = append(os.Environ(), scenarioEnv+"=waits")
		shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		stdin, err := shell.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, shell.Start())
		until(t, "the job", func() bool { _, err := find("j"); return err == nil })
		assert.Equal(t, Running, must(t, "j").Status().State)
		stdin.Close()
		require.Error(t, shell.Wait())
		assert.ErrorContains(t, Wait("j"), "stopped: the terminal has ended")
	})
	t.Run("a program without a terminal belongs to who started it", func(t *testing.T) {
		fresh(t)
		cmd := program(t, "owner")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err)
		o, ok := parseOwner(strings.TrimSpace(string(out)))
		require.True(t, ok)
		assert.Equal(t, owner{pid: os.Getpid(), began: startOf(os.Getpid()), name: "the program that started it"}, o)
	})
	t.Run("none", func(t *testing.T) {
		fresh(t)
		server := sleeper(t)
		run(t, "outlives", "JPY_PARENT_PID="+strconv.Itoa(server.Process.Pid))
		require.NoError(t, server.Process.Kill())
		_ = server.Wait()
		j := must(t, "j")
		pid := strconv.Itoa(holder(t, j))
		env, err := os.ReadFile("/proc/" + pid + "/environ")
		require.NoError(t, err)
		assert.Contains(t, string(env), ownerEnv+"="+ownerless+"\x00")
		assert.Equal(t, Running, j.Status().State)
	})
	t.Run("numbers of processes come again", func(t *testing.T) {
		assert.True(t, lives(os.Getpid(), startOf(os.Getpid())))
		assert.False(t, lives(os.Getpid(), "1"), "another one that began at another time")
	})
	for _, bad := range []string{"", "none", "process", "process x 1 a", "process 0 1 a", "folder"} {
		_, ok := parseOwner(bad)
		assert.False(t, ok, bad)
	}
}

// holder returns the process that watches over a job.
func holder(t *testing.T, j *Job) int {
	t.Helper()
	var held *safefile.LockedError
	_, err := safefile.TryLock(j.lock, 0o600)
	require.ErrorAs(t, err, &held)
	return held.Holder.PID
}

// Whoever is killed, nothing remains and it is known.
func TestKillAny(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("processes are found in /proc")
	}
	dir := fresh(t)
	folder := filepath.Join(dir, folderName("j"))
	for _, scenario := range []string{"waits", "children"} {
		run(t, scenario)
		j := must(t, "j")
		until(t, "it runs", func() bool { return scenario == "waits" || strings.Contains(j.Output(), "started") })
		watching := holder(t, j)
		require.NoError(t, syscall.Kill(watching, syscall.SIGKILL))
		until(t, "the end is known", func() bool { return j.Status().State != Running })
		assert.Equal(t, Status{State: Failed, Text: "it was killed together with the process that watched it, or the machine stopped"}, stateOf(t, "j"))
		until(t, "no process remains", func() bool { return len(leftovers(folder)) == 0 })
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		require.NoError(t, err)
		assert.Equal(t, []string{filepath.Join(folder, logFile)}, files)

		run(t, scenario) // the name is free
		j = must(t, "j")
		until(t, "it runs", func() bool { return scenario == "waits" || strings.Contains(j.Output(), "started") })
		for _, pid := range leftovers(folder) {
			if n, _ := strconv.Atoi(pid); n != holder(t, j) {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
		until(t, "the end is known", func() bool { return j.Status().State != Running })
		assert.Contains(t, stateOf(t, "j").Text, "it was ended by a signal: killed")
		until(t, "no process remains", func() bool { return len(leftovers(folder)) == 0 })
	}
}

// Whoever was killed, and whenever: a sweep leaves the logs.
func TestSweep(t *testing.T) {
	if _, err := os.Stat("/proc/self/environ"); err != nil {
		t.Skip("processes are found in /proc")
	}
	dir := fresh(t)
	folder := filepath.Join(dir, folderName("j"))
	run(t, "children")
	j := must(t, "j")
	until(t, "it runs", func() bool { return strings.Contains(j.Output(), "started") })
	require.NoError(t, Sweep())
	assert.FileExists(t, filepath.Join(folder, programFile))
	assert.Equal(t, Running, j.Status().State, "what lives is left alone")

	require.NoError(t, syscall.Kill(holder(t, j), syscall.SIGKILL))
	until(t, "the log alone remains", func() bool {
		require.NoError(t, Sweep())
		files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
		require.NoError(t, err)
		return len(files) == 1 && files[0] == filepath.Join(folder, logFile) && len(leftovers(folder)) == 0
	})
	assert.Contains(t, stateOf(t, "j").Text, "killed together with the process that watched it")

	require.NoError(t, os.RemoveAll(folder)) // the process that watches was killed before it began the log
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, programFile), nil, 0o700))
	require.NoError(t, Sweep())
	assert.NoDirExists(t, folder)

	starts, held, err := newFolder(dir, folderName("j")+newMark)
	require.NoError(t, err)
	require.NoError(t, Sweep())
	assert.DirExists(t, starts, "one that is being started")
	require.NoError(t, held.Close())
	_, err = List()
	require.NoError(t, err)
	assert.NoDirExists(t, starts, "who started it is dead")
}

// A job that prints without end does not fill the disk, and its last words are known.
func TestMuchOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 20 MB: left out by -short")
	}
	fresh(t)
	run(t, "much")
	assert.ErrorContains(t, Wait("j"), "it ended with exit status 1: the end")
	j := must(t, "j")
	info, err := os.Stat(filepath.Join(j.dir, logFile))
	require.NoError(t, err)
	assert.Less(t, info.Size(), int64(maxLogged+2<<20))
	assert.Contains(t, j.Output(), "… what the job prints from here on is not kept: it is too much\n")
}

// What names the folder, and the kernel, has one name for those who set it and those who read it.
func TestTheLeaseHasOneName(t *testing.T) {
	assert.Equal(t, scratch.LeaseEnv, LeaseEnv)
	assert.Equal(t, scratch.Marker, kernelEnv)
}

// A handle that is none, as after an error that nobody looked at, says so.
func TestNoJob(t *testing.T) {
	for _, j := range []*Job{nil, {}} {
		for _, err := range []error{j.Err(), j.Wait(), j.Stop()} {
			assert.Equal(t, errNone, err)
		}
		_, err := j.Store()
		assert.Equal(t, errNone, err)
		assert.Empty(t, j.Name()+j.Output())
		assert.Empty(t, j.Runs())
		assert.NotNil(t, j.Run())
		assert.Equal(t, Failed, j.Status().State)
		assert.Contains(t, j.Bundle().Text(), errNone.Error())
		assert.Nil(t, untrusted.Lost(j.Bundle().HTML()))
		j.Attach()
	}
	for _, w := range []*Work{nil, {}} {
		assert.Empty(t, w.Name())
		w.Set("a", 1)
		assert.NoError(t, w.Context().Err())
		assert.Equal(t, errNoWork, w.Keep(nil))
	}
	assert.Contains(t, Jobs{nil}.String(), errNone.Error())
}

func TestBadInput(t *testing.T) {
	fresh(t)
	_, err := Start("", func(*Work) error { return nil })
	assert.EqualError(t, err, `jobs.Start "": the name is empty`)
	_, err = Start("j", nil)
	assert.EqualError(t, err, `jobs.Start "j": the function is nil`)
	_, err = Attach("a\nb")
	assert.ErrorContains(t, err, "the name has bytes that are no text of one line")
	assert.ErrorContains(t, Wait("j"), `jobs.Wait "j": there is no job of this name`)
	list, err := List()
	require.NoError(t, err)
	assert.Equal(t, "no jobs", list.String())
	t.Setenv(DirEnv, "here")
	_, err = List()
	assert.ErrorContains(t, err, `$QUIRE_JOBS is "here": want an absolute path`)
}
