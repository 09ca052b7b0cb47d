// Package timecodec carries times from cell to cell: the moment and the place, without the monotonic reading, which means nothing in
// another process.
package timecodec

import (
	"time"

	"github.com/quire-ml/quire/kernel-ext/carry"
)

// moment stands for a time.Time.
type moment struct {
	Unix  int64
	Nanos int
	Zone  string // of the location; its name at this moment where the location has none that can be looked up
	East  int    // seconds
	Fixed bool   // the location is this offset alone
}

// The location is looked up by its name.
func init() {
	carry.Register(carry.Codec[time.Time, moment]{
		Pack: func(t time.Time) (moment, error) {
			m := moment{Unix: t.Unix(), Nanos: t.Nanosecond(), Zone: t.Location().String()}
			if loc := t.Location(); loc != time.UTC && loc != time.Local {
				if named, err := time.LoadLocation(m.Zone); err != nil || !sameZone(t, t.In(named)) {
					m.Zone, m.East = t.Zone()
					m.Fixed = true
				}
			}
			return m, nil
		},
		Unpack: func(m moment) (time.Time, error) {
			t := time.Unix(m.Unix, int64(m.Nanos))
			if m.Fixed {
				return t.In(time.FixedZone(m.Zone, m.East)), nil
			}
			loc, err := time.LoadLocation(m.Zone)
			if err != nil {
				return t.UTC(), nil // the same moment: this process does not know the zone
			}
			return t.In(loc), nil
		},
		Summary: func(t time.Time) string { return t.Format(time.RFC3339) },
	})
}

func sameZone(t, u time.Time) bool {
	name, east := t.Zone()
	other, otherEast := u.Zone()
	return name == other && east == otherEast
}
