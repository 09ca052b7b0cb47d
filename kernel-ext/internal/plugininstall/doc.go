// Package plugininstall installs, lists and removes PJRT plugins: it is what stands behind "quire plugin".
//
// A plugin is made from wheels, packages of Python's index, of which each has a pinned version and SHA-256 sum
// ([Pins]). They come from a [Source]: a folder of wheels made by "pip download" ([Folder]), or the index that
// pip's configuration names (package pypi below this one, which needs net/http). [Install] unpacks them into
//
//	<dir>/cpu/plugin.json                                     what is in the folder
//	<dir>/cpu/xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so        the tree of the wheels, as it is in them
//
// where package plugins finds them. The folder appears under its name only when it is complete, checked and on the
// disk; of two installers one waits for the other; and what was downloaded before an interruption is used again.
//
//	pin, err := plugininstall.PinOf(plugininstall.Pins(), "cpu", "linux/amd64")
//	if err != nil {
//		return err // there is no wheel for windows/amd64 …
//	}
//	p, err := plugininstall.Install(ctx, pin, plugininstall.Folder("wheels"), plugininstall.Options{})
package plugininstall
