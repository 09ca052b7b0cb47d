package ir

import (
	"math/bits"
	"slices"

	"github.com/quire-ml/quire/internal/arena"
	"github.com/quire-ml/quire/internal/frames"
)

// Sites makes the sites of a graph's nodes. Nodes that the same calls make, one after the other or in turns, as an optimizer does for
// each variable, share a site. Its zero value is ready; it is for one goroutine.
type Sites struct {
	latest []Site // by hash of their calls
	begun  bool
	calls  arena.Of[uintptr]
	sites  arena.Of[site]
}

// Here returns the site from which it is called.
//
//go:noinline
func (s *Sites) Here() Site {
	var pcs [frames.MaxCalls]uintptr
	n := frames.Callers(pcs[:])
	if s.latest == nil { // a first one has none to share, and is the only one of many
		if !s.begun {
			s.begun = true
			return SiteOfCalls(slices.Clone(pcs[:n]))
		}
		s.latest = make([]Site, 64)
	}
	latest := &s.latest[hashOf(pcs[:n])%uint64(len(s.latest))]
	if !slices.Equal(latest.Calls(), pcs[:n]) {
		latest.at = arena.One(&s.sites)
		latest.at.calls = arena.List(&s.calls, pcs[:n]...)
	}
	return *latest
}

func hashOf(pcs []uintptr) uint64 {
	sum := uint64(0)
	for _, pc := range pcs { // in a cycle or two each, of which there are forty for every node
		sum = bits.RotateLeft64(sum, 5) ^ uint64(pc)
	}
	h := hash(0)
	h.add(sum)
	return uint64(h)
}
