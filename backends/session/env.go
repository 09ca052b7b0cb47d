package session

import "github.com/quire-ml/quire/backends/session/internal/wire"

const (
	// EnvDir names the folder of this user's workers: it is closed to others, and its path is short.
	EnvDir = wire.EnvDir

	// EnvWorker names the program of workers, which is backends/session/worker, built with cgo for the engine xla.
	EnvWorker = wire.EnvWorker

	// EnvOwner names a folder whose lock is held as long as what belongs together lives, such as the cells of a notebook: values that
	// [Hold] names end with it.
	EnvOwner = wire.EnvOwner
)
