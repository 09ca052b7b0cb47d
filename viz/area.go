package viz

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/viz/internal/display"
)

// minInterval is the shortest time between two drawings of an Area: above ten a second nobody sees
// more, and far above the Jupyter server drops messages, the last one among them.
const minInterval = 100 * time.Millisecond

// drawingShare bounds the time that drawing may take from computing: an Area waits that many times as
// long as its latest drawing took.
const drawingShare = 20

// Area is a place in a notebook's output that can be drawn anew. It may be used by several goroutines.
// In a terminal it writes over itself; where stdout is neither, only its last state is printed, by
// [Area.Close].
//
//	area := viz.NewArea()
//	defer area.Close()
//	for i := range steps {
//		area.Update(view(i))
//	}
type Area struct {
	mu       sync.Mutex // guards what follows
	pending  func() Bundle
	timer    *time.Timer
	last     time.Time
	interval time.Duration
	id       string
	latest   Bundle

	drawing sync.Mutex // held while drawing, so that drawings stay in order
	out     areaOutput
}

// areaOutput is where an Area is drawn.
type areaOutput interface {
	draw(b Bundle, id string, final bool)
}

// NewArea returns an Area. It appears in the output with its first update.
func NewArea() *Area { return newArea(outputOf()) }

// outputOf returns where this process draws.
func outputOf() areaOutput {
	switch {
	case display.InNotebook():
		return inNotebook{}
	case display.IsTerminal(os.Stdout):
		return &onTerminal{w: os.Stdout}
	}
	return &onEnd{}
}

func newArea(out areaOutput) *Area {
	return &Area{out: out, id: freshID(), interval: minInterval}
}

// ready makes a zero Area usable, and reports whether there is one.
func (a *Area) ready() bool {
	if a == nil {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.out == nil {
		a.out, a.id, a.interval = outputOf(), freshID(), minInterval
	}
	return true
}

// freshID returns a display id that no notebook has seen.
func freshID() string { return fmt.Sprintf("quire-%016x%016x", rand.Uint64(), rand.Uint64()) }

// Update draws v, rendered as by [Render], in place of what was there: now, or, if the latest drawing is
// less than a tenth of a second old, when that time is over, unless a newer update takes its place.
func (a *Area) Update(v any) {
	b := Render(v)
	if a.ready() && a.set(func() Bundle { return b }) {
		a.draw(false)
	}
}

// UpdateFunc is [Area.Update] for what is expensive to draw: view is called, by another goroutine, only if
// it is really drawn.
func (a *Area) UpdateFunc(view func() Bundle) {
	if view == nil {
		view = func() Bundle { return Plain("nil view") }
	}
	if a.ready() && a.set(view) {
		go a.draw(false)
	}
}

// set stores what is to be drawn next and reports whether that is due now; otherwise it sees to it that
// it will be drawn later.
func (a *Area) set(view func() Bundle) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = view
	if a.timer != nil {
		return false
	}
	wait := a.interval - time.Since(a.last)
	if a.last.IsZero() || wait <= 0 {
		a.last = time.Now()
		return true
	}
	a.timer = time.AfterFunc(wait, func() { a.draw(false) })
	return false
}

func (a *Area) draw(final bool) {
	a.drawing.Lock()
	defer a.drawing.Unlock()
	a.mu.Lock()
	view, id := a.pending, a.id
	a.pending = nil
	if a.timer != nil {
		a.timer.Stop()
		a.timer = nil
	}
	latest := a.latest
	a.last = time.Now() // what comes while this is drawn waits as well
	a.mu.Unlock()

	start := time.Now()
	switch {
	case view != nil:
		latest = renderSafely(view)
		a.out.draw(latest, id, final)
	case final && latest.Data != nil:
		a.out.draw(latest, id, true)
	}
	a.mu.Lock()
	a.latest = latest
	a.last = time.Now()
	a.interval = max(minInterval, drawingShare*a.last.Sub(start))
	a.mu.Unlock()
}

// Flush draws a pending update now, and returns when the notebook has it.
func (a *Area) Flush() {
	if a.ready() {
		a.draw(true)
	}
}

// Close draws the final state. The Area stays as it is then.
func (a *Area) Close() { a.Flush() }

// Attach shows the area's present state in the output of the cell that runs now; later updates go there.
func (a *Area) Attach() {
	if !a.ready() {
		return
	}
	a.drawing.Lock()
	a.mu.Lock()
	a.id = freshID() // a known one would show nothing after the page was loaded again
	a.mu.Unlock()
	a.drawing.Unlock()
	a.draw(true)
}

// inNotebook draws by display id.
type inNotebook struct{}

func (inNotebook) draw(b Bundle, id string, final bool) {
	present(b, id)
	if final {
		settle()
	}
}

// onEnd prints the last state.
type onEnd struct{}

func (*onEnd) draw(b Bundle, _ string, final bool) {
	if final {
		printText(b)
	}
}

// onTerminal writes over the lines it wrote before.
type onTerminal struct {
	w     *os.File
	lines int
	id    string
}

func (t *onTerminal) draw(b Bundle, id string, final bool) {
	if id != t.id {
		t.lines, t.id = 0, id
	}
	var s strings.Builder
	if t.lines > 0 {
		fmt.Fprintf(&s, "\x1b[%dA\x1b[J", t.lines)
	}
	text := strings.TrimRight(b.Text(), "\n") + "\n"
	s.WriteString(text)
	t.lines = strings.Count(text, "\n")
	t.w.WriteString(s.String())
}
