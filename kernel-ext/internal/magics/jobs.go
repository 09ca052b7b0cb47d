package magics

import (
	"context"
	"errors"
	"strings"

	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

func jobs(opts Options) relay.Magic {
	return relay.Magic{
		Name: "jobs", Args: "[stop NAME…]", Short: "list what runs in the background and what ran there, and how it ended, or stop some",
		Twin: "jobs.List(), jobs.Stop(name)",
		Run: shows(func(_ context.Context, args []string) (View, error) {
			if len(args) > 0 && (args[0] != "stop" || len(args) < 2) {
				return View{}, usage("jobs", "[stop NAME…]")
			}
			if len(args) > 1 {
				for _, name := range args[1:] {
					if err := opts.Jobs.Stop(name); err != nil {
						return View{}, err
					}
				}
			}
			list, err := opts.Jobs.List()
			return jobsView(list), err
		}),
	}
}

func jobsView(list []Job) View {
	v := View{Head: []string{"name", "state", "began", ">took", "last line"}}
	for _, j := range list {
		v.Rows = append(v.Rows, []string{j.Name, j.State, j.Began.Format("2006-01-02 15:04"), age(j.Took), j.Last})
	}
	if len(list) == 0 {
		v.Note = "no jobs"
	}
	return v
}

func attach(opts Options) relay.Magic {
	return relay.Magic{
		Name: "attach", Args: "[NAME]", Short: "show the training curve of a job here, as it goes on, or the running cell",
		Long: "Without a name it shows what the running cell has shown and goes on to show, at once, as after a reload of the page.",
		Twin: "jobs.Attach(name)",
		Run: func(ctx context.Context, c *relay.Call) error {
			name := strings.TrimSpace(c.Args)
			switch {
			case name == "": // while a cell runs the relay answers it
				return errors.New("no cell runs: %attach NAME shows a job, and %jobs lists them")
			case strings.ContainsAny(name, " \t"):
				return usage("attach", "[NAME]")
			}
			return opts.Jobs.Attach(ctx, c, name)
		},
	}
}
