package capi

// MinMinor is the oldest minor version of the plugins' interface that is taken, of major version 0: the oldest one that
// the engine's tests run with. Newer ones only add functions. Older plugins may lack some that go-xla calls
// unconditionally, and XLA itself keeps its interface compatible for no longer than a few months.
const MinMinor = 81

// DefaultCacheSize bounds a cache of compiled programs whose Options name no size, in bytes.
const DefaultCacheSize = 1 << 30

// Options says how a plugin is loaded.
type Options struct {
	// CacheDir is the folder of compiled programs; "" is no cache. It is made if it is missing. One that others
	// than its owner may write into is not used, since what lies there is native code: see [API.CacheOff].
	CacheDir string

	// CacheKey stands for all that changes what the plugin makes of a program and is not known here: a hash of its
	// library, the engine's own version. "" makes the library's size and time of change stand for it.
	CacheKey string

	// CacheSize is how many bytes the folder may hold; 0 is DefaultCacheSize. What was not used for longest goes first.
	CacheSize int64
}

// CacheStats counts what became of compilations that went through the cache, in this process since the plugin was loaded.
type CacheStats struct {
	Hits    int   // programs taken from the folder
	Misses  int   // programs that had to be compiled
	Errors  int   // files that were damaged or refused by the plugin, programs that could not be stored
	Evicted int   // files removed because the folder was full
	Bytes   int64 // what the folder held when this process last stored something or loaded the plugin
}

// MemoryStats is the memory of a device in bytes. Peak and Limit are 0 where the plugin does not say.
type MemoryStats struct{ InUse, Peak, Limit int64 }
