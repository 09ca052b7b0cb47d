package svg

import "strings"

// advances is how wide the characters from ' ' to '~' are, in hundredths of the font's size: of regular and bold
// faces the wider one of DejaVu Sans, the widest of the fonts that pages of notebooks are set in, and Liberation Sans, whose
// widths are those of Arial and Helvetica. The fonts are the reader's: what has room by this table has it everywhere.
var advances = [2][95]uint8{
	{32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34, 84, 84, 84, 56,
		102, 69, 69, 73, 78, 67, 62, 78, 76, 30, 50, 67, 56, 87, 75, 79, 67, 79, 73, 67, 62, 74, 69, 99, 69, 67, 69, 40, 34, 40, 84, 56,
		50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53, 40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84},
	{35, 46, 53, 84, 70, 101, 88, 31, 46, 46, 53, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 40, 40, 84, 84, 84, 62,
		100, 78, 77, 74, 84, 69, 69, 83, 84, 38, 56, 78, 64, 100, 84, 86, 74, 86, 78, 73, 69, 82, 78, 111, 78, 73, 73, 46, 37, 46, 84, 56,
		50, 68, 72, 60, 72, 68, 44, 72, 72, 35, 35, 67, 35, 105, 72, 69, 72, 72, 50, 60, 48, 72, 66, 93, 65, 66, 59, 72, 37, 72, 84},
}

// Width returns how wide s is at most, in pixels, in a font of the given size.
func Width(s string, size float64, bold bool) float64 {
	table := &advances[0]
	if bold {
		table = &advances[1]
	}
	w := 0
	for _, r := range s {
		switch {
		case r >= ' ' && r <= '~':
			w += int(table[r-' '])
		case r < 0x250: // Latin
			w += 88
		default:
			w += 125
		}
	}
	return float64(w) * size / 100
}

func textWidth(s string, size float64) float64 { return Width(s, size, false) }

// TextWidth returns the width of s in the small font (class s, 11 pixels).
func TextWidth(s string) float64 { return textWidth(s, smallFont) }

// fit returns s, or as much of it as has room, with "…" at the end.
func fit(s string, room, size float64, bold bool) string {
	s = strings.Join(strings.Fields(s), " ") // a picture's text is one line
	if Width(s, size, bold) <= room {
		return s
	}
	runes := []rune(s)
	for n := min(len(runes)-1, 500); n > 0; n-- {
		if t := strings.TrimRight(string(runes[:n]), " ") + "…"; Width(t, size, bold) <= room {
			return t
		}
	}
	return ""
}
