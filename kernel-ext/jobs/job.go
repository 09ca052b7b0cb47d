package jobs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/quire-ml/quire/internal/interrupts"
	"github.com/quire-ml/quire/internal/safefile"
	"github.com/quire-ml/quire/kernel-ext/keep"
	"github.com/quire-ml/quire/ml/model"
	"github.com/quire-ml/quire/ml/train"
	"github.com/quire-ml/quire/viz"
)

// State says where a job is.
type State string

// The states of a job.
const (
	Running State = "running"
	Done    State = "done"    // its function returned without an error
	Stopped State = "stopped" // by Stop, or since its owner has ended
	Failed  State = "failed"  // an error, a panic, a signal
)

// Status is what is known of a job at one moment.
type Status struct {
	State   State
	Started time.Time
	Took    time.Duration // up to now, or to its end
	Text    string        // how it ended, if not as it should
	Last    string        // the last line that it printed
}

// maxOutput bounds what a handle holds of what a job has printed.
const maxOutput = 1 << 20

// Job is a job, seen from anywhere. It may be used by several goroutines.
type Job struct {
	name string
	dir  string // its folder
	lock string // the file that is locked while it lives

	mu       sync.Mutex
	id       string
	file     *os.File // its log: this job's, also when another one has taken the name
	at       int64    // how much of it was read
	parser   parser
	began    time.Time
	latest   time.Time // of an entry
	running  bool      // the function has begun
	text     []byte    // the end of what it printed
	names    []string  // of its runs, in order
	runs     map[string]*viz.Run
	last     map[string]train.Event // of each run
	settings [][2]string            // for all runs
	kept     string
	end      *ending
	endTime  time.Time
}

// open returns the job in a folder below another one.
func open(root, folder string) (*Job, error) {
	j := &Job{dir: filepath.Join(root, folder), lock: filepath.Join(root, folder+lockSuffix), runs: map[string]*viz.Run{}, last: map[string]train.Event{}}
	if err := safefile.CheckPrivate(j.dir); err != nil {
		return nil, err
	}
	f, err := safefile.OpenOwn(filepath.Join(j.dir, logFile))
	if err != nil {
		return nil, err
	}
	j.file = f
	j.refresh()
	if j.id == "" {
		f.Close()
		return nil, errors.New("its log is damaged")
	}
	return j, nil
}

// refresh reads what has been added to the log, and returns it.
func (j *Job) refresh() (added []entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	buf := make([]byte, 64<<10)
	for {
		n, err := j.file.ReadAt(buf, j.at)
		j.at += int64(n)
		for _, e := range j.parser.feed(buf[:n]) {
			j.take(e)
			added = append(added, e)
		}
		if err != nil || n == 0 {
			return added
		}
	}
}

// take notes an entry.
func (j *Job) take(e entry) {
	j.latest = e.Time
	switch e.Kind {
	case started:
		j.id, j.name, j.began = e.Text, e.Name, e.Time
	case running:
		j.running = true
	case output, errorOutput:
		j.text = append(j.text, e.Text...)
		if extra := len(j.text) - maxOutput; extra > 0 {
			j.text = append([]byte(nil), j.text[extra:]...)
		}
	case isSet:
		j.set(e)
	case isEvent:
		if ev, ok := e.Event.read(e.Time); ok {
			j.run(e.Run).Add(ev)
			j.last[e.Run] = ev
		}
	case kept:
		j.kept = e.Text
	case ended:
		j.end, j.endTime = e.End, e.Time
		for name, r := range j.runs {
			if cut, ok := j.cut(name); ok {
				r.Add(cut)
			}
		}
	}
}

// set notes a choice: for one run, or for all.
func (j *Job) set(e entry) {
	if e.Run != "" {
		j.run(e.Run).Set(e.Name, e.Text)
		return
	}
	j.settings = append(j.settings, [2]string{e.Name, e.Text})
	for _, r := range j.runs {
		r.Set(e.Name, e.Text)
	}
}

// run returns the record of a training run.
func (j *Job) run(name string) *viz.Run {
	if r := j.runs[name]; r != nil {
		return r
	}
	title := j.name
	if name != "" && name != j.name {
		title += ": " + name
	}
	r := viz.NewRun(title)
	for _, s := range j.settings {
		r.Set(s[0], s[1])
	}
	j.runs[name], j.names = r, append(j.names, name)
	return r
}

// cut returns the end of a training run that had not ended when its job did; false if it had.
func (j *Job) cut(run string) (train.Event, bool) {
	e, ok := j.last[run]
	if !ok || e.Kind == train.End {
		return e, false
	}
	why := j.end.sentence(j.name)
	if why == "" {
		why = "before the training did"
	}
	e.Kind, e.Metrics, e.Err = train.End, nil, errors.New("the job has ended: "+why)
	return e, true
}

// alive reports whether the job's processes live. If they do not and its log has no end, it writes how it ended.
func (j *Job) alive() bool {
	j.refresh()
	j.mu.Lock()
	over := j.end != nil
	j.mu.Unlock()
	if over {
		return false
	}
	lock, err := safefile.TryLock(j.lock, 0o600)
	if err != nil {
		return true // held, or nothing can be known
	}
	defer lock.Unlock()
	j.refresh()
	j.mu.Lock()
	over = j.end != nil
	j.mu.Unlock()
	if !over {
		j.bury()
	}
	return false
}

// bury notes the end of a job that nobody saw end, and removes what it left. Its lock is held.
func (j *Job) bury() {
	lost := &ending{Lost: true}
	now, err := idIn(j.dir)
	if err == nil && now == j.id { // the folder is still this job's
		killMarked(j.dir)
		appendEnd(j.dir, lost)
		clean(j.dir)
		j.refresh()
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.end == nil { // another one has taken its place
		j.take(entry{Time: j.latest, Kind: ended, End: lost})
	}
}

// idIn returns the id of the job that a folder is of.
func idIn(dir string) (id string, err error) {
	f, err := safefile.OpenOwn(filepath.Join(dir, logFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	first := make([]byte, 4096)
	n, err := f.Read(first)
	if err != nil {
		return "", err
	}
	var p parser
	for _, e := range p.feed(first[:n]) {
		if e.Kind == started {
			return e.Text, nil
		}
	}
	return "", errors.New("its log is damaged")
}

// appendEnd adds the last line to a log, whose last line may be half written.
func appendEnd(dir string, e *ending) {
	f, err := os.OpenFile(filepath.Join(dir, logFile), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = f.Write(append([]byte{'\n'}, entry{Kind: ended, End: e}.line()...))
}

// clean removes what only a job that runs needs; the program last, as Sweep looks for it.
func clean(dir string) {
	for _, name := range []string{sourceFile, linesFile, controlFile, tempFolder, programFile} {
		os.RemoveAll(filepath.Join(dir, name))
	}
	if info, err := os.Stat(filepath.Join(dir, ownWords)); err == nil && info.Size() == 0 {
		os.Remove(filepath.Join(dir, ownWords))
	}
}

// errNone is what a handle says that no function of this package returned.
var errNone = errors.New("this is no job: jobs.Start returns one, and so does jobs.Attach")

// none reports whether a handle is nil or was made by hand.
func (j *Job) none() bool { return j == nil || j.file == nil }

// Name returns the job's name.
func (j *Job) Name() string {
	if j.none() {
		return ""
	}
	return j.name
}

// Status says where the job is now.
func (j *Job) Status() Status {
	if j.none() {
		return Status{State: Failed, Text: errNone.Error()}
	}
	alive := j.alive()
	j.mu.Lock()
	defer j.mu.Unlock()
	s := Status{State: Running, Started: j.began, Took: time.Since(j.began)}
	if !alive && j.end != nil {
		s.State, s.Took, s.Text = j.end.state(), j.endTime.Sub(j.began), j.end.sentence(j.name)
	}
	s.Last = lastLine(string(j.text[max(0, len(j.text)-keepWords):]), s.State == Failed)
	return s
}

// Err says how the job ended, nil if it runs or has ended as it should.
func (j *Job) Err() error {
	if j.none() {
		return errNone
	}
	if s := j.Status(); s.Text != "" {
		return fmt.Errorf("job %q: %s", j.name, s.Text)
	}
	return nil
}

// poll is how long to wait before looking at a log again.
const poll = 100 * time.Millisecond

// Wait returns when the job has ended, with an error that says how, if it did not end as it should.
func (j *Job) Wait() error {
	if j.none() {
		return errNone
	}
	for j.alive() {
		time.Sleep(poll)
	}
	return j.Err()
}

// Run returns the record of the job's training up to now; of the first one, if there are several. It is for viz.Show, viz.Curves and viz.Runs.
func (j *Job) Run() *viz.Run {
	if j.none() {
		return viz.NewRun("")
	}
	j.alive()
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.names) == 0 {
		r := viz.NewRun(j.name)
		for _, s := range j.settings {
			r.Set(s[0], s[1])
		}
		return r
	}
	return j.runs[j.names[0]]
}

// Runs returns the records of all training runs of the job, in the order in which they began.
func (j *Job) Runs() (all []*viz.Run) {
	if j.none() {
		return nil
	}
	j.alive()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, name := range j.names {
		all = append(all, j.runs[name])
	}
	return all
}

// Output returns what the job has printed, its last megabyte.
func (j *Job) Output() string {
	if j.none() {
		return ""
	}
	j.alive()
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.ToValidUTF8(string(j.text), "")
}

// Store returns the store that the job has kept last ([Work.Keep]).
func (j *Job) Store() (*model.Store, error) {
	if j.none() {
		return nil, errNone
	}
	j.refresh()
	j.mu.Lock()
	name := j.kept
	j.mu.Unlock()
	if name == "" {
		return nil, fmt.Errorf("job %q has kept no store: its function does so by Work.Keep", j.name)
	}
	return keep.Get[*model.Store](name)
}

// Stop ends the job, and returns when it has ended.
func (j *Job) Stop() error {
	if j.none() {
		return errNone
	}
	if !j.alive() {
		return nil
	}
	if err := j.ask("stop"); err != nil && j.alive() {
		return fmt.Errorf("stopping the job %q: %w", j.name, err)
	}
	for j.alive() {
		time.Sleep(poll)
	}
	return nil
}

// Bundle returns the curves of the job's training, or what it has printed, with a line that says where it is.
func (j *Job) Bundle() viz.Bundle {
	if j.none() {
		return viz.Error(errNone)
	}
	runs := j.Runs()
	views := []any{j.line()}
	for _, r := range runs {
		views = append(views, r)
	}
	if text := j.Output(); len(runs) == 0 {
		if j.Status().State == Failed { // the line above has said why: Go's account of it is of other programs
			lines := strings.SplitAfter(text, "\n")
			text = strings.Join(lines[:dump(lines)], "")
		}
		if text != "" {
			views = append(views, text)
		}
	}
	return viz.Stack(views...)
}

// String says where the job is.
func (j *Job) String() string {
	if j.none() {
		return errNone.Error()
	}
	return j.line()
}

// line says where the job is.
func (j *Job) line() string {
	s := j.Status()
	text := fmt.Sprintf("job %q: %s, %v", j.name, s.State, round(s.Took))
	if s.Text != "" && s.State == Failed {
		text += ": " + s.Text
	}
	return text
}

// Attach shows the job until it ends or this program is interrupted.
func (j *Job) Attach() {
	if j.none() {
		fmt.Println(errNone)
		return
	}
	interrupted := make(chan os.Signal, 1)
	defer interrupts.Notify(interrupted)()
	s := newShow(j, os.Stdout)
	defer s.close()
	for {
		alive := j.alive() // before reading: what comes after the end would be missed
		s.update()
		if !alive {
			s.ended()
			return
		}
		select {
		case <-interrupted:
			s.detached()
			return
		case <-time.After(poll):
		}
	}
}

// show is a job on the screen. It reads the log by itself, from the beginning.
type show struct {
	job    *Job
	own    *Job // a second handle, of which nobody else takes entries
	w      io.Writer
	views  map[string]*player
	midway bool // the last text did not end its line
	first  bool
}

// tail is how many lines are shown of what a job had printed before.
const tail = 20

func newShow(j *Job, w io.Writer) *show {
	return &show{job: j, own: j.again(), w: w, views: map[string]*player{}, first: true}
}

// player is a training loop that plays what a log has.
type player struct {
	tell func(train.Event)
	view *viz.LiveView
}

// Listen lets package viz hear.
func (p *player) Listen(tell func(train.Event)) (cancel func()) {
	p.tell = tell
	return func() {}
}

func (s *show) view(run string) *player {
	if p := s.views[run]; p != nil {
		return p
	}
	name := s.job.name
	if run != "" {
		name = run
	}
	p := &player{}
	p.view = viz.Live(p, viz.LiveOptions{Name: name})
	s.views[run] = p
	return p
}

// update shows what is new.
func (s *show) update() {
	var text strings.Builder
	for _, e := range s.own.refresh() {
		switch e.Kind {
		case output, errorOutput:
			text.WriteString(e.Text)
		case isSet:
			s.set(e)
		case isEvent:
			if ev, ok := e.Event.read(e.Time); ok {
				s.view(e.Run).tell(ev)
			}
		}
	}
	s.print(text.String())
	s.first = false
}

// set passes on a choice: to one run, or to all.
func (s *show) set(e entry) {
	if e.Run != "" {
		s.view(e.Run).view.Set(e.Name, e.Text)
		return
	}
	for _, p := range s.views {
		p.view.Set(e.Name, e.Text)
	}
}

// print writes what the job has printed: at first only the last lines of it.
func (s *show) print(text string) {
	if s.first {
		lines := strings.SplitAfter(text, "\n")
		if n := len(lines) - tail - 1; n > 0 {
			text = fmt.Sprintf("… %d lines before\n", n) + strings.Join(lines[n:], "")
		}
	}
	if text != "" {
		io.WriteString(s.w, text)
		s.midway = !strings.HasSuffix(text, "\n")
	}
}

func (s *show) say(text string) {
	if s.midway {
		text = "\n" + text
	}
	fmt.Fprintln(s.w, text)
	s.midway = false
}

// ended shows the end; a training that had not ended ends with its job.
func (s *show) ended() {
	s.own.mu.Lock()
	defer s.own.mu.Unlock()
	for name, p := range s.views {
		if cut, ok := s.own.cut(name); ok {
			p.tell(cut)
		}
	}
	s.say(s.job.line())
}

func (s *show) detached() {
	s.say(fmt.Sprintf("the job goes on: jobs.Attach(%q) shows it again, jobs.Stop(%[1]q) ends it", s.job.name))
}

func (s *show) close() {
	for _, p := range s.views {
		p.view.Close()
	}
}

// again returns another handle of the same job, which has read nothing yet.
func (j *Job) again() *Job {
	return &Job{name: j.name, dir: j.dir, lock: j.lock, file: j.file, runs: map[string]*viz.Run{}, last: map[string]train.Event{}}
}
