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

	// Time is how long those who read it waited for what it yielded, Own the part of it that was spent in the stage itself
	// and not in reading its sources. A stage that works ahead (Ahead) spends none of its own: what its consumer waits for
	// are its stalls, Stalls of them, and Blocked is how long its goroutine stood still because there was no place left.
	Time, Own time.Duration
	Ahead     bool
	Stalls    int64
	Blocked   time.Duration

	Buffered, Capacity int // of a stage with a buffer: how many are in it now, and how many have room
	Errors             int64
	Sources            []Flow // what it reads
}

// FlowOf returns what the stages of ds have done so far. It may be called from any goroutine, also while ds is being read. A
// data set of another kind than those of this package has a flow with its name alone.
func FlowOf(ds Dataset) Flow {
	ds = given(ds)
	s, ok := ds.(interface{ flow() Flow })
	if !ok {
		return Flow{Stage: "data set", Name: ds.Name()}
	}
	return s.flow()
}

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
	batches, rows, nanos, stalls, blocked, errors atomic.Int64
	buffered                                      atomic.Int64
	capacity                                      int
}

// measured counts the elements of seq.
func (m *meter) measured(rows bool, seq iter.Seq2[Batch, error]) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		begin := time.Now()
		for b, err := range seq {
			m.nanos.Add(int64(time.Since(begin)))
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
	f.Own = f.Time
	for _, ds := range s.sources {
		below := FlowOf(ds)
		f.Own -= below.Time
		f.Sources = append(f.Sources, below)
	}
	if f.Own < 0 || s.ahead { // sources that others read too; or are read while the consumer does not wait
		f.Own = 0
	}
	return f
}

func (p *Pipeline) flow() Flow { return p.stage.flow(p.name) }

func (ds *InMemoryDataset) flow() Flow { return ds.stage.flow(ds.name) }
