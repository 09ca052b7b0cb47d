//go:build !linux && !darwin

package jobs

import (
	"errors"
	"time"
)

var errSystem = errors.New("jobs need Linux or macOS (on Windows: WSL or Docker): call the function itself")

// grace is how long a job may take to end by itself when it is stopped.
const grace = 5 * time.Second

func start(string, options) (*Job, error) { return nil, errSystem }

func watch() {}

func begin() {}

func work(func(*Work) error) {}

func (j *Job) ask(string) error { return errSystem }

func killMarked(string) {}

func sweepNew(string) {}
