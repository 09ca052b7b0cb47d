package tensors

import (
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"time"
)

// MemoryStats counts the memory of large storages (64 KiB and more), which lie outside the Go heap.
// Smaller ones are part of the Go heap and are not counted.
type MemoryStats struct {
	Live        int64 // bytes of storages that are in use
	Pooled      int64 // bytes kept for the next storages
	Peak        int64 // largest Live so far
	Storages    int   // number of storages in use
	Collections int   // garbage collections started to find unreachable storages
}

// Stats returns what large storages take at this moment.
func Stats() MemoryStats { return pool.read() }

// TrimPool gives all memory that is kept for the next storages back to the system.
func TrimPool() { pool.trim(func(*block) bool { return true }) }

const (
	// poolSlack is how far live and pooled memory together may exceed the peak of live memory: room
	// for what changes its size from step to step.
	poolSlack = 256 << 20

	// poolAge is how long memory waits for its next use before a collection gives it back.
	poolAge = 20 * time.Second

	// collectFrom is the live memory below which no collection is started for its sake.
	collectFrom = 64 << 20

	// collectWait bounds how long an allocation waits for the memory that a collection found.
	collectWait = 100 * time.Millisecond
)

// block is a piece of memory outside the Go heap. Its length is the size of its class.
type block struct {
	memory []byte
	used   bool      // has held data, so it is not zero
	freed  time.Time // when it came to the pool

	// Of memory of others, which is no matter of the pool's: see MappedStorage.
	foreign bool
	release func() // nil leaves it as it is
}

// blockPool hands out blocks and takes them back. A fresh mapping costs 18 times an addition on
// that memory (page faults), so blocks are kept by size and reused, the last one first.
//
// The Go collector does not see how much memory hangs on the small Storage objects. The pool starts
// a collection itself when live memory has doubled since the last one: what GOGC=100 does for the
// Go heap.
type blockPool struct {
	mu         sync.Mutex
	free       map[int][]*block // by size, in order of their release
	stats      MemoryStats
	collectAt  int64 // live bytes at which to collect
	collecting bool
	watching   bool // watchCollections has been started
}

var pool = &blockPool{free: map[int][]*block{}, collectAt: collectFrom}

func (p *blockPool) read() MemoryStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}

// classSize rounds up to a quarter of a power of two, so that less than a quarter is unused. What needs more than three quarters of a
// huge page gets one: fresh memory of 1.6 MB comes in 100 µs in the place of 340 then.
func classSize(bytes int) int {
	if bytes < hugePage && bytes > hugePage-hugePage/4 {
		return hugePage
	}
	step := 1 << max(bits.Len(uint(bytes-1))-3, 14) // 16 KiB: the largest common page size
	return (bytes + step - 1) &^ (step - 1)
}

// get returns a block of at least the given number of bytes, where limit is what there is in all.
func (p *blockPool) get(bytes int, limit int64) (*block, error) {
	if int64(bytes) > limit {
		return nil, fmt.Errorf("no memory for %s: the machine has %s", sizeText(int64(bytes)), sizeText(limit))
	}
	size := classSize(bytes)
	p.collectIfDue(int64(size), limit)

	p.mu.Lock()
	if list := p.free[size]; len(list) > 0 {
		b := list[len(list)-1]
		p.free[size] = list[:len(list)-1]
		p.stats.Pooled -= int64(size)
		p.took(size)
		p.mu.Unlock()
		return b, nil
	}
	over := p.stats.Live+int64(size) > limit
	live := p.stats.Live
	var victims []*block
	if !over {
		p.took(size) // before the mapping: others must see it
		for p.stats.Pooled > 0 && p.stats.Live+p.stats.Pooled > limit {
			victims = append(victims, p.oldest())
		}
	}
	p.mu.Unlock()
	unmapAll(victims)
	if over {
		return nil, fmt.Errorf("no memory for %s: the machine has %s, live tensors take %s", sizeText(int64(bytes)), sizeText(limit), sizeText(live))
	}

	memory, err := mapMemory(size)
	if err != nil { // pooled memory of other sizes may be in the way
		p.collect()
		p.trim(func(*block) bool { return true })
		memory, err = mapMemory(size)
	}
	if err != nil {
		p.mu.Lock()
		p.stats.Live -= int64(size)
		p.stats.Storages--
		p.mu.Unlock()
		return nil, fmt.Errorf("no memory for %s: %w (live tensors take %s)", sizeText(int64(bytes)), err, sizeText(live))
	}
	return &block{memory: memory}, nil
}

// took counts a block as live. The caller holds the lock.
func (p *blockPool) took(size int) {
	p.stats.Live += int64(size)
	p.stats.Peak = max(p.stats.Peak, p.stats.Live)
	p.stats.Storages++
	if !p.watching {
		p.watching = true
		watchCollections()
	}
}

func putBlock(b *block) { pool.put(b) }

// put takes a block back, and returns the longest unused ones to the system if too much is kept.
func (p *blockPool) put(b *block) {
	size := len(b.memory)
	b.freed = time.Now()
	p.mu.Lock()
	p.stats.Live -= int64(size)
	p.stats.Storages--
	p.stats.Pooled += int64(size)
	p.free[size] = append(p.free[size], b)
	var victims []*block
	for p.stats.Live+p.stats.Pooled > p.stats.Peak+poolSlack {
		victims = append(victims, p.oldest())
	}
	p.mu.Unlock()
	unmapAll(victims)
}

// oldest removes the block that has waited longest. The caller holds the lock; the pool is not empty.
func (p *blockPool) oldest() *block {
	var size int
	var found *block
	for s, list := range p.free {
		if len(list) > 0 && (found == nil || list[0].freed.Before(found.freed)) {
			size, found = s, list[0]
		}
	}
	p.free[size] = p.free[size][1:]
	p.stats.Pooled -= int64(size)
	return found
}

// trim returns the pooled blocks that drop selects to the system.
func (p *blockPool) trim(drop func(*block) bool) {
	p.mu.Lock()
	var victims []*block
	for size, list := range p.free {
		var keep []*block
		for _, b := range list {
			if drop(b) {
				victims = append(victims, b)
				p.stats.Pooled -= int64(size)
			} else {
				keep = append(keep, b)
			}
		}
		if len(keep) == 0 {
			delete(p.free, size)
		} else {
			p.free[size] = keep
		}
	}
	p.mu.Unlock()
	unmapAll(victims)
}

func unmapAll(blocks []*block) {
	for _, b := range blocks {
		unmapMemory(b.memory)
		b.memory = nil
	}
}

// collectIfDue starts a collection if live memory has doubled since the last one, or would exceed
// the machine's. Of several goroutines one collects and the others go on.
func (p *blockPool) collectIfDue(size, limit int64) {
	p.mu.Lock()
	live := p.stats.Live + size
	due := !p.collecting && (live > p.collectAt || live > limit)
	p.collecting = p.collecting || due
	p.mu.Unlock()
	if !due {
		return
	}
	p.collect()
	p.mu.Lock()
	p.collecting = false
	p.collectAt = max(collectFrom, 2*(p.stats.Live+size))
	p.mu.Unlock()
}

// collect runs the garbage collector and waits until the storages that it found have been freed. The
// runtime frees them in goroutines of its own, which on a busy machine may begin late: the cleanup
// of a mark, queued with theirs, tells when they run. The wait ends after collectWait whatever comes.
func (p *blockPool) collect() {
	p.mu.Lock()
	p.stats.Collections++
	p.mu.Unlock()
	begun := make(chan struct{})
	func() {
		mark := new([Alignment]byte)
		runtime.AddCleanup(mark, func(begun chan struct{}) { close(begun) }, begun)
	}()
	runtime.GC()
	deadline := time.Now().Add(collectWait)
	select {
	case <-begun:
	case <-time.After(collectWait):
	}
	for before, quiet := p.read().Storages, 0; quiet < 3 && time.Now().Before(deadline); {
		time.Sleep(50 * time.Microsecond)
		if now := p.read().Storages; now < before {
			before, quiet = now, 0
		} else {
			quiet++
		}
	}
}

// watchCollections runs after each garbage collection, whoever started it: pooled memory that was
// not used for a while goes back to the system, and if less is live than before, the next collection
// for its sake comes sooner.
func watchCollections() {
	mark := new([Alignment]byte) // unreachable at once, so found by the next collection
	runtime.AddCleanup(mark, func(struct{}) {
		pool.mu.Lock()
		pool.collectAt = min(pool.collectAt, max(collectFrom, 2*pool.stats.Live))
		pool.mu.Unlock()
		old := time.Now().Add(-poolAge)
		pool.trim(func(b *block) bool { return b.freed.Before(old) })
		watchCollections()
	}, struct{}{})
}

// sizeText writes a number of bytes with a binary unit.
func sizeText(n int64) string {
	const units = "KMGTPE"
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	i := (bits.Len64(uint64(n)) - 1) / 10
	return fmt.Sprintf("%.4g %ciB", float64(n)/float64(uint64(1)<<(10*i)), units[i-1])
}
