package keep

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quire-ml/quire/internal/bytesize"
)

// defaultQuota is how many bytes there may be: some of the data sets and networks of a year, and little of a disk of today.
const defaultQuota = 20 << 30

// quota returns how many bytes there may be.
func quota() (int64, error) {
	text := os.Getenv(QuotaEnv)
	if text == "" {
		return defaultQuota, nil
	}
	n, err := parseSize(text)
	if err != nil {
		return 0, fmt.Errorf("$%s is %q: %w", QuotaEnv, text, err)
	}
	return n, nil
}

// units are what a number of bytes may end in.
var units = map[string]float64{"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}

// parseSize reads a number of bytes: "500MB", "1.5 GiB".
func parseSize(text string) (int64, error) {
	number := strings.TrimRightFunc(text, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	unit, known := units[strings.ToUpper(strings.TrimSpace(text[len(number):]))]
	x, err := strconv.ParseFloat(number, 64)
	if !known || err != nil || math.IsNaN(x) || x < 0 || x*unit > math.MaxInt64/2 {
		return 0, errors.New(`want a number of bytes, such as "500MB" or "2TiB"`)
	}
	return int64(x * unit), nil
}

// makeRoom drops values of other names that Once made, those first that were not used for longest, until there is room for a new file. If
// all of them would not be enough it returns an error, and drops nothing.
func (k *key) makeRoom(path string) error {
	limit, err := quota()
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	all, err := k.store.list()
	if err != nil {
		return err
	}
	total, byHand := info.Size(), int64(0)
	var others []*entry
	for _, e := range all {
		switch {
		case e.Name == k.name:
			continue
		case e.ByHand:
			byHand += e.disk
		default:
			others = append(others, e)
		}
		total += e.disk
	}
	if info.Size()+byHand > limit {
		return fmt.Errorf("it takes %s on disk and what was put by hand %s, which is more than the %s that there may be: drop something (keep.Drop), or set %s",
			bytesize.Text(info.Size()), bytesize.Text(byHand), bytesize.Text(limit), QuotaEnv)
	}
	slices.SortFunc(others, func(a, b *entry) int { return a.used.Compare(b.used) })
	for _, e := range others {
		if total <= limit {
			break
		}
		if e.yield() {
			total -= e.disk
			say("keep: %q is dropped, %s that were last used %s: there may be %s ($%s)", e.Name, bytesize.Text(e.disk), ago(e.used), bytesize.Text(limit), QuotaEnv)
		}
	}
	return nil
}

// yield removes a value unless somebody is making it anew.
func (e *entry) yield() bool {
	unlock, ok := e.key.tryLock()
	if !ok {
		return false
	}
	defer unlock()
	return e.key.remove() == nil
}

// ago says how long ago something was.
func ago(t time.Time) string {
	switch d := time.Since(t); {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}
