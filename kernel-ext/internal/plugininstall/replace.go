package plugininstall

import (
	"errors"
	"os"
)

// oldSuffix ends the name of a plugin that is being replaced.
const oldSuffix = "-old"

// replace is swap in three steps, for what cannot exchange two names at once: for a moment there is no plugin.
func replace(made, final string) error {
	old := made + oldSuffix
	if err := os.Rename(final, old); err != nil {
		return err
	}
	if err := os.Rename(made, final); err != nil {
		return errors.Join(err, os.Rename(old, final))
	}
	return os.Rename(old, made)
}
