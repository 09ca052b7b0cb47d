// Package leave knows what a cell's program has to do before its cell ends while main still runs: save the variables that flow
// on to later cells, say. Who stays behind its cell (viz.Interact) calls [Do]; who has something to do then says so by
// [Before]. The two need not know one another.
package leave

import "sync"

var (
	mu   sync.Mutex
	todo []func()
)

// Before adds what Do calls.
func Before(f func()) {
	mu.Lock()
	defer mu.Unlock()
	todo = append(todo, f)
}

// Do calls what was added, once, in that order.
func Do() {
	mu.Lock()
	list := todo
	todo = nil
	mu.Unlock()
	for _, f := range list {
		f()
	}
}
