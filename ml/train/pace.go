package train

import (
	"slices"
	"time"
)

// pace says how many calls are to be under way when the report of the oldest is read. On an engine of this process that is the
// one which was begun last. One that is elsewhere must not stand still while this process waits to be woken, or is not run at all,
// since others are: it has work for some milliseconds.
type pace struct {
	afar bool // calls are made elsewhere

	from time.Time     // when the first call of those at hand was begun
	n    int           // how many of these were begun
	call time.Duration // what a call took lately, 0 if that is not known
}

const (
	// aheadTime is for how long an engine elsewhere has work besides the call that it is at. Systems that share processors among
	// programs run each for a few milliseconds.
	aheadTime = 5 * time.Millisecond

	// mostAhead bounds the calls that this may be.
	mostAhead = 16

	// paceOf is of how many calls the time is taken together, since their reports come several at once.
	paceOf = 8
)

// begun notes that a call was begun.
func (p *pace) begun(now time.Time) {
	if !p.afar {
		return
	}
	switch p.n {
	case 0:
		p.from = now
	case paceOf:
		p.call, p.from, p.n = max(now.Sub(p.from)/paceOf, 1), now, 0
	}
	p.n++
}

// pause leaves out what comes before the next call.
func (p *pace) pause() { p.n = 0 }

// most returns how many calls may be under way.
func (p *pace) most() int {
	if p.call == 0 {
		return 1
	}
	return 1 + int(min(aheadTime/p.call, mostAhead-1))
}

// durations keeps the last ones of many.
type durations struct {
	ring []time.Duration
	next int

	took time.Duration // by steps that are not added yet
	of   int           // how many these are
}

const maxDurations = 1000

// spent counts the time that n steps took. Where several calls are under way, reports come several at once: then a step may be begun
// for nothing, and the next one wait for several, and only what many take together says what one does.
func (d *durations) spent(took time.Duration, n int, now bool) {
	if d.took, d.of = d.took+took, d.of+n; now || d.of >= 2*mostAhead {
		d.add(d.took/time.Duration(d.of), d.of)
		d.took, d.of = 0, 0
	}
}

// add adds n of t each.
func (d *durations) add(t time.Duration, n int) {
	for range min(n, maxDurations) {
		if len(d.ring) < maxDurations {
			d.ring = append(d.ring, t)
			continue
		}
		d.ring[d.next] = t
		d.next = (d.next + 1) % maxDurations
	}
}

func (d *durations) median() time.Duration {
	if len(d.ring) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d.ring))
	return sorted[len(sorted)/2]
}
