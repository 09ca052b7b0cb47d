// Package workspace prepares what a notebook's cells are compiled in, so that an edited cell costs half a
// second, needs no network and no "go get".
//
// A [Workspace] knows the quire module that cells import ([Find]: a checkout, or the module cache), the go command and a cache
// directory. [Workspace.Build] makes the pinned tools (gonb, goimports, gopls) from the versions in tools.mod, which is a part
// of this package, once per version, and then compiles the packages that the cells will import. [Workspace.Env] is the
// environment in which the kernel runs:
//
//	GOFLAGS=-buildvcs=false '-ldflags=-s -w' -gcflags=all=-dwarf=false
//	                                           linking is most of a cell's time; what debuggers read is half of that
//	GOPROXY=off                                no network, unless asked for
//	GOTOOLCHAIN=local, GOWORK unset            one toolchain; the kernel makes its own go.work
//	CGO_ENABLED=0                              a cell links no C; set CGO_ENABLED=1 to allow it
//	PATH                                       goimports (and gopls) and go first
//
// If QUIRE_BACKEND asks for the engine xla, cells get it in a session, whose worker is a tool like the others ([Engine]).
package workspace
