// Package capi loads PJRT plugins and stands between them and go-xla. It opens a library, checks that what it exports is
// an interface that go-xla can talk to, and hands out a copy of the plugin's function table in which nothing is missing
// and compilation goes through a cache on disk:
//
//	api, err := capi.Load("/plugins/cpu/pjrt.so", capi.Options{CacheDir: dir, CacheKey: hash})
//	…
//	err = pjrt.RegisterPreloadedPlugin("cpu", api.Pointer())
//
// pjrt.h describes the C interface. All but this file needs cgo, and dlopen: Linux or macOS.
package capi
