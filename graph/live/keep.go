package live

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/quire-ml/quire/internal/bytesize"
)

// Keep has arrays computed by whatever [Eval] needs them on its way, and not spilled under a limit; they outlive the [Scope] that they are born
// in. It does not hold them: an array that nobody has any more is collected, kept or not. Keeping twice is keeping once.
func Keep(arrays ...*Array) { keep(arrays, true) }

// Unkeep takes back what [Keep] said.
func Unkeep(arrays ...*Array) { keep(arrays, false) }

func keep(arrays []*Array, so bool) {
	for _, a := range arrays {
		if a = a.check(); a.err != nil {
			continue
		}
		a.kept.Store(so)
		if v := a.state.Load().value; v != nil {
			v.mu.Lock()
			v.kept = so
			v.mu.Unlock()
		}
	}
}

// Kept reports whether x was kept.
func (x *Array) Kept() bool { return x.check().kept.Load() }

// Release gives the values of arrays back at once, rather than when they are collected; a run that reads them ends first. Whoever uses one of them
// afterwards, itself or what was recorded of it, gets [ErrReleased] with the line of this call. Releasing twice is releasing once.
func Release(arrays ...*Array) {
	where := ""
	for _, a := range arrays {
		if a = a.check(); a.err != nil {
			continue
		}
		if where == "" {
			where = a.session.whereabouts()
		}
		a.release(where)
	}
}

// whereabouts names the user's line.
func (s *Session) whereabouts() string {
	if at := s.here().String(); at != "" {
		return at
	}
	return "an unknown place"
}

func (a *Array) release(where string) {
	for {
		st := a.state.Load()
		if st.released != "" {
			return
		}
		if a.state.CompareAndSwap(st, &state{released: where}) {
			if st.value != nil && (st.value.pending == nil || st.value.ended()) {
				st.value.free(where)
			}
			return // of one under way, the run gives the value back
		}
	}
}

// Scope runs f, and then gives back all values that were computed meanwhile, but for those of the arrays that f returns, which it computes, and
// of kept ones. Whoever uses what was given back gets [ErrReleased]. Scopes nest; what other goroutines of the same session compute meanwhile
// counts as computed inside. It is of the session [Default].
func Scope(ctx context.Context, f func() []*Array) ([]*Array, error) { return Default().Scope(ctx, f) }

// Scope is [Scope] in the session s.
func (s *Session) Scope(ctx context.Context, f func() []*Array) (out []*Array, err error) {
	s = s.made()
	if f == nil {
		return nil, here(fmt.Errorf("the function of a scope is nil"))
	}
	born := &[]*value{}
	m := &s.memory
	m.mu.Lock()
	m.scopes = append(m.scopes, born)
	m.mu.Unlock()
	defer func() { // also if f panics
		m.mu.Lock()
		i := slices.Index(m.scopes, born)
		m.scopes = slices.Delete(m.scopes, i, i+1)
		stay := map[*value]bool{}
		for _, a := range out {
			if a != nil && a.err == nil && a.session == s {
				stay[a.state.Load().value] = true
			}
		}
		var gone []*Array
		for _, v := range *born {
			a := v.owner()
			switch {
			case a == nil:
			case stay[v] || a.kept.Load():
				if i > 0 {
					*m.scopes[i-1] = append(*m.scopes[i-1], v)
				}
			default:
				gone = append(gone, a)
			}
		}
		m.mu.Unlock()
		if len(gone) > 0 {
			where := "the end of the scope of " + s.whereabouts()
			for _, a := range gone {
				a.release(where)
			}
		}
	}()
	out = f()
	return out, Eval(ctx, out...)
}

// SetLimit bounds the bytes of values at hand, those of [Of] included; 0 is no bound. Where an evaluation needs more, values that nobody has any more
// are given back, after one garbage collection, and then those that were not used for the longest time are spilled to files, from which they
// are read when they are used; kept ones and those in use are not. If that is not enough, the evaluation is an error and computes nothing. What a
// program needs within itself is not counted.
func SetLimit(bytes int64) { Default().SetLimit(bytes) }

// SetLimit is [SetLimit] for the session s.
func (s *Session) SetLimit(bytes int64) {
	m := &s.made().memory
	m.mu.Lock()
	m.limit = max(bytes, 0)
	m.mu.Unlock()
}

// ResetPeak makes [MemoryReport] tell of the largest Live from now on.
func ResetPeak() { Default().ResetPeak() }

// ResetPeak is [ResetPeak] for the session s.
func (s *Session) ResetPeak() {
	m := &s.made().memory
	m.sweep()
	m.mu.Lock()
	m.peak = m.live
	m.mu.Unlock()
}

// MemoryReport is what the values of a session take.
type MemoryReport struct {
	Live        int64 // bytes of values at hand
	Kept        int64 // of these, of kept arrays
	Spilled     int64 // bytes of values in files
	Peak        int64 // the largest Live so far
	Limit       int64 // of Live, 0 for none
	Collections int   // garbage collections for the sake of the limit
	Lines       []MemoryLine
}

// MemoryLine is what the values take that one line of the user's recorded.
type MemoryLine struct {
	Place  string // "In[3]:5"
	Arrays int
	Bytes  int64
}

// Memory returns what the values take that are at hand, by cell and line, the largest first. Arrays that nobody has any more count until they are
// collected.
func Memory() MemoryReport { return Default().Memory() }

// Memory is [Memory] of the session s.
func (s *Session) Memory() MemoryReport {
	m := &s.made().memory
	m.sweep()
	m.mu.Lock()
	defer m.mu.Unlock()
	r := MemoryReport{Live: m.live, Spilled: m.inFiles, Peak: m.peak, Limit: m.limit, Collections: m.collections}
	lines := map[string]*MemoryLine{}
	for v := range m.values {
		n := int64(v.shape.ByteSize())
		if a := v.owner(); a != nil && a.kept.Load() && v.at == resident {
			r.Kept += n
		}
		place := v.site.String()
		l := lines[place]
		if l == nil {
			l = &MemoryLine{Place: place}
			lines[place] = l
		}
		l.Arrays++
		l.Bytes += n
	}
	for _, l := range lines {
		r.Lines = append(r.Lines, *l)
	}
	sort.Slice(r.Lines, func(i, j int) bool {
		a, b := r.Lines[i], r.Lines[j]
		return a.Bytes > b.Bytes || a.Bytes == b.Bytes && a.Place < b.Place
	})
	return r
}

// String writes the report, a line of the user's in each line.
func (r MemoryReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s at hand, %s of it kept, %s at most so far", bytesize.Text(r.Live), bytesize.Text(r.Kept), bytesize.Text(r.Peak))
	if r.Limit > 0 {
		fmt.Fprintf(&b, ", the limit is %s", bytesize.Text(r.Limit))
	}
	if r.Spilled > 0 {
		fmt.Fprintf(&b, ", %s in files", bytesize.Text(r.Spilled))
	}
	for _, l := range r.Lines {
		fmt.Fprintf(&b, "\n%10s  %s", bytesize.Text(l.Bytes), l.Place)
		if l.Arrays > 1 {
			fmt.Fprintf(&b, ", %d arrays", l.Arrays)
		}
	}
	return b.String()
}
