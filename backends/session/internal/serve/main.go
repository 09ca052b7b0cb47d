package serve

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/quire-ml/quire/backends/session/internal/wire"
	"github.com/quire-ml/quire/graph/ir"
)

// Main is the program of a worker. Its client hears "ready", or what is wrong, on file 3.
func Main(args []string, open func(device string) (ir.Backend, error)) int {
	flags := flag.NewFlagSet("worker", flag.ContinueOnError)
	flags.SetOutput(os.Stderr)
	o := Options{Open: open}
	flags.StringVar(&o.Device, "device", "", "the engine, such as xla:cpu")
	flags.StringVar(&o.Dir, "dir", "", "the folder of the socket")
	flags.DurationVar(&o.Idle, "idle", 10*time.Minute, "how long to wait for somebody")
	flags.StringVar(&o.Owner, "owner", "", "the folder of the notebook that starts it")
	said := flags.Bool("ready", false, "say on file 3 when it is ready")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if o.Device == "" || o.Dir == "" || flags.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "the worker of a session is started by programs with QUIRE_BACKEND=session:…: it needs -device and -dir")
		return 2
	}
	var out io.WriteCloser = os.Stderr
	if *said {
		out = os.NewFile(3, "ready")
		syscall.CloseOnExec(3)
	}
	o.Ready = func() {
		if *said {
			fmt.Fprintln(out, wire.ReadyText)
			out.Close()
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	outlive()
	if err := Run(ctx, o); err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	return 0
}
