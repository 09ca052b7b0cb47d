package data

import (
	"iter"
	"sync/atomic"
	"time"
)

// Flow is what one stage of a pipeline has done since it was made, in all of its iterations. Views draw it.
type Flow struct {
	Stage   string // the function that made it, and its settings: "Prefetch 4"
	Name    string // of the data set
	Batches int64  // that it yielded, or examples, where it yields single ones
	Rows    int64  // examples in them: of stages that are known to yield batches, the sizes of axis 0; else 0

	// Elapsed is the time from the beginning of the first iteration to the last batch, whoever spent it: Batches / Elapsed is how fast they
	// come. Time is how much of it those who read the stage waited for it, and Own how long the stage itself worked, not counting
	// what it reads.
	Elapsed, Time, Own time.Duration

	// Ahead is set of a stage that works in goroutines of its own while its consumer does something else; then Own is the time of
	// all of them. Of such a stage Stalls is how many times its consumer found nothing ready and waited, and Blocked how
	// long the goroutine of Prefetch stood still because there was no room.
	Ahead   bool
	Stalls  int64
	Blocked time.Duration

	Buffered, Capacity int // of a stage that works ahead: how many batches it holds now, and how many have room
	Errors             int64
	Sources            []Flow // what it reads
}

// FlowOf returns what the stages of ds have done so far. It may be called from any goroutine, also while ds is being read. A
// data set of another kind than those of this package has a flow with its name alone.
func FlowOf(ds Dataset) Flow {
	ds = given(ds)
	s, ok := ds.(flowing)
	if !ok {
		return Flow{Stage: "data set", Name: ds.Name()}
	}
	return s.flow()
}

// flowing is a data set that counts what it does: those of this package.
type flowing interface{ flow() Flow }

// stage is what a view tells about a data set of this package, besides what it yields.
type stage struct {
	label   string
	sources []Dataset
	rows    rowsKnown
	ahead   bool // it reads its sources in goroutines of its own
	meter
}

// rowsKnown says whether the elements of a data set are batches.
type rowsKnown int

const (
	asSource rowsKnown = iota // as those of the first source are
	single                    // examples, without a batch axis
	batched
)

// hasRows reports whether ds is known to yield batches.
func hasRows(ds Dataset) bool {
	switch ds := ds.(type) {
	case *InMemoryDataset:
		return ds.batchSize > 0
	case *Pipeline:
		switch {
		case ds.stage.rows == batched:
			return true
		case ds.stage.rows == asSource && len(ds.stage.sources) > 0:
			return hasRows(ds.stage.sources[0])
		}
	}
	return false
}

// meter counts what a stage yields, and how long that takes.
type meter struct {
	batches, rows, errors        atomic.Int64
	began, last                  atomic.Int64 // nanoseconds since started
	nanos, busy, stalls, blocked atomic.Int64
	buffered                     atomic.Int64
	capacity                     int
}

// started is what times of stages are counted from.
var started = time.Now()

// worked notes that a goroutine of the stage worked since begin.
func (m *meter) worked(begin time.Time) { m.busy.Add(int64(time.Since(begin))) }

// measured counts the elements of seq.
func (m *meter) measured(rows bool, seq iter.Seq2[Batch, error]) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		begin := time.Now()
		m.began.CompareAndSwap(0, int64(begin.Sub(started)))
		for b, err := range seq {
			now := time.Now()
			m.nanos.Add(int64(now.Sub(begin)))
			m.last.Store(int64(now.Sub(started)))
			switch {
			case err != nil:
				m.errors.Add(1)
			default:
				m.batches.Add(1)
				if rows && len(b.Inputs) > 0 && b.Inputs[0].Ok() && b.Inputs[0].Rank() > 0 {
					m.rows.Add(int64(b.Inputs[0].Shape().Dim(0)))
				}
			}
			if !yield(b, err) {
				return
			}
			begin = time.Now()
		}
		m.nanos.Add(int64(time.Since(begin)))
	}
}

// flow returns what the stage s of the data set called name has done.
func (s *stage) flow(name string) Flow {
	f := Flow{Stage: s.label, Name: name, Batches: s.batches.Load(), Rows: s.meter.rows.Load(), Time: time.Duration(s.nanos.Load()),
		Ahead: s.ahead, Stalls: s.stalls.Load(), Blocked: time.Duration(s.blocked.Load()),
		Buffered: int(s.buffered.Load()), Capacity: s.capacity, Errors: s.errors.Load()}
	f.Elapsed = time.Duration(max(0, s.last.Load()-s.began.Load()))
	f.Own = f.Time
	for _, ds := range s.sources {
		below := FlowOf(ds)
		f.Own -= below.Time
		f.Sources = append(f.Sources, below)
	}
	f.Own = max(0, f.Own) // others may read the sources too
	if s.ahead {
		f.Own = time.Duration(s.busy.Load())
	}
	return f
}

func (p *Pipeline) flow() Flow {
	if p == nil {
		return FlowOf(absent{})
	}
	return p.stage.flow(p.name)
}

func (ds *InMemoryDataset) flow() Flow {
	if ds == nil {
		return FlowOf(absent{})
	}
	return ds.stage.flow(ds.name)
}
