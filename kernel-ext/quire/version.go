package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

var versionCommand = &command{
	name:  "version",
	short: "print the version of quire and of Go",
	long:  "Prints the version of the quire module this command was built from, and of Go.",
	run: func(_ context.Context, env *environment, _ []string) error {
		fmt.Fprintf(env.stdout, "quire %s, %s %s/%s\n", moduleVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return nil
	},
}

// moduleVersion returns the module's version, with the commit if it was built from a checkout.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown version)"
	}
	version := info.Main.Version
	if version == "" || version == "(devel)" {
		version = "(development)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			version += " " + s.Value[:12]
		}
	}
	return version
}
