package viz

import "fmt"

// si writes a large number with a letter: 1.62M.
func si(n int64) string {
	switch f := float64(n); {
	case n < 10_000:
		return fmt.Sprint(n)
	case f < 999_500:
		return fmt.Sprintf("%.3gk", f/1e3)
	case f < 999.5e6:
		return fmt.Sprintf("%.3gM", f/1e6)
	case f < 999.5e9:
		return fmt.Sprintf("%.3gG", f/1e9)
	default:
		return fmt.Sprintf("%.3gT", f/1e12)
	}
}
