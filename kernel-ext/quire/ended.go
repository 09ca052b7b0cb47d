package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
)

// ended keeps what kernels knew that died, until the front end starts them again: it does so at once, and with the same
// id.
type ended string

// forgotten is how long that is kept: a front end that has not started the kernel by then never does.
const forgotten = time.Hour

func (dir ended) file(id string) string { return filepath.Join(string(dir), filepath.Base(id)+".json") }

// keep writes down what a kernel knew; one without an id cannot be known again.
func (dir ended) keep(id string, m kernel.Memory) error {
	if id == "" {
		return errors.New("the kernel has no id")
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = os.MkdirAll(string(dir), 0o700)
	}
	if err != nil {
		return err
	}
	old, _ := filepath.Glob(dir.file("*"))
	for _, file := range old {
		if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) > forgotten {
			_ = os.Remove(file)
		}
	}
	return os.WriteFile(dir.file(id), text, 0o600)
}

// take returns what a kernel knew, once; ok is false if there is nothing.
func (dir ended) take(id string) (m kernel.Memory, ok bool) {
	text, err := os.ReadFile(dir.file(id))
	if err != nil || id == "" {
		return m, false
	}
	info, err := os.Stat(dir.file(id))
	_ = os.Remove(dir.file(id))
	return m, err == nil && time.Since(info.ModTime()) < forgotten && json.Unmarshal(text, &m) == nil
}
