package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/quire-ml/quire/kernel-ext/internal/studio"
)

var versionCommand = &command{
	name:  "version",
	short: "print the version of quire and of Go",
	long:  "Prints the version of the quire module this command was built from, and of Go.",
	run: func(_ context.Context, env *environment, _ []string) error {
		fmt.Fprintf(env.stdout, "quire %s, %s %s/%s\n", studio.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return nil
	},
}
