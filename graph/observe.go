package graph

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/quire-ml/quire/internal/guard"
)

// Observe has fn told of each graph of this program that is complete: when it is compiled, before the backend sees it, and where
// the function of an [Exec] panics while it builds one, as far as that came. It is for tools that look at programs from
// aside, as a notebook's that shows the shapes of a line. fn must not change the graph, nor keep it; who compiles waits for it, and several
// may run at once. That it panics or ends its goroutine is let go. It is told as long as the program runs.
func Observe(fn func(*Graph)) {
	if fn == nil {
		return
	}
	observing.Lock()
	defer observing.Unlock()
	var all []func(*Graph)
	if old := observers.Load(); old != nil {
		all = slices.Clone(*old)
	}
	all = append(all, fn)
	observers.Store(&all)
}

var (
	observing sync.Mutex // who adds one
	observers atomic.Pointer[[]func(*Graph)]
)

// observe tells the observers of a graph. Without any it is one load.
func observe(g *Graph) { tell(observers.Load(), g) }

func tell(all *[]func(*Graph), g *Graph) {
	if all == nil || g == nil {
		return
	}
	for _, fn := range *all {
		_ = guard.Apart(func() error { fn(g); return nil })
	}
}

// span is a part of a graph's nodes, by number.
type span struct{ begin, end NodeId }

// IsDerived reports whether n was made of another node: by a transform, such as [Gradient] or [VMap], or by [Inline] of what a graph became.
// Such a node stands at the place of that one, not where the transform was asked for.
func (n *Node) IsDerived() bool {
	n.made()
	_, found := slices.BinarySearchFunc(n.graph.derived, n.id, func(s span, id NodeId) int {
		switch {
		case s.end <= id:
			return -1
		case s.begin > id:
			return 1
		}
		return 0
	})
	return found
}
