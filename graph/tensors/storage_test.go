package tensors

import (
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quire-ml/quire/graph/dtypes"
	"github.com/quire-ml/quire/graph/shapes"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mustPanic runs fn, which must panic with a text that contains want.
func mustPanic(t *testing.T, want string, fn func()) {
	t.Helper()
	defer func() {
		t.Helper()
		r := recover()
		if r == nil {
			t.Errorf("no panic, want one with %q", want)
		} else if s, ok := r.(string); !ok || !strings.Contains(s, want) {
			t.Errorf("panic %v, want one with %q", r, want)
		}
	}()
	fn()
}

func newStorageT(t testing.TB, bytes int) *Storage {
	t.Helper()
	s, err := NewStorage(bytes)
	require.NoError(t, err)
	return s
}

func TestStoragesAreAligned(t *testing.T) {
	for _, n := range []int{0, 1, 7, 63, 64, 65, 80, 144, 208, 1000, 1729, 5000, 9000, 20000, 65535, 65536, 65537, 100_000, 1 << 20, 5_000_001} {
		for range 5 {
			s := newStorageT(t, n)
			if s.Len() != n || len(s.Bytes()) != n {
				t.Errorf("NewStorage(%d) has %d bytes", n, s.Len())
			}
			if misalignment(s.Bytes()) != 0 {
				t.Errorf("the storage of %d bytes begins %d bytes after a multiple of 64", n, misalignment(s.Bytes()))
			}
			if cap(s.Bytes()) != n {
				t.Errorf("append to a storage of %d bytes would write behind it", n)
			}
			s.Release()
		}
	}
}

func TestZeroStorageIsZeroAlsoWhenRecycled(t *testing.T) {
	for _, n := range []int{100, 1 << 20} {
		s := newStorageT(t, n)
		for i := range s.Bytes() {
			s.Bytes()[i] = 0xff
		}
		s.Release()
		z, err := NewZeroStorage(n)
		require.NoError(t, err)
		for i, b := range z.Bytes() {
			if b != 0 {
				t.Fatalf("byte %d of %d is %d", i, n, b)
			}
		}
		z.Release()
	}
}

func TestMemoryIsRecycledOnRelease(t *testing.T) {
	TrimPool()
	s := newStorageT(t, 1<<20)
	first := &s.Bytes()[0]
	s.Release()
	assert.Equal(t, int64(1<<20), Stats().Pooled, "bytes are pooled after the release of 1 MiB")
	s = newStorageT(t, 1<<20-5)
	assert.Same(t, first, &s.Bytes()[0], "a storage of about the same size did not take the released memory")
	s.Release()
	TrimPool()
	assert.Zero(t, Stats().Pooled, "bytes are pooled after TrimPool")
}

func TestReferencesAreCounted(t *testing.T) {
	for _, n := range []int{10, 1 << 20} {
		s := newStorageT(t, n)
		if s.Retain() != s || s.References() != 2 {
			t.Errorf("after Retain there are %d references", s.References())
		}
		s.Release()
		_ = s.Bytes()
		s.Release()
		assert.Zero(t, s.Len(), "a released storage has %d bytes", s.Len())
		mustPanic(t, "Bytes after the last Release", func() { s.Bytes() })
		mustPanic(t, "called more often than", s.Release)
		mustPanic(t, "Retain after the last Release", func() { s.Retain() })
	}
}

func TestMappedStorageIsGivenBackOnce(t *testing.T) {
	memory := alignedBytes(1 << 20)
	before, released := Stats(), 0
	s, err := MappedStorage(memory, func() { released++ })
	require.NoError(t, err)
	x, err := FromStorage(shapes.Make(dtypes.Float32, 512, 512), s)
	require.NoError(t, err)
	MustMutableFlatData(x, func(flat []float32) { flat[1] = 1 })
	assert.Equal(t, byte(0x3f), memory[7], "the tensor does not lie in the memory that was given")
	assert.Equal(t, before.Storages, Stats().Storages, "memory of others is counted")
	y := x.Share()
	x.Close()
	assert.Zero(t, released, "it is released while a tensor shares it")
	y.Close()
	assert.Equal(t, 1, released)
	assert.Equal(t, before.Pooled, Stats().Pooled, "memory of others is pooled")
}

func TestMappedStorageThatIsForgottenIsGivenBack(t *testing.T) {
	done := make(chan struct{})
	func() {
		_, err := MappedStorage(alignedBytes(100), func() { close(done) })
		require.NoError(t, err)
	}()
	for deadline := time.Now().Add(time.Minute); ; {
		runtime.GC()
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
			require.True(t, time.Now().Before(deadline), "it was not given back")
		}
	}
}

func TestMappedStorageOfMemoryThatIsNotAligned(t *testing.T) {
	s, err := MappedStorage(alignedBytes(100)[8:], func() { t.Error("it is released") })
	assert.Nil(t, s)
	assert.ErrorContains(t, err, "8 bytes after a multiple of 64")
	memory := alignedBytes(128)
	s, err = MappedStorage(memory, nil)
	require.NoError(t, err)
	s.Release()
	mustPanic(t, "called more often than", s.Release)
	next := newStorageT(t, 128)
	defer next.Release()
	assert.NotSame(t, &memory[0], &next.Bytes()[0], "memory of others is recycled")
}

func TestAbsurdSizesAreErrors(t *testing.T) {
	for _, c := range []struct {
		bytes int
		want  string
	}{
		{-1, "negative"},
		{1 << 50, "no memory for 1 PiB: the machine has"},
		{math.MaxInt64, "no memory for 8 EiB: the machine has"},
	} {
		if s, err := NewStorage(c.bytes); s != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("NewStorage(%d): error %v, want %q", c.bytes, err, c.want)
		}
	}
	before := settledStats()
	limit := memoryLimit()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		return // the next one needs memory that is there only when touched
	}
	require.LessOrEqual(t, limit, int64(1<<45), "the machine's memory is said to be %s", sizeText(limit))
	shape := shapes.Make(dtypes.Uint8, int(limit/2+1<<20))
	a, err := New(shape) // untouched, so it takes no memory yet
	require.NoError(t, err, "half of the machine's memory")
	if b, err := New(shape); b != nil || err == nil || !strings.Contains(err.Error(), "live tensors take") {
		t.Errorf("the second half and more: error %v", err)
	}
	a.Close()
	if after := Stats(); after.Live != before.Live || after.Storages != before.Storages {
		t.Errorf("live before %+v, after %+v", before, after)
	}
	TrimPool()
}

func TestForgottenStoragesAreCollected(t *testing.T) {
	before := settledStats()
	func() {
		for range 10 {
			newStorageT(t, 1<<20)
		}
	}()
	assert.LessOrEqual(t, settledStats().Storages, before.Storages)
}

// settledStats returns the statistics once collections free nothing more. One collection is not
// enough for that: under the race detector values stay reachable longer, and the runtime's cleanups
// run when a busy machine lets them.
func settledStats() MemoryStats {
	for last, same := Stats().Storages, 0; ; {
		pool.collect()
		now := Stats()
		if same++; now.Storages != last {
			last, same = now.Storages, 0
		}
		if same == 5 {
			return now
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// 200 tensors of 32 MiB are 6.4 GiB. None is closed and the Go heap hardly grows, so without
// collections for their sake all of them would stay.
func TestForgottenTensorsStayBounded(t *testing.T) {
	pool.collect()
	before := Stats()
	for range 200 {
		x := FromShape(shapes.Make(dtypes.Float32, 8<<20))
		Flat[float32](x)[12345] = 1
		live := Stats().Live - before.Live
		require.LessOrEqual(t, live, int64(256<<20), "%s are live although one tensor of 32 MiB is in use", sizeText(live))
		runtime.KeepAlive(x)
	}
	after := Stats()
	if n := after.Collections - before.Collections; n > 200 {
		t.Errorf("%d collections for 200 tensors: a storm", n)
	} else {
		t.Logf("%d collections for 200 tensors of 32 MiB", n)
	}
	pool.collect()
	TrimPool()
}

func TestSteadyUseStartsNoCollections(t *testing.T) {
	keep := FromShape(shapes.Make(dtypes.Uint8, 200<<20)) // working set
	step := func() {
		for range 10 {
			FromShape(shapes.Make(dtypes.Uint8, 16<<20)).Close()
		}
	}
	step()
	before := Stats().Collections
	for range 20 {
		step()
	}
	assert.LessOrEqual(t, Stats().Collections-before, 0, "collections although everything is closed")
	keep.Close()
	TrimPool()
}

func TestPoolStaysBounded(t *testing.T) {
	for i := range 100 { // every size once: nothing is recycled
		s := newStorageT(t, (i+1)<<20)
		s.Release()
		if s := Stats(); s.Live+s.Pooled > s.Peak+poolSlack {
			t.Fatalf("%s live and %s pooled exceed the peak of %s by more than %s", sizeText(s.Live), sizeText(s.Pooled), sizeText(s.Peak), sizeText(poolSlack))
		}
	}
	TrimPool()
}

func TestPooledMemoryGivesWay(t *testing.T) {
	TrimPool()
	p := &blockPool{free: map[int][]*block{}, collectAt: math.MaxInt64, watching: true}
	const limit = 10 << 20
	get := func(bytes int) *block {
		b, err := p.get(bytes, limit)
		require.NoError(t, err)
		return b
	}
	p.put(get(6 << 20))
	b := get(5 << 20)
	if p.stats.Live != 5<<20 || p.stats.Pooled != 0 {
		t.Errorf("of 10 MiB %s are live and %s pooled", sizeText(p.stats.Live), sizeText(p.stats.Pooled))
	}
	_, err := p.get(6<<20, limit)
	assert.EqualError(t, err, "no memory for 6 MiB: the machine has 10 MiB, live tensors take 5 MiB")
	p.put(b)
	p.put(get(10 << 20))
	p.trim(func(*block) bool { return true })
	if p.stats.Live != 0 || p.stats.Pooled != 0 || p.stats.Storages != 0 {
		t.Errorf("in the end %+v", p.stats)
	}
}

func TestUnusedMemoryGoesBackToTheSystem(t *testing.T) {
	TrimPool()
	newStorageT(t, 3<<20).Release()
	pool.mu.Lock()
	for _, list := range pool.free {
		for _, b := range list {
			b.freed = b.freed.Add(-2 * poolAge)
		}
	}
	pool.mu.Unlock()
	for range 100 {
		runtime.GC()
		if Stats().Pooled == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%s are still pooled", sizeText(Stats().Pooled))
}

func TestClassesWasteLessThanAQuarter(t *testing.T) {
	for n := largeStorage; n < 1<<32; n += n/7 + 1 {
		c := classSize(n)
		if c < n || 4*(c-n) >= c+4*(16<<10) || c%(16<<10) != 0 {
			t.Errorf("%d bytes take %d", n, c)
		}
	}
}

func TestStoragesFromManyGoroutines(t *testing.T) {
	var wg sync.WaitGroup
	shared := newStorageT(t, 1<<20)
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				s := shared.Retain()
				own, err := NewStorage((g*200+i)%7<<16 + 10)
				if err != nil {
					t.Error(err)
					return
				}
				for j := range own.Bytes()[:10] {
					own.Bytes()[j] = byte(g)
				}
				for _, b := range own.Bytes()[:10] {
					if b != byte(g) {
						t.Error("two goroutines have the same memory")
					}
				}
				if i%10 != 0 { // the others are left to the collector
					own.Release()
				}
				s.Release()
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 1, shared.References(), "references are left")
	shared.Release()
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1 KiB", 1536: "1.5 KiB", 3 << 30: "3 GiB", 1<<20 - 1: "1024 KiB", 1 << 46: "64 TiB"} {
		assert.Equal(t, want, sizeText(n), "sizeText(%d)", n)
	}
}

func BenchmarkNewStorage(b *testing.B) {
	for _, c := range []struct {
		name  string
		bytes int
	}{{"64B", 64}, {"4KiB", 4 << 10}, {"64KiB", 64 << 10}, {"4MiB", 4 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := newStorageT(b, c.bytes)
				s.Release()
			}
		})
	}
}
