// Package capi loads PJRT plugins and stands between them and go-xla. It opens a library, checks that what it exports
// is an interface that go-xla can talk to, and hands out a copy of the plugin's function table in which nothing is
// missing and compilation goes through a cache on disk:
//
//	api, err := capi.Load("/plugins/cpu/pjrt.so", capi.Options{CacheDir: dir, CacheKey: hash})
//	…
//	err = pjrt.RegisterPreloadedPlugin("cpu", api.Pointer())
//
// # What go-xla does not look after
//
//   - Versions. It calls what its own version of the interface has, and ends the process where a plugin has nothing. Here
//     plugins that are too old are refused, and a function that is not there returns an error.
//   - Compiling again what another process has compiled. Executables are kept in a private folder, keyed by all that
//     they depend on and bounded in size; whatever is wrong with the folder, programs are compiled.
//   - The memory of devices, which some plugins count.
//   - Noise. What a plugin logs while it is opened, it logs whatever TF_CPP_MIN_LOG_LEVEL says; here the variable holds
//     for that too.
//
// # The C side
//
// pjrt.h describes the interface, shim.c is the table that go-xla sees, quiet.c holds standard error back. All but this
// file and the types need cgo, and dlopen: Linux or macOS. Elsewhere Load returns an error.
package capi
