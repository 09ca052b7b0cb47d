package studio

import (
	"github.com/quire-ml/quire/backends/session"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
	"github.com/quire-ml/quire/kernel-ext/jobs"
)

// Sweep ends and removes what was left by kernels, jobs and workers of sessions that were killed, as every start of a kernel does. Folders of
// variables are swept by Start, which makes one.
func Sweep() {
	scratch.Sweep()
	session.Sweep()
	_ = jobs.Sweep() // whoever uses jobs is told
}
