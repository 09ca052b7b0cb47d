// Package plugins finds the PJRT plugins that are installed: the shared libraries through which the engine "xla"
// compiles and runs programs. It opens none; it says where a plugin lies, what has to be set before it is loaded,
// and whether its file can be a plugin of this machine, because the dynamic linker kills the process over a file
// that was cut off.
//
//	p, err := plugins.Find("cpu")
//	if err != nil {
//		return err // … run "quire plugin install cpu"
//	}
//	if err := p.Check(); err != nil {
//		return err // … is for aarch64, this machine is x86-64
//	}
//
// A plugin is installed as a folder of its name with a manifest in it:
//
//	<dir>/cpu/plugin.json
//	<dir>/cpu/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so
//
// where dir is one of [Dirs]: the folders in QUIRE_PLUGINS, or else the user's and the machine's. The command
// "quire plugin install" makes such folders. A library from elsewhere (of another platform, or built by hand) is
// named by its absolute path: backends.New("xla:/opt/pjrt_c_api_cpu_plugin.so").
//
// The package needs neither cgo nor a network.
package plugins
