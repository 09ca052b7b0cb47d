package backends

// The engine "xla" needs cgo and costs the link of a program a second, so programs ask for it. Those that did not are told
// how.
func init() {
	Register(Engine{
		Name: "xla",
		About: `add import _ "github.com/quire-ml/quire/backends/xla" ` +
			`(in a notebook: set QUIRE_BACKEND before the kernel starts, as "quire run -backend xla:cpu" does)`,
	})
}
