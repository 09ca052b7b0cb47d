//go:build linux || darwin

package cellsock

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/internal/cellwire"
	"github.com/quire-ml/quire/kernel-ext/internal/jupyter"
)

// guardedCell is the program of testdata/cell with the guard of cells in its place, as gonb starts it.
func guardedCell(t testing.TB, s *Server) *exec.Cmd {
	t.Helper()
	dir := t.TempDir()
	build := func(pkg, as string) {
		out, err := exec.Command("go", "build", "-o", filepath.Join(dir, as), pkg).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	build("./testdata/cell", "gonb_1.cell")
	build("../cellguard", "guard")
	require.NoError(t, os.Symlink(filepath.Join(dir, "guard"), filepath.Join(dir, "gonb_1")))
	cmd := exec.Command(filepath.Join(dir, "gonb_1"))
	fifo := filepath.Join(dir, "pipe") // there is one, and nobody at its end
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	cmd.Env = append(os.Environ(), "QUIRE_GUARD_DIR="+dir, "GONB_PIPE="+fifo, "GONB_PIPE_BACK="+fifo, s.Env())
	return cmd
}

// modelOf returns the id of the comm of a model, of those that were opened.
func modelOf(t testing.TB, p *pages, name string) string {
	t.Helper()
	m := p.wait(t, commOpen, `"_model_name":"`+name+`"`)
	var c commContent
	require.NoError(t, m.Decode(&c))
	return c.ID
}

func moved(id, state string) jupyter.Message {
	return page(commMsg, `{"comm_id":"`+id+`","data":{"method":"update","state":`+state+`,"buffer_paths":[]}}`)
}

// The whole way of a cell with controls: it ends well, its program stays and answers, what it prints arrives, and it goes when
// its cell is run again.
func TestAProgramStaysBehindItsCell(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs: left out by -short")
	}
	s, p := listen(t, Options{Live: true})
	cmd := guardedCell(t, s)
	request := jupyter.Header{ID: "request-a"}
	s.Begin(Cell{Request: request, Key: "a"})
	out, err := cmd.CombinedOutput() // returns when the guard has ended
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "before\n", string(out))
	s.Ended()
	p.wait(t, jupyter.DisplayData, `application/vnd.jupyter.widget-view+json`)
	p.wait(t, jupyter.DisplayData, `drawn: 0.50 times 1 is 0.50`)
	slider, choice := modelOf(t, p, "FloatSliderModel"), modelOf(t, p, "DropdownModel")
	require.True(t, s.Comm(moved(slider, `{"value":0.25}`)))
	p.wait(t, jupyter.UpdateDisplayData, `drawn: 0.25 times 1 is 0.25`)
	require.True(t, s.Comm(moved(choice, `{"index":2}`)))
	m := p.wait(t, jupyter.UpdateDisplayData, `drawn: 0.25 times 3 is 0.75`)
	assert.Equal(t, request.ID, m.Parent.ID)
	p.wait(t, jupyter.StreamOutput, `printed at three`)
	for _, nonsense := range []string{`{"value":"x"}`, `{"value":null}`, `{"value":[1]}`, `{"index":7}`, `{}`, `null`} {
		require.True(t, s.Comm(moved(slider, nonsense)))
		require.True(t, s.Comm(moved(choice, nonsense)))
	}
	require.True(t, s.Comm(moved(slider, `{"value":7}`)))
	p.wait(t, jupyter.UpdateDisplayData, `drawn: 1.00 times 3 is 3.00`)
	s.Begin(Cell{Request: request, Key: "a"})
	last := p.wait(t, jupyter.UpdateDisplayData, `its cell is run again`)
	assert.NotContains(t, string(last.Content), "widget-view")
	assert.Contains(t, string(last.Content), "x  1")
	p.wait(t, commClose, slider)
	require.Empty(t, s.CommInfo(""))
	for _, m := range p.got {
		assert.NotContains(t, string(m.Content), "returned:")
	}
}

// Without anybody at a page the cell shows its first values, and goes on.
func TestNobodyMovesAnything(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs: left out by -short")
	}
	s, p := listen(t, Options{})
	s.Begin(Cell{Key: "a"})
	out, err := guardedCell(t, s).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "before\nreturned: <nil>\n", string(out))
	p.wait(t, jupyter.DisplayData, `these are their first values`)
	p.wait(t, jupyter.DisplayData, `drawn: 0.50 times 1 is 0.50`)
	assert.Empty(t, s.CommInfo(""))
}

// A guard that is killed takes the program with it, as long as its cell runs.
func TestTheProgramDiesWithItsGuard(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs: left out by -short")
	}
	s, p := listen(t, Options{Live: true})
	cmd := guardedCell(t, s)
	cmd.Env = append(cmd.Env, "CELL_HANGS=1", cellwire.LeashEnv+"=99") // the cell is not yet over; and the leash is the guard's
	s.Begin(Cell{Key: "a"})
	require.NoError(t, cmd.Start())
	slider := modelOf(t, p, "FloatSliderModel")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	p.wait(t, commClose, slider)
	require.Empty(t, s.CommInfo(""))
}

// BenchmarkMove is the way from a page's message to what is drawn anew, without sockets of Jupyter.
func BenchmarkMove(b *testing.B) {
	s, p := listen(b, Options{Live: true})
	s.Begin(Cell{Request: jupyter.Header{ID: "a"}, Key: "a"})
	out, err := guardedCell(b, s).CombinedOutput()
	require.NoError(b, err, "%s", out)
	slider := modelOf(b, p, "FloatSliderModel")
	var total time.Duration
	n := 0
	for b.Loop() {
		time.Sleep(150 * time.Millisecond) // the one before is drawn, and nothing holds the next
		n++
		x := float64(n%90+1) / 100
		value, _ := json.Marshal(x)
		p.forget()
		began := time.Now()
		s.Comm(moved(slider, `{"value":`+string(value)+`}`))
		p.wait(b, jupyter.UpdateDisplayData, "drawn: "+strings.TrimPrefix(string(value), "-"))
		total += time.Since(began)
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(n), "ms/move")
}
