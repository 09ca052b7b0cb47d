package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/kernel"
	"github.com/quire-ml/quire/kernel-ext/internal/kernelspec"
	"github.com/quire-ml/quire/kernel-ext/internal/scratch"
)

// Server says how to start JupyterLab.
type Server struct {
	Jupyter   *Jupyter
	Root      string // the folder that it shows
	Notebook  string // opened at once, relative to Root; may be ""
	IP        string
	Port      int // 0 lets Jupyter choose
	NoBrowser bool
	Args      []string // passed on to Jupyter
	Spec      kernelspec.Spec
}

// Start starts JupyterLab with the kernel in a private data directory, so that nothing is written to the
// user's. Kernels talk over Unix sockets in a private directory. Close of the child ends it all.
func Start(s Server) (*kernel.Child, error) {
	child, err := kernel.NewChild()
	if err != nil {
		return nil, err
	}
	if err := start(child, s); err != nil {
		child.Close(0)
		return nil, err
	}
	return child, nil
}

func start(child *kernel.Child, s Server) error {
	data, runtime := filepath.Join(child.Dir, "data"), filepath.Join(child.Dir, "r")
	if err := os.Mkdir(runtime, 0o700); err != nil {
		return err
	}
	if _, err := kernelspec.Install(data, s.Spec); err != nil {
		return err
	}
	var secrets []string
	s.Args, secrets = secretArguments(s.Args)
	cmd := exec.Command(s.Jupyter.Command[0], append(s.Jupyter.Command[1:len(s.Jupyter.Command):len(s.Jupyter.Command)], s.arguments()...)...)
	cmd.Dir = s.Root
	path := data
	if old := os.Getenv("JUPYTER_PATH"); old != "" {
		path += string(filepath.ListSeparator) + old
	}
	cmd.Env = append(os.Environ(), "JUPYTER_PATH="+path, "JUPYTER_RUNTIME_DIR="+runtime, scratch.LeaseEnv+"="+child.Dir)
	cmd.Env = append(cmd.Env, secrets...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return child.Start(cmd)
}

// secretArguments takes a token out of Jupyter's arguments, since everybody on the machine can read command lines, and
// returns it as a variable that Jupyter knows. An empty one, which means that none is asked for, is no secret.
func secretArguments(args []string) (rest, env []string) {
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		switch strings.TrimLeft(name, "-") {
		case "IdentityProvider.token", "ServerApp.token", "NotebookApp.token":
			if value != "" {
				env = append(env, "JUPYTER_TOKEN="+value)
				continue
			}
		}
		rest = append(rest, arg)
	}
	return rest, env
}

// arguments returns Jupyter's command line. A socket's path has at most 104 bytes: the runtime directory
// is short for that reason.
func (s Server) arguments() []string {
	args := []string{
		"--ServerApp.root_dir=" + s.Root,
		"--KernelManager.transport=ipc",
		"--MultiKernelManager.default_kernel_name=" + kernelspec.Name,
		"--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
	}
	if s.IP != "" {
		args = append(args, "--ServerApp.ip="+s.IP)
	}
	if s.Port != 0 {
		args = append(args, "--ServerApp.port="+strconv.Itoa(s.Port))
	}
	if s.NoBrowser {
		args = append(args, "--no-browser")
	}
	if os.Geteuid() == 0 && !has(s.Args, "--allow-root") { // in a container, say: Jupyter refuses otherwise
		args = append(args, "--allow-root")
	}
	args = append(args, s.Args...)
	if s.Notebook != "" {
		args = append(args, s.Notebook)
	}
	return args
}

func has(args []string, flag string) bool {
	for _, a := range args {
		if a == flag || strings.HasPrefix(a, flag+"=") {
			return true
		}
	}
	return false
}
