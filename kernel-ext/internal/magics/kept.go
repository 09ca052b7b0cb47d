package magics

import (
	"context"
	"fmt"
	"time"

	"github.com/quire-ml/quire/internal/bytesize"
	"github.com/quire-ml/quire/kernel-ext/internal/relay"
)

func keep(opts Options) relay.Magic {
	return relay.Magic{
		Name: "keep", Args: "[drop NAME…]", Short: "list the values that last over restarts, and why their cells would make them anew, or drop some",
		Twin: "keep.List(), keep.Drop(name)",
		Run: shows(func(_ context.Context, args []string) (View, error) {
			if len(args) > 0 && (args[0] != "drop" || len(args) < 2) {
				return View{}, usage("keep", "[drop NAME…]")
			}
			if len(args) > 1 {
				for _, name := range args[1:] {
					if err := opts.Keeper.Drop(name); err != nil {
						return View{}, err
					}
				}
			}
			list, err := opts.Keeper.List()
			return keptView(list, opts.Now()), err
		}),
	}
}

func keptView(list []Kept, now time.Time) View {
	v := View{Head: []string{"name", "type", "value", ">size", ">age", ""}}
	var bytes int64
	for _, x := range list {
		mark := ""
		if x.Stale != "" {
			mark = "stale: " + x.Stale
		}
		bytes += x.Bytes
		v.Rows = append(v.Rows, []string{x.Name, x.Type, x.Summary, bytesize.Text(x.Bytes), age(now.Sub(x.Written)), mark})
	}
	switch {
	case len(v.Rows) == 0:
		v.Note = "nothing is kept"
	case len(v.Rows) > 1:
		v.Note = "together " + bytesize.Text(bytes)
	}
	return v
}

// age writes a time roughly: "12 s", "3 min", "5 h", "2 days".
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(max(d, 0).Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
