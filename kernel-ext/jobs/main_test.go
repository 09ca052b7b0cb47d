//go:build linux || darwin

package jobs

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph/tensors"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scenarioEnv makes the test program one that starts jobs, as a cell's program does: the job runs the same.
const scenarioEnv = "QUIRE_TEST_JOBS"

func TestMain(m *testing.M) {
	if name := os.Getenv(scenarioEnv); name != "" {
		scenarios[name]()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// scenarios are main functions of such programs.
var scenarios = map[string]func(){
	"training": func() {
		fmt.Println("before")
		report(Start("mlp", func(w *Work) error {
			w.Set("rate", 0.5)
			fmt.Println("training")
			fmt.Fprintln(os.Stderr, "a warning")
			trainFor(100, 100)
			return nil
		}))
		fmt.Println("behind")
	},
	"store": func() {
		report(Start("net", func(w *Work) error {
			store := model.NewStore()
			if _, err := store.CreateVariable("/w", tensors.FromValue([]float32{1, 2, 3})); err != nil {
				return err
			}
			return w.Keep(store)
		}))
	},
	"midway": func() { // the training does not end before the job
		report(Start("mlp", func(w *Work) error { w.Watch(&loop{}); trainFor(100, 40); os.Exit(3); return nil }))
	},
	"slow training": func() { // until somebody stops it
		report(Start("mlp", func(w *Work) error {
			fmt.Println("begins")
			tell := trainFor(1000, 40)
			<-w.Context().Done()
			tell(train.Event{Kind: train.End, GlobalStep: 40, Step: 40, Steps: 1000, Time: time.Now(), Interrupted: true})
			fmt.Println("put away")
			return nil
		}))
	},
	"error":   func() { report(Start("j", func(*Work) error { return errors.New("no data: <there> is none") })) },
	"no text": func() { report(Start("j", func(*Work) error { return errors.New("") })) },
	"panic":   func() { report(Start("j", func(*Work) error { panicky(nil); return nil })) },
	"exit": func() {
		report(Start("j", func(*Work) error { fmt.Fprint(os.Stderr, "one\ntwo\n"); os.Exit(3); return nil }))
	},
	"signal":   func() { report(Start("j", func(*Work) error { return kill(os.Getpid(), syscall.SIGSEGV) })) },
	"killed":   func() { report(Start("j", func(*Work) error { return kill(os.Getpid(), syscall.SIGKILL) })) },
	"good":     func() { report(Start("j", func(*Work) error { return nil })) },
	"waits":    func() { report(Start("j", func(w *Work) error { <-w.Context().Done(); return w.Context().Err() })) },
	"outlives": func() { report(Start("j", func(w *Work) error { <-w.Context().Done(); return nil }, Outlive())) },
	"stubborn": func() { report(Start("j", func(*Work) error { select {} })) },
	"children": func() {
		report(Start("j", func(w *Work) error {
			for _, args := range [][]string{{"sleep", "1000"}, {"setsid", "sleep", "1000"}} {
				if err := exec.Command(args[0], args[1:]...).Start(); err != nil {
					return err
				}
			}
			fmt.Println("started")
			<-w.Context().Done()
			return nil
		}))
	},
	"environment": func() {
		report(Start("j", func(*Work) error { fmt.Println(strings.Join(os.Environ(), "\n")); return nil }))
	},
	"early": func() {
		if os.Getenv(jobEnv) != "" {
			os.Exit(0)
		}
		report(Start("j", func(*Work) error { return nil }))
	},
	"early error": func() {
		if os.Getenv(jobEnv) != "" {
			fmt.Fprintln(os.Stderr, "no file")
			os.Exit(4)
		}
		report(Start("j", func(*Work) error { return nil }))
	},
	"two": func() {
		for _, name := range []string{"a", "b"} {
			report(Start(name, func(w *Work) error { fmt.Println("this is", w.Name()); return nil }))
		}
		fmt.Println("behind")
	},
	"much": func() {
		report(Start("j", func(*Work) error {
			line := strings.Repeat("x", 1023) + "\n"
			for range 20 << 10 {
				os.Stdout.WriteString(line)
			}
			fmt.Fprintln(os.Stderr, "the end")
			os.Exit(1)
			return nil
		}))
	},
	"attach": func() { report(Attach(os.Getenv("QUIRE_TEST_NAME"))) },
	"owner":  func() { fmt.Println(ownerOf()) },
	"nothing": func() {
		time.Sleep(time.Hour)
	},
}

// report prints what a call returned.
func report(j *Job, err error) {
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println("job:", j.Name())
}

func panicky(m map[string]int) { m["a"] = 1 }

func kill(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil {
		return err
	}
	select {}
}

// loop is a training loop whose events the test makes.
type loop struct{ tell func(train.Event) }

func (l *loop) Listen(tell func(train.Event)) (cancel func()) { l.tell = tell; return func() {} }

// trainFor trains so many of all steps, and shows it as people do.
func trainFor(steps, done int) (tell func(train.Event)) {
	l := &loop{}
	viz.Live(l).Set("steps", steps)
	l.tell(train.Event{Kind: train.Start, Time: time.Now(), Steps: steps})
	for i := 1; i <= done; i++ {
		l.tell(train.Event{Kind: train.Step, Time: time.Now(), Step: i, Steps: steps, GlobalStep: int64(i), Elapsed: time.Duration(i) * time.Millisecond,
			Metrics: []train.Metric{{Name: "Batch loss", Short: "batch", Kind: "loss", Value: loss(i)}}})
	}
	if steps == done {
		l.tell(train.Event{Kind: train.End, Time: time.Now(), Step: done, Steps: steps, GlobalStep: int64(done)})
	}
	return l.tell
}

func loss(i int) float64 {
	if i == 7 {
		return math.NaN()
	}
	return math.Exp(-float64(i) / 20)
}

// fresh gives the test a folder of jobs of its own, and sees that no process remains of them.
func fresh(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "jobs")
	t.Setenv(DirEnv, dir)
	t.Setenv("QUIRE_KEEP", filepath.Join(t.TempDir(), "keep"))
	t.Setenv(LeaseEnv, "")
	t.Setenv("JPY_PARENT_PID", "")
	t.Cleanup(func() {
		all, err := List()
		assert.NoError(t, err)
		for _, j := range all {
			assert.NoError(t, j.Stop())
			until(t, "no process of "+j.name+" remains", func() bool { return len(leftovers(j.dir)) == 0 })
		}
	})
	return dir
}

// leftovers are the processes of a job, on Linux.
func leftovers(dir string) (pids []string) {
	procs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range procs {
		if env, err := os.ReadFile(path); err == nil && strings.Contains("\x00"+string(env), "\x00"+jobEnv+"="+dir+"\x00") {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// run runs a program in a scenario, and returns what it printed.
func run(t *testing.T, scenario string, env ...string) string {
	t.Helper()
	out, err := program(t, scenario, env...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return slow.ReplaceAllString(string(out), "")
}

// slow is what Start says on a machine that is busy.
var slow = regexp.MustCompile(`(?m)^job ".*": its program runs up to jobs\.Start\n`)

func program(t *testing.T, scenario string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), scenarioEnv+"="+scenario), env...)
	return cmd
}
