package picture

// Curve draws values as a line of blocks, so many wide; what is not known is a space.
func Curve(values []*float64, width int) string {
	const blocks = "▁▂▃▄▅▆▇█"
	levels := []rune(blocks)
	if len(values) == 0 {
		return ""
	}
	width = min(width, len(values))
	sums, counts := make([]float64, width), make([]int, width)
	for i, v := range values {
		if v != nil {
			at := i * width / len(values)
			sums[at], counts[at] = sums[at]+*v, counts[at]+1
		}
	}
	most := 0.0
	for i, n := range counts {
		if n > 0 {
			sums[i] /= float64(n)
			most = max(most, sums[i])
		}
	}
	line := make([]rune, width)
	for i, n := range counts {
		switch {
		case n == 0:
			line[i] = ' '
		case most == 0:
			line[i] = levels[0]
		default:
			line[i] = levels[min(int(sums[i]/most*float64(len(levels))), len(levels)-1)]
		}
	}
	return string(line)
}
