package backends

// The engine "session" is small and pure Go, so that every program has it: its work is done by another process.
import _ "github.com/quire-ml/quire/backends/session"
